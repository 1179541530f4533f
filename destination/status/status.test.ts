import t from 'tap';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Cluster } from '../objects/cluster.ts';
import { Reports } from '../objects/reports.ts';
import { TEST_DOMAIN } from '../testing/cluster.ts';
import { FakeSource } from '../testing/fake-source.ts';
import { istioSecurity, pod, rateLimit, server, service } from '../testing/manifests.ts';
import { CONTROLLER_NAME, routeStatusWith, statusWith } from './object-status.ts';
import { type Judged, judgePolicies } from './policy-survey.ts';
import { StatusKeeper } from './status-keeper.ts';
import { type Verdict, verdictOf } from './verdict.ts';

const NOW = '2026-01-02T03:04:05Z';
const good: Verdict = { isAccepted: true, reason: 'Accepted', message: 'everything in it is honoured' };
const bad: Verdict = { isAccepted: false, reason: 'Invalid', message: 'spec.hosts: is missing' };

t.test('an object is accepted, in part, in conflict or invalid, the worst first', async (t) => {
  const object = { kind: 'VirtualService', namespace: 'default', name: 'a' };
  const lost = { object, path: '', message: 'has no effect' };
  const missing = { object, path: 'spec.http[0]', message: 'is no port of a Service' };
  t.same(verdictOf([], []), good);
  t.match(verdictOf([{ path: 'spec.a', message: 'is odd', severity: 'warning' }], [missing]), {
    isAccepted: true,
    reason: 'PartiallyHonoured',
    message: 'spec.a: is odd; spec.http[0]: is no port of a Service',
  });
  t.match(verdictOf([], [missing, lost]), { isAccepted: false, reason: 'Conflicted', message: 'has no effect' });
  t.match(verdictOf([{ path: 'spec.hosts', message: 'is missing' }], [lost]), bad);
});

t.test('a verdict is a condition beside those of others, and its time is that of its status', async (t) => {
  const others = [{ type: 'Reconciled', status: 'True' }];
  const raw = { metadata: { generation: 2 }, status: { conditions: others, validationMessages: [] } };
  const first = statusWith(raw, good, NOW)!;
  t.match(first, {
    validationMessages: { length: 0 },
    conditions: [{ type: 'Reconciled' }, { type: 'weft.dev/Accepted' }],
  });
  t.match((first.conditions as object[])[1], { status: 'True', observedGeneration: 2, lastTransitionTime: NOW });
  t.equal(statusWith({ ...raw, status: first }, good, '2027-01-01T00:00:00Z'), null, 'it says so already');
  const later = statusWith({ metadata: { generation: 3 }, status: first }, good, '2027-01-01T00:00:00Z')!;
  t.match((later.conditions as object[])[1], { observedGeneration: 3, lastTransitionTime: NOW });
  const turned = statusWith({ ...raw, status: first }, bad, '2027-01-01T00:00:00Z')!;
  t.match((turned.conditions as object[])[1], { status: 'False', lastTransitionTime: '2027-01-01T00:00:00Z' });
});

t.test('the status of a policy that names its target names it too', async (t) => {
  const targetRef = { group: 'policy.linkerd.io', kind: 'Server', name: 'api' };
  t.match(statusWith({ spec: { targetRef } }, good, NOW), { targetRef, conditions: [{ status: 'True' }] });
  const before = { targetRef: { name: 'before' } };
  t.match(statusWith({ spec: { targetRef }, status: before }, good, NOW), { targetRef }, 'as it is now');
  t.notHas(statusWith({ spec: {} }, good, NOW), { targetRef: {} });
});

t.test('a route has a condition for each Service that it is attached to, beside what gateways say', async (t) => {
  const parentRef = { group: '', kind: 'Service', name: 'api', port: 80 };
  const gateway = { controllerName: 'example.com/gateway', parentRef: { name: 'edge' }, conditions: [] };
  const raw = {
    metadata: { generation: 1 },
    spec: { parentRefs: [{ name: 'edge' }, parentRef] },
    status: { parents: [gateway] },
  };
  const status = routeStatusWith(raw, bad, NOW)!;
  t.match(status.parents, [
    gateway,
    { controllerName: CONTROLLER_NAME, parentRef, conditions: [{ type: 'Accepted', status: 'False' }] },
  ]);
  t.equal(routeStatusWith({ ...raw, status }, bad, '2027-01-01T00:00:00Z'), null);
});

t.test('everything in a namespace of the mesh is judged, whoever is connected', async (t) => {
  const { reports, source, surveyed } = observed();
  source.put(
    service('api', '10.96.0.1'),
    pod('api-1', '10.0.0.1'),
    virtualService('old', 'default', '2026-01-01T00:00:00Z'),
    virtualService('young', 'default', '2026-02-01T00:00:00Z'),
    virtualService('broken', 'default', '2026-02-01T00:00:00Z', { http: [{}] }),
    virtualService('foreign', 'elsewhere', '2026-02-01T00:00:00Z', { http: [{}] }),
  );
  const { judged, complaints } = await judgePolicies(surveyed, reports, async () => {});
  t.match(
    judged.map(({ name, verdict }) => [name, verdict.reason]),
    [
      ['old', 'Accepted'],
      ['young', 'Conflicted'],
      ['broken', 'Invalid'],
    ],
  );
  t.match(complaints, [{ object: { name: 'young' }, message: /has no effect/ }]);
});

t.test('of the Servers and rate limits of a pod’s port the younger are told, once for all pods', async (t) => {
  const { reports, source, surveyed } = observed();
  const total = { total: { requestsPerSecond: 1 } };
  source.put(
    ...['1', '2'].map((at) => pod(`api-${at}`, `10.0.0.${at}`)),
    server('a', {}, '2026-02-01T00:00:00Z'),
    server('b', { proxyProtocol: 'opaque' }, '2026-01-01T00:00:00Z'),
    rateLimit('a', 'b', total),
    rateLimit('b', 'b', total),
  );
  const { judged, complaints } = await judgePolicies(surveyed, reports, async () => {});
  t.match(
    judged.map(({ kind, name, verdict }) => `${kind}/${name} ${verdict.reason}`),
    [
      'Server/a Conflicted',
      'Server/b Accepted',
      'HTTPLocalRateLimitPolicy/a PartiallyHonoured',
      'HTTPLocalRateLimitPolicy/b Conflicted',
    ],
  );
  t.equal(complaints.length, 3);
});

t.test(
  'keys that cannot be fetched, and tokens that nobody checks, are told of the objects that ask for them',
  async (t) => {
    const { reports, source, surveyed } = observed();
    const url = 'https://issuer.example/keys';
    const selector = { matchLabels: { app: 'api' } };
    const rules = [{ from: [{ source: { requestPrincipals: ['*'] } }] }];
    source.put(
      pod('api-1', '10.0.0.1'),
      pod('web-1', '10.0.0.2', { labels: { app: 'web' } }),
      istioSecurity('RequestAuthentication', 'users', { selector, jwtRules: [{ issuer: 'me', jwksUri: url }] }),
      istioSecurity('AuthorizationPolicy', 'api', { selector, rules }),
      istioSecurity('AuthorizationPolicy', 'web', { selector: { matchLabels: { app: 'web' } }, rules }),
    );
    const verdicts = async () => {
      const { judged } = await judgePolicies(surveyed, reports, async () => {});
      return Object.fromEntries(judged.map(({ name, verdict }) => [name, verdict]));
    };
    t.match(await verdicts(), {
      users: { reason: 'Accepted' },
      api: { reason: 'Accepted' },
      web: { reason: 'PartiallyHonoured', message: /no RequestAuthentication says of some of its pods/ },
    });
    surveyed.cluster.applyKeys(url, { keys: null, fault: 'ENOTFOUND' });
    t.match(await verdicts(), {
      users: {
        reason: 'PartiallyHonoured',
        message: /cannot be got: ENOTFOUND; until then every token of me is refused/,
      },
    });
  },
);

t.test('a policy is judged a second after it came, and churning pods at most every half minute', async (t) => {
  const { reports, source, surveyed } = observed();
  const clock = new FakeClock();
  const told: string[][] = [];
  const writer = { write: async () => 0, forget() {} };
  const onVerdicts = (judged: readonly Judged[]) => void told.push(judged.map(({ name }) => name));
  const keeper = new StatusKeeper({ surveyed, reports, writer, clock, onVerdicts });
  t.teardown(() => keeper.close());
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  await pass(1000);
  t.same(told, [[]]);
  source.put(service('api', '10.96.0.1'), pod('api-1', '10.0.0.1'));
  source.put(virtualService('routes', 'default', '2026-01-01T00:00:00Z'));
  await pass(999);
  t.equal(told.length, 1);
  await pass(1);
  t.same(told.slice(1), [['routes']]);
  for (let i = 0; i < 29; i++) {
    source.put(pod(`web-${i}`, `10.0.1.${i}`));
    await pass(1000);
  }
  t.equal(told.length, 2);
  await pass(1000);
  t.equal(told.length, 3);
});

function observed() {
  const reports = new Reports();
  const source = new FakeSource(reports);
  const cluster = new Cluster();
  source.objects.onChange((changes) => cluster.apply(changes));
  return { reports, source, surveyed: { cluster, objects: source.objects, domain: TEST_DOMAIN } };
}

function virtualService(name: string, namespace: string, createdAt: string, spec: object = {}) {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace, creationTimestamp: createdAt },
    spec: { hosts: ['api'], http: [{ route: [{ destination: { host: 'api' } }] }], ...spec },
  };
}
