import t from 'tap';

import { clusterOf } from '../testing/cluster.ts';
import { deployment, namespace, pod, rateLimit, server, service, serviceProfile } from '../testing/manifests.ts';
import { inboundConfig } from './inbound-config.ts';

const POLICY = 'weft.dev/default-inbound-policy';
/** Metadata of a pod of the Deployment `api`. */
const OWNED = { metadata: { ownerReferences: [{ kind: 'Deployment', name: 'api', controller: true }] } };

t.test('a pod without a word has the default policy on the ports that it declares', async (t) => {
  t.same(configOf(pod('api-1', '10.244.0.1')), {
    defaultPolicy: { mode: 'all-unauthenticated', origin: 'default' },
    ports: [{ port: 8080, protocol: 'detect', policy: { mode: 'all-unauthenticated', origin: 'default' }, routes: {} }],
    clusterNetworks: ['10.0.0.0/8'],
  });
});

t.test('the policy is that of the pod, else of the namespace, each under either name', async (t) => {
  const policyOf = (onPod: object, onNamespace: object) =>
    configOf(pod('api-1', '10.244.0.1', { annotations: onPod }), namespace('default', onNamespace)).defaultPolicy;
  t.same(policyOf({ [POLICY]: 'deny' }, { [POLICY]: 'audit' }), {
    mode: 'deny',
    origin: 'annotation/pod/default/api-1',
  });
  t.same(policyOf({}, { [POLICY]: 'audit' }), { mode: 'audit', origin: 'annotation/namespace/default' });
  t.equal(policyOf({}, { 'config.linkerd.io/default-inbound-policy': 'all-authenticated' }).mode, 'all-authenticated');
  t.equal(policyOf({ [POLICY]: 'audit', 'config.linkerd.io/default-inbound-policy': 'deny' }, {}).mode, 'audit');
  t.equal(policyOf({ [POLICY]: 'all-authentcated' }, {}).mode, 'deny', 'a misspelt policy lets nobody in');
});

t.test('a port that only a Service names is there too', async (t) => {
  const { ports } = configOf(
    pod('api-1', '10.244.0.1'),
    service('api', '10.96.0.1', { port: { targetPort: 9090 } }),
    service('named', '10.96.0.2', { spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'http' }] } }),
    service('other', '10.96.0.3', { spec: { selector: { app: 'other' }, ports: [{ port: 7070 }] } }),
  );
  t.same(
    ports.map(({ port }) => port),
    [8080, 9090],
  );
});

t.test('routes of each Service stand under its name, the pod’s own under none; they only count', async (t) => {
  const { ports } = configOf(
    pod('api-1', '10.244.0.1', {
      metadata: { ownerReferences: [{ kind: 'Deployment', name: 'api', controller: true }] },
    }),
    deployment('api', {
      templateAnnotations: { 'weft.dev/route-profile': 'routes: [{ name: own, condition: { method: GET } }]' },
    }),
    service('api', '10.96.0.1'),
    serviceProfile('api.default.svc.cluster.local', {
      routes: [{ name: 'r', condition: { method: 'GET' }, isRetryable: true, timeout: '1s' }],
    }),
    {
      ...serviceProfile('api.default.svc.cluster.local', {
        routes: [{ name: 'client', condition: { method: 'GET' } }],
      }),
      metadata: { name: 'api.default.svc.cluster.local', namespace: 'client' },
    },
  );
  t.match(ports[0]!.routes, {
    '': [{ name: 'own', origin: 'Deployment/default/api' }],
    'api.default.svc.cluster.local': [{ name: 'r', retry: null, timeouts: {} }],
  });
});

t.test('where a port counts by routes, each of its Services is named, and nobody else', async (t) => {
  const [plain, profiled] = ['plain', 'profiled'].map((name) => `${name}.default.svc.cluster.local`) as [
    string,
    string,
  ];
  const select = { spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 8080 }] } };
  const cluster = [
    service('plain', '10.96.0.1', select),
    service('profiled', '10.96.0.2', select),
    serviceProfile(profiled, { routes: [{ name: 'explicit', condition: { method: 'GET' } }] }),
  ];
  const named = (...objects: object[]) =>
    Object.entries(configOf(pod('api-1', '10.244.0.1', OWNED), ...cluster, ...objects).ports[0]!.routes)
      .map(([service, routes]) => [service, routes.map(({ name }) => name)])
      .sort();
  const own = { 'weft.dev/route-profile': 'routes: [{ name: own, condition: { method: GET } }]' };
  t.same(named(deployment('api', { templateAnnotations: own })), [
    ['', ['own']],
    [plain, ['own']],
    [profiled, ['explicit']],
  ]);
  t.same(named(), [
    [plain, []],
    [profiled, ['explicit']],
  ]);
});

t.test('each of two Deployments behind a Service follows its own routes inbound', async (t) => {
  const routesOf = (name: string) => `routes: [{ name: ${name}, condition: { method: GET } }]`;
  const owned = (name: string) => ({ metadata: { ownerReferences: [{ kind: 'Deployment', name, controller: true }] } });
  const { cluster, inquiry, complaints, target } = clusterOf(
    service('api', '10.96.0.1'),
    deployment('young', {
      createdAt: '2026-02-01T00:00:00Z',
      annotations: { 'weft.dev/route-profile': routesOf('young') },
    }),
    deployment('old', {
      createdAt: '2026-01-01T00:00:00Z',
      annotations: { 'weft.dev/route-profile': routesOf('old') },
    }),
    deployment('silent', { createdAt: '2025-01-01T00:00:00Z' }),
    pod('young-1', '10.244.0.1', owned('young')),
    pod('old-1', '10.244.0.2', owned('old')),
  );
  for (const name of ['young', 'old']) {
    const { ports } = inboundConfig(inquiry, cluster.get('Pod', 'default', `${name}-1`)!);
    t.match(ports[0]!.routes, { '': [{ name }] });
  }
  complaints.length = 0;
  t.match(target('api:80')?.routes, [{ name: 'old' }], 'outbound the older one wins');
  t.match(complaints, [/Deployment\/default\/young.*differs from that of the older Deployment old/]);
});

t.test('a named route profile of one Deployment is not that of another’s pods', async (t) => {
  const owned = (name: string) => ({ metadata: { ownerReferences: [{ kind: 'Deployment', name, controller: true }] } });
  const { cluster, inquiry } = clusterOf(
    service('api', '10.96.0.1'),
    serviceProfile('shared', { routes: [{ name: 'shared', condition: { method: 'GET' } }] }),
    deployment('old', { createdAt: '2026-01-01T00:00:00Z', annotations: { 'weft.dev/route-profile': 'shared' } }),
    deployment('young', { createdAt: '2026-02-01T00:00:00Z' }),
    pod('young-1', '10.244.0.1', owned('young')),
  );
  const { ports } = inboundConfig(inquiry, cluster.get('Pod', 'default', 'young-1')!);
  t.same(ports[0]!.routes, {});
});

t.test('a route profile may name a ServiceProfile, and one that is not there is complained about', async (t) => {
  const named = deployment('api', { annotations: { 'weft.dev/route-profile': 'shared' } });
  const { target, complaints, source } = clusterOf(service('api', '10.96.0.1'), named);
  t.same(target('api:80')?.routes, []);
  t.match(complaints, [/names ServiceProfile "shared", which namespace default does not have/]);
  source.put(serviceProfile('shared', { routes: [{ name: 'r', condition: { method: 'GET' } }] }));
  t.match(target('api:80')?.routes, [{ name: 'r', origin: 'ServiceProfile/default/shared' }]);
});

t.test('a route profile that is not YAML, or no spec, is reported', async (t) => {
  for (const text of ['routes: [', '- a\n- b', 'a: &a [*a]\nb: *c', '', 'routes: 5']) {
    const { reports, target } = clusterOf(
      service('api', '10.96.0.1'),
      deployment('api', { annotations: { 'weft.dev/route-profile': text } }),
    );
    t.match(reports.current(), [{ object: { kind: 'Deployment', name: 'api' }, path: /route-profile/ }], text);
    t.same(target('api:80')?.routes, [], text);
  }
});

t.test('a route profile that became unreadable leaves the last good one in force', async (t) => {
  const annotated = (text: string) => deployment('api', { annotations: { 'weft.dev/route-profile': text } });
  const { source, target, reports } = clusterOf(
    service('api', '10.96.0.1'),
    annotated('routes: [{ name: good, condition: { method: GET } }]'),
  );
  source.put(annotated('routes: ['));
  t.match(target('api:80')?.routes, [{ name: 'good' }]);
  t.equal(reports.current().length, 1);
});

t.test('a rate limit of a port whose octets no proxy reads is complained about', async (t) => {
  const api = pod('api-1', '10.244.0.1', { annotations: { 'weft.dev/opaque-ports': '8080' } });
  const complaintsAbout = (proxyProtocol: string) => {
    const { cluster, inquiry, complaints } = clusterOf(
      api,
      server('api', { proxyProtocol }),
      rateLimit('limit', 'api', { total: { requestsPerSecond: 10 } }),
    );
    inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!);
    return complaints;
  };
  t.match(complaintsAbout('opaque'), [
    /^HTTPLocalRateLimitPolicy\/default\/limit.*no request to port 8080.*opaque by proxyProtocol\/Server\/default\/api/,
  ]);
  t.match(complaintsAbout('unknown'), [/opaque by weft\.dev\/opaque-ports\/Pod\/default\/api-1/]);
  t.match(complaintsAbout('TLS'), [/tls by proxyProtocol/]);
  t.same(complaintsAbout('HTTP/1'), []);
});

function configOf(...manifests: object[]) {
  const { cluster, inquiry } = clusterOf(...manifests);
  return inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!);
}
