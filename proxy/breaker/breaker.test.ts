import t from 'tap';

import type { CircuitBreaker, ConsecutiveFailures, OutlierDetection, SuccessRate } from '../../api/traffic-policy.ts';
import type { Breaker, EjectionCause } from './breaker.ts';
import { breakerOf } from './breaker-of.ts';
import { EjectionBound } from './ejection-bound.ts';

const consecutive: ConsecutiveFailures = {
  kind: 'consecutive-failures',
  maxFailures: 3,
  minPenaltyMs: 1000,
  maxPenaltyMs: 4000,
  jitterRatio: 0,
};
const outliers: OutlierDetection = {
  kind: 'outlier-detection',
  consecutive5xx: 3,
  consecutiveGatewayErrors: 0,
  consecutiveLocalFailures: 0,
  splitsLocalOrigin: false,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 100,
  minHealthPercent: 0,
};

/** Breakers of `total` endpoints, and what they tell. */
function breakers(settings: CircuitBreaker, total = 1, bound = new EjectionBound(1, 0)) {
  bound.total = total;
  const told: [EjectionCause, number][] = [];
  let returns = 0;
  const context = {
    bound,
    random: () => 0.5,
    onEject: (cause: EjectionCause, ms: number) => void told.push([cause, ms]),
    onReturn: () => void returns++,
  };
  const all = Array.from({ length: total }, () => breakerOf(settings, context));
  return { all, first: all[0]!, bound, told, returned: () => returns };
}

function fail(breaker: Breaker, times: number, nowMs = 0, status = 503): void {
  for (let i = 0; i < times; i++) breaker.onResult('failure', status, nowMs);
}

t.test('consecutive failures', async (t) => {
  t.test('open after so many in a row, and not before', async (t) => {
    const { first, told } = breakers(consecutive);
    fail(first, 2);
    first.onResult('success', 200, 0);
    fail(first, 2);
    t.notOk(first.isEjected(0));
    fail(first, 1);
    t.ok(first.isEjected(0));
    t.same(told, [['consecutive_failures', 1000]]);
  });

  t.test('let one attempt through after the penalty, which decides', async (t) => {
    const { first, returned } = breakers(consecutive);
    fail(first, 3);
    t.same(first.stateAt(999), { state: 'open', ejections: 1, untilMs: 1000 });
    t.same(first.stateAt(1000), { state: 'probation', ejections: 1, untilMs: 0 }, 'also before anybody asks for it');
    t.ok(first.isEjected(999));
    t.notOk(first.isEjected(1000));
    first.onAttempt(1000);
    t.ok(first.isEjected(1001), 'only one');
    first.onResult('success', 200, 1002);
    t.notOk(first.isEjected(1002));
    t.match(first.stateAt(1002), { state: 'closed', ejections: 0 });
    t.equal(returned(), 1);
  });

  t.test('double the penalty up to its bound while the attempt fails', async (t) => {
    const { first, told } = breakers(consecutive);
    fail(first, 3);
    let nowMs = 0;
    for (const penalty of [1000, 2000, 4000, 4000]) {
      nowMs += penalty;
      t.notOk(first.isEjected(nowMs));
      first.onAttempt(nowMs);
      first.onResult('local', 0, nowMs);
      t.ok(first.isEjected(nowMs));
    }
    t.same(
      told.map(([, ms]) => ms),
      [1000, 2000, 4000, 4000, 4000],
    );
  });

  t.test('let another through when the client gave up the one that was to decide', async (t) => {
    const { first } = breakers(consecutive);
    fail(first, 3);
    t.notOk(first.isEjected(1000));
    first.onAttempt(1000);
    first.onAbandoned();
    t.notOk(first.isEjected(1001));
  });

  t.test('lengthen penalties by a random share', async (t) => {
    const { first, told } = breakers({ ...consecutive, jitterRatio: 0.5 });
    fail(first, 3);
    t.same(told, [['consecutive_failures', 1250]]);
  });
});

t.test('success rate opens below its threshold, once there are enough requests', async (t) => {
  const settings: SuccessRate = {
    ...consecutive,
    kind: 'success-rate',
    maxFailures: 0,
    threshold: 0.8,
    windowMs: 10_000,
    minRequests: 5,
  };
  const { first, told } = breakers(settings);
  for (const result of ['success', 'success', 'failure', 'success'] as const) first.onResult(result, 200, 0);
  t.notOk(first.isEjected(0), '3 of 4, but only 4');
  first.onResult('success', 200, 0);
  t.notOk(first.isEjected(0), '4 of 5');
  first.onResult('failure', 503, 0);
  t.ok(first.isEjected(0), '4 of 6');
  t.same(told, [['success_rate', 1000]]);
  t.notOk(first.isEjected(1000), 'one attempt is let through');
  first.onAttempt(1000);
  first.onResult('failure', 503, 1000);
  t.same(told[1], ['success_rate', 2000], 'and a failure of it opens for the same cause');
  const other = breakers(settings).first;
  fail(other, 4, 0);
  fail(other, 1, 20_000);
  t.notOk(other.isEjected(20_000), 'what is out of the window no longer counts');
});

t.test('outlier detection', async (t) => {
  t.test('ejects for the base time, longer each time, and heals by the interval', async (t) => {
    const { first, told, returned } = breakers(outliers);
    fail(first, 3, 0);
    t.ok(first.isEjected(29_999));
    t.same(first.stateAt(29_999), { state: 'open', ejections: 1, untilMs: 30_000 });
    t.match(first.stateAt(30_000), { state: 'closed', untilMs: 0 });
    t.equal(returned(), 0);
    t.notOk(first.isEjected(30_000));
    t.equal(returned(), 1);
    fail(first, 3, 30_000);
    t.ok(first.isEjected(89_999));
    t.notOk(first.isEjected(90_000));
    first.onResult('success', 200, 110_000);
    fail(first, 3, 110_000);
    t.same(told, [
      ['consecutive_5xx', 30_000],
      ['consecutive_5xx', 60_000],
      ['consecutive_5xx', 30_000],
    ]);
  });

  t.test('counts 4xx for nothing, gateway errors apart, and what has no answer as both', async (t) => {
    const { first } = breakers(outliers);
    fail(first, 10, 0, 403);
    t.notOk(first.isEjected(0));
    const gateway = breakers({ ...outliers, consecutive5xx: 0, consecutiveGatewayErrors: 2 });
    fail(gateway.first, 10, 0, 500);
    t.notOk(gateway.first.isEjected(0));
    gateway.first.onResult('failure', 502, 0);
    gateway.first.onResult('local', 0, 0);
    t.ok(gateway.first.isEjected(0));
    t.same(gateway.told, [['gateway_errors', 30_000]]);
  });

  t.test('counts what has no answer by itself where it is told to split', async (t) => {
    const { first, told } = breakers({ ...outliers, splitsLocalOrigin: true, consecutiveLocalFailures: 2 });
    first.onResult('local', 0, 0);
    first.onResult('failure', 503, 0);
    first.onResult('local', 0, 0);
    t.notOk(first.isEjected(0));
    first.onResult('local', 0, 0);
    t.same(told, [['local_origin', 30_000]]);
  });

  t.test('leaves the share that it must, but may always eject one', async (t) => {
    const { all } = breakers(outliers, 4, new EjectionBound(0.5, 0));
    for (const each of all) fail(each, 3);
    t.equal(all.filter((each) => each.isEjected(0)).length, 2);
    const ten = breakers(outliers, 3, new EjectionBound(0.1, 0));
    for (const each of ten.all) fail(each, 3);
    t.equal(ten.all.filter((each) => each.isEjected(0)).length, 1);
  });

  t.test('is not believed when too few would be left', async (t) => {
    const { all } = breakers(outliers, 4, new EjectionBound(1, 0.5));
    for (const each of all.slice(0, 2)) fail(each, 3);
    t.equal(all.filter((each) => each.isEjected(0)).length, 2);
    fail(all[2]!, 3);
    t.equal(all.filter((each) => each.isEjected(0)).length, 0);
  });

  t.test('makes room for another when an ejected endpoint goes', async (t) => {
    const { all, bound, returned } = breakers(outliers, 2, new EjectionBound(0.5, 0));
    fail(all[0]!, 3);
    t.equal(bound.ejected, 1);
    all[0]!.retire();
    t.equal(bound.ejected, 0);
    t.equal(returned(), 0, 'it has not come back');
  });
});

t.test('outlier detection counts the statuses that a rule names in place of every 5xx', async (t) => {
  const { first } = breakers({ ...outliers, errorStatuses: [429] });
  fail(first, 3, 0, 503);
  t.notOk(first.isEjected(0));
  fail(first, 3, 0, 429);
  t.ok(first.isEjected(0));
});
