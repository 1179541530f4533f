import t from 'tap';

import type { Balancer as Settings } from '../../api/traffic-policy.ts';
import { balancerOf, counts, Endpoint } from '../../test/support/balanced-endpoint.ts';
import { NO_HASH } from './balancer.ts';
import { hashOf } from './hash-table.ts';
import { PeakEwma } from './peak-ewma.ts';
import { RetryBudget } from './retry-budget.ts';
import { warmth } from './slow-start.ts';

const five = () => ['a', 'b', 'c', 'd', 'e'].map((id) => new Endpoint(id));

t.test('picks the cheaper of two', async (t) => {
  const balancer = balancerOf([new Endpoint('dear', { price: 9 }), new Endpoint('cheap')]);
  t.same(counts(balancer, 20), { cheap: 20 });
});

t.test('spreads over equals with every algorithm', async (t) => {
  for (const algorithm of ['peak-ewma', 'least-request', 'round-robin', 'random'] as const) {
    for (const [id, count] of Object.entries(counts(balancerOf(five(), { algorithm }), 10_000)))
      t.ok(count > 1800 && count < 2200, `${algorithm} ${id}: ${count}`);
  }
});

t.test('takes turns, whatever an endpoint costs', async (t) => {
  const balancer = balancerOf([new Endpoint('a', { price: 99 }), new Endpoint('b')], { algorithm: 'round-robin' });
  t.same(counts(balancer, 10), { a: 5, b: 5 });
});

t.test('counts requests under way, where a rule says so', async (t) => {
  const endpoints = [new Endpoint('busy', { inFlight: 3, price: 0 }), new Endpoint('free', { price: 9 })];
  t.same(counts(balancerOf(endpoints, { algorithm: 'least-request' }), 10), { free: 10 });
});

t.test('leaves out what is not ready or was tried, unless nothing else is there; what is ejected always', async (t) => {
  const [good, bad] = [new Endpoint('good', { price: 9 }), new Endpoint('bad', { ready: false })];
  t.equal(balancerOf([good, bad]).pick(0, NO_HASH, null), good);
  t.equal(balancerOf([bad]).pick(0, NO_HASH, null), bad);
  const other = new Endpoint('other', { price: 99 });
  t.equal(balancerOf([good, other]).pick(0, NO_HASH, [good]), other);
  t.equal(balancerOf([good]).pick(0, NO_HASH, [good]), good);
  t.equal(balancerOf([]).pick(0, NO_HASH, null), null);
  t.equal(balancerOf([new Endpoint('out', { ejected: true })]).pick(0, NO_HASH, null), null);
  t.equal(balancerOf([new Endpoint('out', { ejected: true }), bad]).pick(0, NO_HASH, null), bad);
});

t.test('a retry that leaves its locality goes elsewhere, unless nothing else is there', async (t) => {
  const [a, b, far] = [new Endpoint('a'), new Endpoint('b'), new Endpoint('far', { locality: 1 })];
  const balancer = balancerOf([a, b, far], {
    algorithm: 'peak-ewma',
    localities: [
      { name: 'near', priority: 0, weight: 1 },
      { name: 'far', priority: 1, weight: 1 },
    ],
  });
  t.equal(balancer.pick(0, NO_HASH, [a]), b);
  t.equal(balancer.pick(0, NO_HASH, [a], true), far);
  far.ejected = true;
  t.equal(balancer.pick(0, NO_HASH, [a], true), b);
});

t.test('a key stays within the nearest locality that has a healthy endpoint', async (t) => {
  const endpoints = ['a', 'b', 'c', 'd'].map((id, at) => new Endpoint(id, { locality: at < 2 ? 0 : 1 }));
  const balancer = balancerOf(endpoints, {
    algorithm: 'consistent-hash',
    hash: { key: { header: 'user' }, table: 'ring-hash', size: 1024 },
    localities: [
      { name: 'near', priority: 0, weight: 1 },
      { name: 'far', priority: 1, weight: 1 },
    ],
  });
  const localities = () =>
    new Set(Array.from({ length: 100 }, (_, i) => balancer.pick(0, hashOf(`user-${i}`), null)!.locality));
  t.same([...localities()], [0]);
  for (const near of endpoints.slice(0, 2)) near.ejected = true;
  t.same([...localities()], [1]);
});

for (const hash of [
  { table: 'ring-hash', size: 1024 },
  { table: 'maglev', size: 65_537 },
] as const) {
  const settings: Settings = { algorithm: 'consistent-hash', hash: { key: { header: 'user' }, ...hash } };

  t.test(`${hash.table} keeps a key at its endpoint, and moves few keys when one goes`, async (t) => {
    const endpoints = five();
    const before = balancerOf(endpoints, settings);
    const after = balancerOf(endpoints.slice(1), settings);
    const shares: Record<string, number> = {};
    let moved = 0;
    let unsteady = 0;
    for (let i = 0; i < 10_000; i++) {
      const key = hashOf(`user-${i}`);
      const first = before.pick(0, key, null)!;
      if (before.pick(0, key, null) !== first) unsteady++;
      shares[first.id] = (shares[first.id] ?? 0) + 1;
      if (first.id !== 'a' && after.pick(0, key, null) !== first) moved++;
    }
    for (const [id, count] of Object.entries(shares)) t.ok(count > 1400 && count < 2600, `${id}: ${count}`);
    t.equal(unsteady, 0);
    t.ok(moved < 500, `${moved} keys of the other endpoints moved`);
  });

  t.test(
    `${hash.table} goes on to another endpoint while the key's is ejected, and spreads requests without a key`,
    async (t) => {
      const endpoints = five();
      const balancer = balancerOf(endpoints, settings);
      const home = balancer.pick(0, 12_345, null)!;
      home.ejected = true;
      const next = balancer.pick(0, 12_345, null)!;
      t.not(next, home);
      t.equal(balancer.pick(0, 12_345, null), next);
      home.ejected = false;
      t.equal(balancer.pick(0, 12_345, null), home);
      t.equal(Object.keys(counts(balancer, 200)).length, 5);
    },
  );
}

t.test('keeps to the nearest endpoints, and spills over when too few of them are healthy', async (t) => {
  const near = ['n1', 'n2', 'n3', 'n4'].map((id) => new Endpoint(id));
  const far = ['f1', 'f2'].map((id) => new Endpoint(id, { locality: 1 }));
  const localities = [
    { name: 'near', priority: 0, weight: 1 },
    { name: 'far', priority: 1, weight: 1 },
  ];
  const balancer = balancerOf([...near, ...far], { algorithm: 'random', localities });
  t.same(Object.keys(counts(balancer, 1000)).sort(), ['n1', 'n2', 'n3', 'n4']);
  for (const each of near.slice(0, 2)) each.ejected = true;
  const half = counts(balancer, 10_000);
  const nearby = (half.n3 ?? 0) + (half.n4 ?? 0);
  t.ok(Math.abs(nearby - 7000) < 300, `half of them carry 1.4 times their half: ${nearby}`);
  for (const each of near) each.ejected = true;
  t.same(Object.keys(counts(balancer, 1000)).sort(), ['f1', 'f2']);
});

t.test('distributes over localities of one priority by weight', async (t) => {
  const endpoints = [new Endpoint('a'), new Endpoint('b', { locality: 1 }), new Endpoint('c', { locality: 1 })];
  const localities = [
    { name: 'east', priority: 0, weight: 80 },
    { name: 'west', priority: 0, weight: 20 },
  ];
  const { a } = counts(balancerOf(endpoints, { algorithm: 'random', localities }), 10_000);
  t.ok(Math.abs(a! - 8000) < 300, `a: ${a}`);
});

t.test('warms up an endpoint that comes late', async (t) => {
  const slowStart = { windowMs: 10_000, minimumFraction: 0.1, aggression: 1 };
  t.equal(warmth(slowStart, 0), 0.1);
  t.equal(warmth(slowStart, 5000), 0.5);
  t.equal(warmth(slowStart, 10_000), 1);
  t.equal(warmth(undefined, 0), 1);
  for (const algorithm of ['round-robin', 'least-request'] as const) {
    const endpoints = [...five(), new Endpoint('late', { sinceMs: 100_000 })];
    const { late = 0 } = counts(balancerOf(endpoints, { algorithm, slowStart }), 6000, 101_000);
    t.ok(late < 400, `${algorithm} at a tenth of the window: ${late} of 6000`);
    const { late: warm = 0 } = counts(balancerOf(endpoints, { algorithm, slowStart }), 6000, 111_000);
    t.ok(warm > 800, `${algorithm} after the window: ${warm} of 6000`);
  }
});

t.test('feels a slow answer at once and forgets it with time', async (t) => {
  const load = new PeakEwma(0);
  load.asked();
  load.answered(500, 1000);
  t.ok(load.cost(1000) > 499);
  load.inFlight = 3;
  t.ok(load.cost(1000) > 1999, 'requests in flight count');
  load.inFlight = 0;
  t.ok(load.cost(60_000) < 5, 'a minute later it is tried again');
});

t.test('does not take an endpoint that owes answers for one that has recovered', async (t) => {
  const load = new PeakEwma(0);
  load.asked();
  load.asked();
  t.ok(load.cost(60_000) > 29, 'nothing is forgotten while an answer is owed');
  load.answered(10, 60_000);
  load.abandoned(9000, 61_000);
  t.ok(load.cost(61_000) > 8999, 'a request that was given up would have taken longer');
  load.asked();
  load.abandoned(1, 62_000);
  t.ok(load.cost(62_000) > 8000, 'one that failed at once says nothing of its latency');
});

t.test('allows a share of the requests again, and some a second in any case', async (t) => {
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1, windowMs: 10_000 });
  let allowed = 0;
  for (let i = 0; i < 100; i++) budget.deposit(1000);
  while (budget.withdraw(1000)) allowed++;
  t.equal(allowed, 20 + 10);
  t.notOk(budget.withdraw(5000));
  t.ok(budget.withdraw(12_000), 'what is out of the window no longer counts');
});
