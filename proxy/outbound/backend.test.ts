import t from 'tap';

import type { Backend, Endpoint } from '../../api/routing.ts';
import type { ConsecutiveFailures } from '../../api/traffic-policy.ts';
import { NO_HASH } from '../balance/balancer.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

function backend(addresses: readonly string[], more: Partial<Backend> = {}) {
  const fake = new FakeEndpoints(addresses, {}, more);
  const made = fake.target.backends[0]!;
  const update = (change: Partial<Backend>) => made.update({ ...made.description, ...change });
  return { fake, made, update, ids: () => made.endpoints.map(({ endpoint }) => endpoint.address) };
}

function changed(endpoint: Endpoint, change: Partial<Endpoint>): Endpoint {
  return { ...endpoint, ...change };
}

t.test('an endpoint that stays is the same one, whatever comes and goes beside it', async (t) => {
  const { made, update, ids } = backend(['10.1.0.1', '10.1.0.2']);
  const [first, second] = made.endpoints;
  const third = changed(first!.endpoint, { uid: 'c', address: '10.1.0.3' });
  update({ endpoints: [third, { ...second!.endpoint }] });
  t.same(ids(), ['10.1.0.3', '10.1.0.2']);
  t.equal(made.endpoints[1], second);
});

t.test('one that differs in what it is, is another one', async (t) => {
  const tls = { identity: 'api', mesh: 'weft', mode: 'transparent', inboundPort: 4143 } as const;
  const changes: Partial<Endpoint>[] = [
    { uid: 'other' },
    { address: '10.9.9.9' },
    { port: 9 },
    { tls },
    { locality: 1 },
  ];
  for (const change of changes) {
    const { made, update } = backend(['10.1.0.1']);
    const before = made.endpoints[0]!;
    update({ endpoints: [changed(before.endpoint, change)] });
    t.not(made.endpoints[0], before, JSON.stringify(change));
  }
  const { made, update } = backend(['10.1.0.1']);
  const before = made.endpoints[0]!;
  update({ endpoints: [changed(before.endpoint, { locality: 0, labels: { other: 'label' } })] });
  t.equal(made.endpoints[0], before, 'nearest is where it was');
});

t.test('a breaker is kept while its rule is, and made anew with it', async (t) => {
  const rule: ConsecutiveFailures = {
    kind: 'consecutive-failures',
    maxFailures: 7,
    minPenaltyMs: 1000,
    maxPenaltyMs: 60_000,
    jitterRatio: 0.5,
  };
  const { made, update } = backend(['10.1.0.1'], { breaker: rule });
  const breaker = made.endpoints[0]!.breaker;
  t.ok(breaker);
  update({ endpoints: [...made.description.endpoints] });
  t.equal(made.endpoints[0]!.breaker, breaker);
  update({ breaker: { ...rule, maxFailures: 3 } });
  t.not(made.endpoints[0]!.breaker, breaker);
  t.ok(made.endpoints[0]!.breaker);
  t.equal(backend(['10.1.0.1']).made.endpoints[0]!.breaker, null, 'without a rule there is none');
});

/** A backend whose endpoint a failure leaves out, and what it says of that. */
function ejecting(labels: Endpoint['labels']) {
  const breaker = { kind: 'consecutive-failures', maxFailures: 1, minPenaltyMs: 20, maxPenaltyMs: 20, jitterRatio: 0 };
  const { fake, made, update } = backend(['10.1.0.1', '10.1.0.2'], { breaker: breaker as ConsecutiveFailures });
  const lines: Readonly<Record<string, unknown>>[] = [];
  fake.log.info = (fields, message) => void lines.push({ ...fields, message });
  update({ endpoints: made.description.endpoints.map((endpoint) => changed(endpoint, { uid: 'new', labels })) });
  return { fake, made, lines, client: made.endpoints[0]! };
}

t.test('tells log and metrics who is left out, and the log who is back and after how long', async (t) => {
  const { fake, made, lines, client } = ejecting({ dst_pod: 'api-0' });
  let nowMs = 5000;
  t.intercept(performance, 'now', { value: () => nowMs });
  const at = (ms: number) => {
    nowMs = ms;
    return ms;
  };
  client.breaker!.onResult('failure', 500, at(5000));
  // Left out again when it is tried, and back at the second trial.
  for (const [ms, result] of [
    [5030, 'failure'],
    [6500, 'success'],
  ] as const) {
    client.breaker!.isEjected(at(ms));
    client.breaker!.onAttempt(ms);
    client.breaker!.onResult(result, 200, ms);
  }
  const who = {
    target: 'api.default.svc.cluster.local:80',
    backend: 'api.default.svc.cluster.local:80',
    endpoint: '10.1.0.1:8080',
    pod: 'api-0',
  };
  t.same(lines, [
    { ...who, reason: 'consecutive_failures', forMs: 20, message: 'endpoint ejected' },
    { ...who, afterMs: 1500, unlogged: 1, message: 'endpoint is back' },
  ]);
  t.equal(client.ejections, 2);
  t.equal(fake.metrics.ejections.with(made.labels).value, 2);
});

t.test('and calls an endpoint by its address alone where it is of no pod that is known', async (t) => {
  const { lines, client } = ejecting({});
  client.breaker!.onResult('failure', 500, performance.now());
  t.equal(lines.length, 1);
  t.notOk('pod' in lines[0]!);
});

t.test('is called by its service, port and subset', async (t) => {
  t.equal(backend([]).made.name, 'api.default.svc.cluster.local:80');
  const { made } = backend([], { subset: 'v2' });
  t.equal(made.name, 'api.default.svc.cluster.local:80, subset v2');
  t.match(made.labels, { backend: 'api.default.svc.cluster.local:80', subset: 'v2' });
});

t.test('is over its bounds with as many as may be', async (t) => {
  const { made } = backend(['10.1.0.1'], { limits: { maxRequests: 2, maxPendingRequests: 1 } });
  const client = made.endpoints[0]!;
  let isFree = false;
  client.pool = () => ({ isFree, shutdown() {}, acquire() {} });
  const over = () => made.overflow(client, 'http1');
  t.equal(over(), null);
  made.share.active = 1;
  t.equal(over(), null);
  made.share.active = 2;
  t.match(over(), /^2 requests are under way to api.*, as many as may be$/);
  made.share.active = 1;
  made.share.pending = 1;
  t.match(over(), /^1 requests wait for a connection/);
  isFree = true;
  t.equal(over(), null, 'where a connection is free, nobody waits');
  t.equal(backend(['10.1.0.1']).made.overflow(client, 'http1'), null, 'without bounds');
});

t.test('limits come and go with the description', async (t) => {
  const { made, update } = backend([], { limits: { maxRequests: 2 } });
  t.same(made.share.limits, { maxRequests: 2 });
  const { limits: _, ...without } = made.description;
  made.update(without);
  t.same(made.share.limits, {});
  update({ limits: { maxRequests: 3 } });
  t.same(made.share.limits, { maxRequests: 3 });
});

t.test('picks by its balancer, and by another one once that is told', async (t) => {
  const { made, update } = backend(['10.1.0.1', '10.1.0.2']);
  const pick = () => made.pick(0, NO_HASH, null)!.endpoint.address;
  t.same([pick(), pick(), pick()].slice(0, 2).sort(), ['10.1.0.1', '10.1.0.2']);
  update({ endpoints: made.description.endpoints.slice(1) });
  t.equal(pick(), '10.1.0.2');
  update({ balancer: { algorithm: 'random' } });
  t.equal(pick(), '10.1.0.2', 'which knows the endpoints at once');
});

t.test('picks none once it is retired', async (t) => {
  const { made } = backend(['10.1.0.1']);
  made.retire();
  t.equal(made.pick(0, NO_HASH, null), null);
  t.same(made.endpoints, []);
});
