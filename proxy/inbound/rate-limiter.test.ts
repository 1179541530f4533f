import t from 'tap';

import type { RateLimit } from '../../api/routing.ts';
import { Counter } from '../telemetry/registry.ts';
import { RateLimiter } from './rate-limiter.ts';

/** How many of `count` requests of a client pass at once. */
function passed(limiter: RateLimiter, identity: string, count: number, nowMs = 1000): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (limiter.refusal(identity, nowMs) === null) passed++;
  return passed;
}

const counters = () => ({ total: new Counter(), identity: new Counter(), override: new Counter() });

const limit = (fields: Partial<RateLimit>, refused = counters()): RateLimiter =>
  new RateLimiter({ origin: 'HTTPLocalRateLimitPolicy/a/b', ...fields }, refused);

t.test('lets a second’s worth through at once, and then as many a second', async (t) => {
  const limiter = limit({ totalPerSecond: 10 });
  t.equal(passed(limiter, 'a', 50), 10);
  t.equal(passed(limiter, 'b', 50, 1500), 5, 'of whomever');
  t.equal(passed(limiter, 'a', 50, 60_000), 10, 'no more than a second’s worth is saved up');
});

t.test('counts each identity by itself, and those without one together', async (t) => {
  const limiter = limit({ identityPerSecond: 5 });
  t.equal(passed(limiter, 'a', 50), 5);
  t.equal(passed(limiter, 'b', 50), 5);
  t.equal(passed(limiter, '', 50), 5);
  t.equal(passed(limiter, '', 50), 0);
});

t.test('an override takes the place of the identity’s bound and is shared by those whom it names', async (t) => {
  const limiter = limit({ identityPerSecond: 5, overrides: [{ perSecond: 20, clients: ['a', 'b'] }] });
  t.equal(passed(limiter, 'a', 15) + passed(limiter, 'b', 15), 20);
  t.equal(passed(limiter, 'c', 15), 5);
});

t.test('of several overrides that name a client the last holds', async (t) => {
  const overrides = [
    { perSecond: 20, clients: ['a'] },
    { perSecond: 7, clients: ['a'] },
  ];
  t.equal(passed(limit({ overrides }), 'a', 50), 7);
});

t.test('counts what it refuses by the bound that refused it', async (t) => {
  const refused = counters();
  const limiter = limit(
    { totalPerSecond: 10, identityPerSecond: 4, overrides: [{ perSecond: 3, clients: ['a'] }] },
    refused,
  );
  for (const [identity, total, own, override] of [
    ['a', 0, 0, 2],
    ['b', 0, 1, 2],
    ['c', 2, 1, 2],
  ] as const) {
    passed(limiter, identity, 5);
    t.same([refused.total.value, refused.identity.value, refused.override.value], [total, own, override], identity);
  }
});

t.test('a client over its own bound takes nothing from the others', async (t) => {
  const limiter = limit({ totalPerSecond: 10, identityPerSecond: 5 });
  t.equal(passed(limiter, 'greedy', 1000), 5);
  t.equal(passed(limiter, 'modest', 5), 5);
  t.match(limiter.refusal('third', 1000), /HTTPLocalRateLimitPolicy\/a\/b lets 10 requests a second of all clients/);
  t.match(limiter.refusal('greedy', 1000), /5 requests a second of this client/);
});

t.test('a crowd of identities shares what is left', async (t) => {
  const limiter = limit({ identityPerSecond: 1 });
  for (let i = 0; i < 10_000; i++) limiter.refusal(`client-${i}`, 1000);
  t.equal(passed(limiter, 'late', 5), 1);
  t.equal(passed(limiter, 'later', 5), 0);
  t.equal(passed(limiter, 'much later', 5, 5000), 1, 'buckets that are full again make room');
});
