import { join } from 'node:path';
import t from 'tap';

import {
  deployment,
  pod,
  rateLimit,
  server,
  service,
  serviceProfile,
  slice,
} from '../../destination/testing/manifests.ts';
import { type Files, stateOf } from '../state/testing/state-of.ts';
import { analyze } from './analyze.ts';
import { formatFinding } from './finding.ts';

function findingsIn(files: Files): string[] {
  return analyze(stateOf(files)).map(formatFinding);
}

t.test('finds nothing wrong with a Service and its pod', async (t) => {
  t.same(
    findingsIn({
      'a.yaml': [service('api', '10.96.0.1'), pod('api-1', '10.0.0.1'), slice('api', [['api-1', '10.0.0.1']])],
    }),
    [],
  );
});

t.test('goes on after a broken file, and names its line', async (t) => {
  const found = findingsIn({
    'a.yaml': 'apiVersion: v1\nkind: Service\nmetadata: {name: api\n',
    'b.yaml': [service('api', '10.96.0.1', { port: { targetPort: 0 } })],
  });
  t.equal(found.length, 2);
  t.match(found[0], /^a\.yaml:\d: error: is not YAML/);
  t.match(found[1], /^b\.yaml:1: error: Service\/default\/api: spec\.ports\[0\]\.targetPort: /);
});

t.test('names the object that keeps another from deciding, once for all clients', async (t) => {
  const found = findingsIn({
    'service.yaml': [
      service('api', '10.96.0.1'),
      service('v1', '10.96.0.2'),
      deployment('web'),
      deployment('b', { labels: { v: '2' } }),
    ],
    'split.yaml': [split('old', 'v1'), split('young', 'v1')],
  });
  t.same(found, [
    'split.yaml:1: error: TrafficSplit/default/young: has no effect on requests to api.default.svc.cluster.local:80: TrafficSplit/default/old decides them',
  ]);
});

t.test('names a backend that is not there', async (t) => {
  const found = findingsIn({
    'a.yaml': [service('api', '10.96.0.1'), profile({ dstOverrides: [{ authority: 'v9.default', weight: 1 }] })],
  });
  t.match(
    found.join('\n'),
    /error: ServiceProfile\/default\/api\.default\.svc\.cluster\.local: dstOverrides: v9\.default.* is no port of a Service/,
  );
});

t.test('says that an object without its Service has no effect', async (t) => {
  t.match(findingsIn({ 'a.yaml': [profile({ routes: [route('GET')] })] }), [
    /^a\.yaml:1: warning: ServiceProfile\/.*: has no effect/,
  ]);
});

t.test(
  'says once that a route of Gateways alone is not followed, and nothing of one that is attached to both',
  async (t) => {
    const gateway = { kind: 'Gateway', name: 'edge' };
    const api = { group: '', kind: 'Service', name: 'api', port: 80 };
    const cluster = [service('api', '10.96.0.1'), deployment('web')];
    const rule = { backendRefs: [{ name: 'api', port: 80 }] };
    t.match(
      findingsIn({
        'a.yaml': [...cluster, httpRoute({ parentRefs: [gateway], hostnames: ['a.example'], rules: [rule] })],
      }),
      [/^a\.yaml:1: warning: HTTPRoute\/default\/edge: spec\.parentRefs: names no Service/],
    );
    t.same(findingsIn({ 'a.yaml': [...cluster, httpRoute({ parentRefs: [gateway, api], rules: [rule] })] }), []);
  },
);

t.test('warns once of a rule that repeats POST', async (t) => {
  const found = findingsIn({
    'a.yaml': [
      service('api', '10.96.0.1'),
      deployment('web'),
      profile({ routes: [route('GET'), { ...route('POST'), name: 'create' }] }),
    ],
  });
  t.match(found, [/^a\.yaml:1: warning: ServiceProfile\/.*: route "create" may send a POST again/]);
  t.equal(found.length, 1);
});

t.test('warns once of a profile of gRPC, of whose calls each is a POST, and says what can be done there', async (t) => {
  const call = (name: string, isRetryable = true) => ({
    name,
    condition: { method: 'POST', pathRegex: `/emojivoto\\.v1\\.EmojiService/${name}` },
    isRetryable,
  });
  const routes = [
    ...['FindByShortcode', 'ListAll', 'VoteDog', 'VoteJoy'].map((name) => call(name)),
    call('VoteZ', false),
  ];
  t.same(findingsIn({ 'a.yaml': [service('api', '10.96.0.1'), deployment('web'), profile({ routes })] }), [
    'a.yaml:1: warning: ServiceProfile/default/api.default.svc.cluster.local: routes "FindByShortcode", "ListAll", "VoteDog" and 1 more may send a call again that the application has already carried out, as each call of gRPC is a POST; keep retries for calls that do no harm when they are repeated',
  ]);
  const mixed = [call('ListAll'), route('POST')];
  t.match(findingsIn({ 'a.yaml': [service('api', '10.96.0.1'), deployment('web'), profile({ routes: mixed })] }), [
    /routes "ListAll" and "POST" may send a POST again that .*; exclude the method/,
  ]);
});

t.test('is loud about security that is not enforced, and quieter about the rest', async (t) => {
  const object = (apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: { name: 'x' } });
  const found = findingsIn({
    'a.yaml': [
      object('security.istio.io/v1', 'SomethingNew'),
      object('policy.linkerd.io/v1alpha1', 'EgressNetwork'),
      object('networking.istio.io/v1alpha3', 'EnvoyFilter'),
      object('v1', 'ConfigMap'),
      object('apps/v1', 'StatefulSet'),
    ],
  });
  t.match(found, [
    /error: EgressNetwork\/default\/x: IS NOT ENFORCED/,
    /warning: EnvoyFilter\/default\/x: would patch the configuration of Envoy/,
    /warning: SomethingNew\/default\/x: is a kind of security\.istio\.io that Weft does not read/,
  ]);
  t.equal(found.length, 3);
});

t.test('tells of keys that the control plane cannot fetch, as the status says', async (t) => {
  const authentication = (message: string) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'users' },
    spec: { jwtRules: [{ issuer: 'https://issuer.example' }] },
    status: { conditions: [{ type: 'weft.dev/Accepted', status: 'True', reason: 'PartiallyHonoured', message }] },
  });
  const found = (message: string) => findingsIn({ 'a.yaml': [authentication(message), pod('api-1', '10.0.0.1')] });
  const away = 'spec.jwtRules[0].issuer: the keys of https://issuer.example/keys cannot be got: ENOTFOUND';
  t.match(found(away), [/error: RequestAuthentication\/default\/users: status: .* cannot be got: ENOTFOUND/]);
  t.same(found('everything in it is honoured'), []);
});

t.test('takes the pods that workloads would make for those of a Server, whatever makes them', async (t) => {
  const labels = { app: 'api' };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] },
  };
  const workload = (kind: string, spec: object = { template }) => ({
    apiVersion: /Job/.test(kind) ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name: 'api', namespace: 'default' },
    spec,
  });
  const policy = rateLimit('limit', 'api-http', { total: { requestsPerSecond: 10 } });
  const http = server('api-http', { port: 'http' });
  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'])
    t.same(findingsIn({ 'a.yaml': [workload(kind), http, policy] }), [], kind);
  t.same(findingsIn({ 'a.yaml': [workload('CronJob', { jobTemplate: { spec: { template } } }), http, policy] }), []);
  const neither = [
    /HTTPLocalRateLimitPolicy\/default\/limit: has no effect: .*Server/,
    /Server\/default\/api-http: has no effect/,
  ];
  t.match(findingsIn({ 'a.yaml': [http, policy] }), neither);
  const other = server('api-http', { podSelector: { matchLabels: { app: 'apy' } }, port: 'http' });
  t.match(findingsIn({ 'a.yaml': [workload('Deployment'), other, policy] }), neither, 'it selects other pods');
  const misnamed = server('api-http', { port: 'web' });
  t.match(findingsIn({ 'a.yaml': [workload('Deployment'), misnamed, policy] }), neither, 'it names another port');
});

t.test('says which access objects are of no pod', async (t) => {
  const istio = (kind: string, namespace: string, spec: object) => ({
    apiVersion: 'security.istio.io/v1',
    kind,
    metadata: { name: 'x', namespace },
    spec,
  });
  const api = pod('api-1', '10.0.0.1');
  const selecting = (app: string) => ({ selector: { matchLabels: { app } } });
  const found = (...objects: readonly object[]) => findingsIn({ 'a.yaml': [api, ...objects] });
  for (const kind of ['AuthorizationPolicy', 'PeerAuthentication']) {
    t.same(found(istio(kind, 'default', selecting('api'))), []);
    t.same(found(istio(kind, 'istio-system', {})), []);
    for (const [namespace, spec] of [
      ['default', selecting('apy')],
      ['other', {}],
    ] as const)
      t.match(found(istio(kind, namespace, spec)), [
        new RegExp(`${kind}/${namespace}/x: has no effect: it selects no pod`),
      ]);
  }
});

t.test('says of an object that stands twice which one counts, whatever its kind', async (t) => {
  const api = service('api', '10.96.0.1');
  const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' } };
  t.same(findingsIn({ 'a.yaml': [api, set], 'b.yaml': [api, { ...set, spec: {} }] }), [
    'b.yaml:1: warning: Service/default/api: stands at a.yaml:1 too, word for word; one of them is enough',
    'b.yaml:1: error: StatefulSet/default/db: stands at a.yaml:1 too and differs; that one is used, and in a cluster the one that is applied last',
  ]);
  const other = { ...set, metadata: { name: 'db', namespace: 'other' } };
  t.same(findingsIn({ 'a.yaml': [set], 'b.yaml': [other] }), []);
});

t.test('asks for the API group that was meant', async (t) => {
  const object = (apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: { name: 'x' } });
  t.match(
    findingsIn({
      'a.yaml': [
        object('networking.istio.oi/v1', 'VirtualService'),
        object('networking.istio.io/v1', 'ServiceProfile'),
        object('serving.knative.dev/v1', 'Service'),
        object('appmesh.k8s.aws/v1beta2', 'VirtualService'),
      ],
    }),
    [
      /warning: ServiceProfile\/default\/x: apiVersion: networking\.istio\.io has no ServiceProfile; write linkerd\.io/,
      /warning: VirtualService\/default\/x: apiVersion: networking\.istio\.oi has no .*; write networking\.istio\.io/,
    ],
  );
});

t.test("reads the user's own manifests beside their Service", async (t) => {
  const found = analyze(stateOf({ 'cluster.yaml': USER_CLUSTER }, [USER]))
    .map(formatFinding)
    .join('\n');
  t.notMatch(found, /istio-(authorization-policy|peer-authentication)\.yaml/, 'what they ask for is done');
  t.match(found, /istio-gateway\.yaml:1: warning: Gateway\/default\/main-gateway: /);
  t.notMatch(found, /(ServiceProfile|TrafficSplit)\/.*has no effect: no Service/, 'their Service is there');
});

function httpRoute(spec: object) {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'edge', namespace: 'default' },
    spec,
  };
}

function split(name: string, backend: string) {
  return {
    apiVersion: 'split.smi-spec.io/v1alpha2',
    kind: 'TrafficSplit',
    metadata: { name },
    spec: { service: 'api', backends: [{ service: backend, weight: 1 }] },
  };
}

function profile(spec: object) {
  return serviceProfile('api.default.svc.cluster.local', spec);
}

function route(method: string) {
  return { name: method, condition: { method }, isRetryable: true };
}

const USER = join(import.meta.dirname, '../../test/fixtures/user');
const USER_CLUSTER = [
  service('api-service', '10.96.0.1'),
  service('api-service-stable', '10.96.0.2'),
  service('api-service-canary', '10.96.0.3'),
  pod('api-1', '10.0.0.1', { labels: { app: 'api-service', version: 'v1' } }),
  pod('api-2', '10.0.0.2', { labels: { app: 'api-service', version: 'v2' } }),
  slice('api-service', [
    ['api-1', '10.0.0.1'],
    ['api-2', '10.0.0.2'],
  ]),
];
