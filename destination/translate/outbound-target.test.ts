import t from 'tap';

import { clusterOf } from '../testing/cluster.ts';
import { deployment, namespace, pod, service, serviceProfile, slice } from '../testing/manifests.ts';
import { parseTarget } from './target.ts';

const API = 'api.default.svc.cluster.local';
const MINIMAL = [service('api', '10.96.0.1'), pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']])];

t.test('the address of a Service leads to its pods', async (t) => {
  const { target } = clusterOf(...MINIMAL);
  t.same(target('10.96.0.1:80'), {
    name: API,
    kind: 'service',
    port: 80,
    protocol: 'detect',
    labels: { dst_service: 'api', dst_namespace: 'default' },
    routes: [],
    retryBudget: { ratio: 0.2, minPerSecond: 10, windowMs: 10_000 },
    backends: {
      '': {
        service: API,
        port: 80,
        endpoints: [
          {
            uid: 'uid-api-1',
            address: '10.244.0.1',
            port: 8080,
            tls: {
              identity: 'api.default.serviceaccount.identity.weft.cluster.local',
              mesh: 'weft',
              mode: 'transparent',
              inboundPort: 4143,
            },
            protocol: 'detect',
            labels: {
              dst_namespace: 'default',
              dst_pod: 'api-1',
              dst_serviceaccount: 'api',
              dst_control_plane_ns: 'weft',
            },
          },
        ],
      },
    },
  });
});

t.test('requests may say how they are retried where the Service allows it, or else its namespace', async (t) => {
  const allowed = (ofService: object, ofNamespace: object) => {
    const objects = [namespace('default', ofNamespace), service('api', '10.96.0.1', { annotations: ofService })];
    const { target, reports } = clusterOf(...objects);
    return { ...target('10.96.0.1:80'), problems: reports.current().length };
  };
  const word = (text: string) => ({ 'weft.dev/request-overrides': text });
  t.match(allowed({}, {}), { requestOverrides: undefined, problems: 0 });
  t.match(allowed(word('enabled'), {}), { requestOverrides: 'allowed' });
  t.match(allowed({}, word('enabled')), { requestOverrides: 'allowed' });
  t.match(allowed(word('disabled'), word('enabled')), { requestOverrides: undefined });
  t.match(allowed(word('yes'), word('enabled')), { requestOverrides: undefined, problems: 1 });
});

t.test('what is not known is null', async (t) => {
  const { target } = clusterOf(...MINIMAL);
  for (const key of [
    '10.96.0.1:81',
    '10.96.0.2:80',
    '1.1.1.1:443',
    'example.com:443',
    'nothing:80',
    'api.other:80',
    '[fd00::1]:80',
  ]) {
    t.equal(target(key), null, key);
  }
});

t.test('a Service is found by every name that DNS gives it, seen from the client’s namespace', async (t) => {
  const { target } = clusterOf(...MINIMAL, namespace('other'));
  for (const key of ['api:80', 'api.default:80', 'api.default.svc:80', `${API}:80`, `${API}.:80`, 'API.Default:80']) {
    t.equal(target(key)?.name, API, key);
  }
  t.equal(target('api:80', 'other'), null, 'a short name is one of the client’s namespace');
  t.equal(target('api.default:80', 'other')?.name, API);
});

t.test('text that is no target is refused', async (t) => {
  for (const key of [
    '',
    'api',
    ':80',
    'api:0',
    'api:65536',
    'a b:80',
    '[::1:80',
    'fd00::1:80',
    '[10.0.0.1]x:80',
    '..:80',
    '-a:80',
    `${'a'.repeat(300)}:80`,
  ]) {
    t.equal(parseTarget(key), null, key);
  }
  t.same(parseTarget('[FD00:0::1]:80'), { host: 'fd00::1', isAddress: true, port: 80 });
  t.same(parseTarget('[::ffff:10.0.0.1]:80'), { host: '10.0.0.1', isAddress: true, port: 80 });
});

t.test('a pod is found by its own address, on any port, and gets everything', async (t) => {
  const { target } = clusterOf(...MINIMAL);
  t.match(target('10.244.0.1:9999'), {
    name: '10.244.0.1',
    kind: 'pod',
    routes: { length: 0 },
    backends: { '': { endpoints: [{ uid: 'uid-api-1', port: 9999, tls: { mesh: 'weft' } }] } },
  });
});

t.test('a headless Service is found by name, and each of its pods by its host name', async (t) => {
  const { target } = clusterOf(
    service('db', 'None', { spec: { clusterIP: 'None', selector: { app: 'db' } } }),
    pod('db-0', '10.244.0.5', { labels: { app: 'db' } }),
    slice('db', [['db-0', '10.244.0.5', { hostname: 'db-0' }]]),
  );
  t.equal(target('db:80')?.kind, 'service');
  for (const key of [
    'db-0.db:80',
    'db-0.db.default:80',
    'db-0.db.default.svc:80',
    'db-0.db.default.svc.cluster.local:80',
  ]) {
    t.match(
      target(key),
      { kind: 'pod', backends: { '': { endpoints: [{ uid: 'uid-db-0', address: '10.244.0.5', port: 80 }] } } },
      key,
    );
  }
  t.equal(target('db-1.db:80'), null);
});

t.test('endpoints that are not ready, going, or of a pod that is not known are left out', async (t) => {
  const { target } = clusterOf(
    service('api', '10.96.0.1'),
    ...['a', 'b', 'c', 'e', 'f', 'g'].map((name, at) => pod(name, `10.244.0.${at + 1}`)),
    pod('gone', '10.244.0.8', {
      metadata: { name: 'gone', namespace: 'default', uid: 'uid-gone', deletionTimestamp: '2026-01-01T00:00:00Z' },
    }),
    pod('done', '10.244.0.9', { status: { phase: 'Succeeded', podIP: '10.244.0.9' } }),
    slice('api', [
      ['a', '10.244.0.1'],
      ['b', '10.244.0.2', { conditions: { ready: false } }],
      ['c', '10.244.0.3', { conditions: { ready: false, terminating: true } }],
      ['d', '10.244.0.4'],
      ['e', '10.244.0.5', { targetRef: { kind: 'Pod', name: 'e', uid: 'uid-of-an-earlier-e' } }],
      ['f', '10.244.0.99'],
      ['g', '10.244.0.6', { conditions: {} }],
      ['gone', '10.244.0.8'],
      ['done', '10.244.0.9'],
    ]),
  );
  t.same(uids(target('api:80')), ['uid-a', 'uid-g']);
});

t.test('a pod that ends is an endpoint while its slice calls it ready, as with publishNotReadyAddresses', async (t) => {
  const { target } = clusterOf(
    service('api', '10.96.0.1'),
    pod('a', '10.244.0.1', {
      metadata: { name: 'a', namespace: 'default', uid: 'uid-a', deletionTimestamp: '2026-01-01T00:00:00Z' },
    }),
    slice('api', [['a', '10.244.0.1', { conditions: { ready: true, serving: true, terminating: true } }]]),
  );
  t.same(uids(target('api:80')), ['uid-a']);
});

t.test('an address without a pod is an endpoint in the clear, known by its address', async (t) => {
  const { target } = clusterOf(service('api', '10.96.0.1', { spec: { clusterIP: '10.96.0.1', selector: null } }), {
    ...slice('api', []),
    endpoints: [{ addresses: ['192.0.2.1'], zone: 'a' }],
  });
  t.match(target('api:80')?.backends[''], {
    endpoints: [{ uid: '192.0.2.1:8080', tls: null, labels: { dst_namespace: 'default', dst_zone: 'a' } }],
  });
});

t.test('an address that somebody wrote by hand is the pod that has it, once', async (t) => {
  const byHand = {
    ...slice('api', []),
    metadata: { name: 'by-hand', namespace: 'default', labels: { 'kubernetes.io/service-name': 'api' } },
    endpoints: [{ addresses: ['10.244.0.1'] }, { addresses: ['10.244.9.9'] }],
  };
  const { target, source } = clusterOf(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1'),
    slice('api', [['api-1', '10.244.0.1']]),
    byHand,
  );
  const found = () => target('api:80')?.backends['']?.endpoints.map(({ uid, tls }) => [uid, tls !== null]);
  t.same(found(), [
    ['10.244.9.9:8080', false],
    ['uid-api-1', true],
  ]);
  source.put(pod('late', '10.244.9.9'));
  t.same(found(), [
    ['uid-api-1', true],
    ['uid-late', true],
  ]);
});

t.test('a dual-stack pod is one endpoint', async (t) => {
  const { target } = clusterOf(
    ...MINIMAL,
    pod('api-1', '10.244.0.1', { status: { podIP: '10.244.0.1', podIPs: [{ ip: '10.244.0.1' }, { ip: 'fd44::1' }] } }),
    {
      ...slice('api', [['api-1', 'fd44:0::1']]),
      metadata: { name: 'a-6', namespace: 'default', labels: { 'kubernetes.io/service-name': 'api' } },
      addressType: 'IPv6',
    },
  );
  t.match(target('api:80')?.backends['']?.endpoints, [{ address: '10.244.0.1' }]);
  t.match(target('[fd44::1]:8080'), { kind: 'pod', backends: { '': { endpoints: [{ address: 'fd44::1' }] } } });
});

t.test('mutual TLS is demanded of pods with our proxy, unless the port goes past it', async (t) => {
  const tlsOf = (...args: Parameters<typeof pod>) => {
    const { target } = clusterOf(service('api', '10.96.0.1'), pod(...args), slice('api', [['api-1', '10.244.0.1']]));
    return target('api:80')?.backends['']?.endpoints[0]?.tls;
  };
  t.match(tlsOf('api-1', '10.244.0.1'), { mode: 'transparent' });
  t.match(tlsOf('api-1', '10.244.0.1', { annotations: { 'weft.dev/capture': 'none' } }), {
    mode: 'direct',
    inboundPort: 4143,
  });
  t.equal(tlsOf('api-1', '10.244.0.1', { meshed: false }), null);
  t.equal(
    tlsOf('api-1', '10.244.0.1', { meshed: false, labels: { 'weft.dev/control-plane-namespace': 'other' } }),
    null,
    'another control plane',
  );
  for (const ports of ['8080', '8000-9000', 'http']) {
    t.equal(tlsOf('api-1', '10.244.0.1', { annotations: { 'weft.dev/skip-inbound-ports': ports } }), null, ports);
  }
  t.ok(tlsOf('api-1', '10.244.0.1', { annotations: { 'config.linkerd.io/skip-inbound-ports': '22' } }));
  const { target } = clusterOf(pod('api-1', '10.244.0.1'));
  t.equal(target('10.244.0.1:4191')?.backends['']?.endpoints[0]?.tls, null, 'the proxy’s own ports');
});

t.test('a pod counts under the Deployment above its ReplicaSet', async (t) => {
  const owned = (kind: string, name: string) => ({ ownerReferences: [{ kind, name, controller: true }] });
  const { target } = clusterOf(
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'api-7f', namespace: 'default', ...owned('Deployment', 'api') },
    },
    pod('api-1', '10.244.0.1', { metadata: owned('ReplicaSet', 'api-7f'), labels: { 'pod-template-hash': '7f' } }),
    pod('db-0', '10.244.0.2', { metadata: owned('StatefulSet', 'db') }),
  );
  const labels = (key: string) => target(key)?.backends['']?.endpoints[0]?.labels;
  t.match(labels('10.244.0.1:80'), { dst_deployment: 'api', dst_pod_template_hash: '7f' });
  t.match(labels('10.244.0.2:80'), { dst_statefulset: 'db' });
});

t.test('a pod of a Job counts under it, and one of a CronJob under that, whichever run it is', async (t) => {
  const labelOf = (job: string, creationTimestamp?: string) => {
    const metadata = { creationTimestamp, ownerReferences: [{ kind: 'Job', name: job, controller: true }] };
    const { target } = clusterOf(pod('run', '10.244.0.1', { metadata }));
    const { dst_job, dst_k8s_job, dst_cronjob } = target('10.244.0.1:80')?.backends['']?.endpoints[0]?.labels ?? {};
    return { dst_job, dst_k8s_job, dst_cronjob };
  };
  const due = new Date(29_001_000 * 60_000).toISOString();
  t.match(labelOf('hello-29001000', due), { dst_cronjob: 'hello', dst_k8s_job: undefined, dst_job: undefined });
  t.match(labelOf('migrate', due), { dst_k8s_job: 'migrate', dst_cronjob: undefined, dst_job: undefined });
  t.match(
    labelOf('report-20260101', due),
    { dst_k8s_job: 'report-20260101', dst_cronjob: undefined },
    'a date is no minute',
  );
  t.match(
    labelOf('hello-29001000'),
    { dst_k8s_job: 'hello-29001000', dst_cronjob: undefined },
    'made at no known time',
  );
});

t.test('an address that is used again belongs to the pod that lives', async (t) => {
  const made = (name: string, createdAt: string, more: object = {}) =>
    pod(name, '10.244.0.1', { metadata: { creationTimestamp: createdAt, ...more } });
  const { target, source } = clusterOf(
    pod('old', '10.244.0.1', { status: { phase: 'Succeeded', podIP: '10.244.0.1' } }),
    made('new', '2026-01-02T00:00:00Z'),
    made('going', '2026-01-03T00:00:00Z', { deletionTimestamp: '2026-01-03T00:00:00Z' }),
  );
  t.same(uids(target('10.244.0.1:80')), ['uid-new']);
  source.remove('Pod', 'new');
  t.same(uids(target('10.244.0.1:80')), ['uid-going']);
  source.put(pod('host', '10.244.0.1', { spec: { hostNetwork: true } }));
  source.remove('Pod', 'going');
  t.equal(target('10.244.0.1:80'), null, 'a pod on the host’s network shares its address with others');
});

t.test(
  'the ServiceProfile of the client’s namespace comes first, then that of the Service, then the route profile',
  async (t) => {
    const route = (name: string) => ({ routes: [{ name, condition: { method: 'GET' } }] });
    const { target, source } = clusterOf(
      ...MINIMAL,
      deployment('api', {
        annotations: { 'weft.dev/route-profile': `routes: [{ name: deployment, condition: { method: GET } }]` },
      }),
    );
    const names = (from: string) => target('api.default:80', from)?.routes.map(({ name }) => name);
    t.same(names('default'), ['deployment']);
    source.put(serviceProfile(API, route('service')));
    t.same(names('default'), ['service']);
    t.same(names('client'), ['service']);
    source.put({ ...serviceProfile(API, route('client')), metadata: { name: API, namespace: 'client' } });
    t.same(names('default'), ['service']);
    t.same(names('client'), ['client']);
  },
);

t.test('overrides split every route and what no route takes', async (t) => {
  const { target, complaints } = clusterOf(
    ...MINIMAL,
    service('canary', '10.96.0.2'),
    pod('canary-1', '10.244.0.7', { labels: { app: 'canary' } }),
    slice('canary', [['canary-1', '10.244.0.7']]),
    serviceProfile(API, {
      routes: [{ name: 'r', condition: { method: 'GET' } }],
      dstOverrides: [
        { authority: `${API}:80`, weight: 9 },
        { authority: 'canary.default.svc.cluster.local', weight: '500m' },
        { authority: 'none.default.svc.cluster.local:80', weight: 1 },
      ],
    }),
  );
  const split = [
    { backend: '', weight: 9000 },
    { backend: 'canary.default.svc.cluster.local:80', weight: 500 },
    { backend: 'none.default.svc.cluster.local:80', weight: 1000 },
  ];
  const found = target('api:80');
  t.match(found?.routes, [
    { name: 'r', split },
    { name: '', when: { all: { length: 0 } }, split },
  ]);
  t.match(found?.backends['canary.default.svc.cluster.local:80'], { port: 80, endpoints: [{ uid: 'uid-canary-1' }] });
  t.same(found?.backends['none.default.svc.cluster.local:80']?.endpoints, []);
  t.match(complaints, [/ServiceProfile\/default\/api.*none\.default.*fails/]);
});

function uids(target: ReturnType<ReturnType<typeof clusterOf>['target']>) {
  return target?.backends['']?.endpoints.map(({ uid }) => uid);
}
