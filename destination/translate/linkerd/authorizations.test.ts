import t from 'tap';

import { clusterOf } from '../../testing/cluster.ts';
import { linkerdPolicy as linkerd, pod, server } from '../../testing/manifests.ts';
import { inboundConfig } from '../inbound-config.ts';

t.test('a request is of the route with the most precise host, whatever its path', async (t) => {
  const { accessRoutes } = portOf(
    route('any', [], [{ path: { type: 'Exact', value: '/admin' } }]),
    route('names', ['*.example', 'api.example', 'b.example'], [{ path: { value: '/a' } }, { method: 'GET' }]),
    route('subdomains', ['*.api.example'], [{ path: { value: '/' } }]),
  );
  const hostsOf = (when: object) => [...JSON.stringify(when).matchAll(/"([a-z.]*\.example)"/g)].map(([, host]) => host);
  t.same(
    accessRoutes?.map(({ name, when }) => [name, ...hostsOf(when)]),
    [
      ['names', 'api.example', 'b.example'],
      ['names', 'api.example', 'b.example'],
      ['subdomains', '.api.example'],
      ['names', '.example'],
      ['names', '.example'],
      ['any'],
    ],
  );
});

t.test('a host is the same with a final dot', async (t) => {
  const { accessRoutes } = portOf(route('api', ['api.example'], []));
  t.match(accessRoutes?.[0]?.when, {
    all: [{ any: [{ authority: { exact: 'api.example' } }, { authority: { exact: 'api.example.' } }] }],
  });
});

t.test('an end of identities that is of all of Linkerd’s mesh is of all of this mesh', async (t) => {
  const suffixes = (identity: string) => {
    const { authorizations } = portOf(
      linkerd('MeshTLSAuthentication', 'clients', { identities: [identity] }),
      linkerd('AuthorizationPolicy', 'api', {
        targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'api' },
        requiredAuthenticationRefs: [{ group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name: 'clients' }],
      }),
    );
    return [...JSON.stringify(authorizations).matchAll(/"suffix":"([^"]*)"/g)].map(([, suffix]) => suffix);
  };
  const ours = '.serviceaccount.identity.weft.cluster.local';
  t.same(suffixes('*.linkerd.cluster.local'), ['.linkerd.cluster.local', ours]);
  t.same(suffixes('*.shop.serviceaccount.identity.linkerd.cluster.local').at(-1), `.shop${ours}`);
  t.same(suffixes('*.linkerd.other.example'), ['.linkerd.other.example'], 'of another trust domain');
});

function portOf(...manifests: readonly object[]) {
  const { inquiry, source } = clusterOf(pod('api-1', '10.244.0.1'), server('api', {}), ...manifests);
  return inboundConfig(inquiry, [...source.objects.list('Pod')][0]!).ports[0]!;
}

function route(name: string, hostnames: readonly string[], matches: readonly object[]) {
  const parentRefs = [{ group: 'policy.linkerd.io', kind: 'Server', name: 'api' }];
  return linkerd('HTTPRoute', name, { parentRefs, hostnames, rules: [{ matches }] }, 'v1beta3');
}
