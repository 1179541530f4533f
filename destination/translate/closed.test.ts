/** What cannot be read of access policy, or means somebody else, lets nobody in whom it could have been meant to keep out. */
import t from 'tap';

import type { PodAccess } from '../../api/access-policy.ts';
import { clusterOf } from '../testing/cluster.ts';
import { istioSecurity, linkerdPolicy as linkerd, namespace, pod, server } from '../testing/manifests.ts';
import { inboundConfig } from './inbound-config.ts';

const POD = pod('api-1', '10.244.0.1');
const REQUIRE_IDENTITY = 'config.linkerd.io/proxy-require-identity-inbound-ports';

t.test('a PeerAuthentication that cannot be read comes before every other that speaks of the pod', async (t) => {
  const unreadable = peerAuthentication('unreadable', { selector: 'none' });
  const lenient = peerAuthentication('api', {
    selector: { matchLabels: { app: 'api' } },
    mtls: { mode: 'PERMISSIVE' },
    portLevelMtls: { 8080: { mode: 'DISABLE' } },
  });
  const { mutualTls, mutualTlsPorts } = accessOf(POD, unreadable, lenient)!;
  t.same(mutualTls, { mode: 'strict', origin: 'PeerAuthentication/default/unreadable' });
  t.equal(mutualTlsPorts, undefined);
});

t.test('what stands for an unreadable object follows it, until one can be read', async (t) => {
  const { inquiry, source } = clusterOf(POD, peerAuthentication('api', { selector: 'none' }));
  const mode = () => inboundConfig(inquiry, [...source.objects.list('Pod')][0]!).access?.mutualTls.mode;
  t.equal(mode(), 'strict');
  source.put(peerAuthentication('api', { selector: 7 }));
  t.equal(mode(), 'strict', 'a second version that cannot be read either');
  source.put(peerAuthentication('api', { mtls: { mode: 'PERMISSIVE' } }));
  t.equal(mode(), 'permissive', 'one that can');
  source.put(peerAuthentication('api', { selector: 'none' }));
  t.equal(mode(), 'permissive', 'the last that could be read holds');
});

t.test('ports that demand an identity and cannot be told are all ports', async (t) => {
  const ranges = (annotation: string) =>
    accessOf(pod('api-1', '10.244.0.1', { annotations: { [REQUIRE_IDENTITY]: annotation } }))?.layers[0]?.deny[0]?.when;
  const guarded = (portRanges: readonly unknown[]) => ({ all: [{ portRanges }, {}] });
  t.match(ranges('8080,http'), {
    all: [
      {
        portRanges: [
          [8080, 8080],
          [8080, 8080],
        ],
      },
    ],
  });
  t.match(ranges('8080,90x90,-'), guarded([[1, 65_535]]), 'an entry that is no port');
  t.match(ranges('8080,grpc'), guarded([[1, 65_535]]), 'a name that no container has');
  const inherited = accessOf(POD, namespace('default', { [REQUIRE_IDENTITY]: 'http,grpc' }));
  t.match(inherited?.layers[0]?.deny[0]?.when, guarded([[8080, 8080]]), 'a namespace names ports of several pods');
});

t.test('an identity is read as one of this mesh where it is of its trust domain alone', async (t) => {
  const identities = (identity: string) => {
    const { ports } = configOf(
      POD,
      server('api', {}),
      linkerd('MeshTLSAuthentication', 'clients', { identities: [identity] }),
      linkerd('AuthorizationPolicy', 'api', {
        targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'api' },
        requiredAuthenticationRefs: [{ group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name: 'clients' }],
      }),
    );
    return JSON.stringify(ports[0]?.authorizations);
  };
  const ours = 'web.default.serviceaccount.identity.weft.cluster.local';
  t.match(identities('web.default.serviceaccount.identity.linkerd.cluster.local'), ours);
  t.notMatch(identities('web.default.serviceaccount.identity.linkerd.other.example'), ours);
});

t.test('routes of one name and of two API groups are two routes', async (t) => {
  const [linkerds, gateways] = ['policy.linkerd.io', 'gateway.networking.k8s.io'];
  const route = (group: string, version: string, path: string) => ({
    ...linkerd('HTTPRoute', 'api', {
      parentRefs: [{ group: linkerds, kind: 'Server', name: 'api' }],
      rules: [{ matches: [{ path: { value: path } }] }],
    }),
    apiVersion: `${group}/${version}`,
  });
  const { ports } = configOf(
    POD,
    server('api', { accessPolicy: 'deny' }),
    route(linkerds!, 'v1beta3', '/linkerd'),
    route(gateways!, 'v1', '/gateway'),
    linkerd('AuthorizationPolicy', 'gateway', {
      targetRef: { group: gateways, kind: 'HTTPRoute', name: 'api' },
      requiredAuthenticationRefs: [{ kind: 'ServiceAccount', name: 'web' }],
    }),
  );
  t.same(
    ports[0]?.accessRoutes?.map(({ when, authorizations }) => [
      JSON.stringify(when).includes('/gateway'),
      authorizations.length,
    ]),
    [
      [false, 0],
      [true, 1],
    ],
  );
});

t.test('a Server of which a route cannot be told takes no request', async (t) => {
  const route = (spec: object) => ({
    ...linkerd('HTTPRoute', 'api', {
      parentRefs: [{ group: 'policy.linkerd.io', kind: 'Server', name: 'api' }],
      ...spec,
    }),
    apiVersion: 'policy.linkerd.io/v1beta3',
  });
  const routesOf = (spec: object) => configOf(POD, server('api', {}), route(spec)).ports[0]?.accessRoutes;
  t.equal(routesOf({ rules: [{ matches: [{ path: { value: '/a' } }] }] })?.length, 1);
  t.same(routesOf({ rules: [{ matches: [{ path: { value: '/a' } }, { pathh: {} }] }] }), [], 'a match is misspelt');
  t.same(routesOf({ rules: 'none' }), [], 'nothing of it can be read');
});

function configOf(...manifests: readonly object[]) {
  const { inquiry, source } = clusterOf(...manifests);
  return inboundConfig(inquiry, [...source.objects.list('Pod')][0]!);
}

function accessOf(...manifests: readonly object[]): PodAccess | undefined {
  return configOf(...manifests).access;
}

function peerAuthentication(name: string, spec: object) {
  return istioSecurity('PeerAuthentication', name, spec);
}
