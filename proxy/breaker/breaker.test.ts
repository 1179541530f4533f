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

t.test('the bound of ejections', async (t) => {
  t.test('takes one always, and then up to its share', async (t) => {
    for (const [share, total, taken] of [
      [0.5, 4, 2],
      [0.5, 5, 2],
      [0.1, 3, 1],
      [0, 3, 1],
      [1, 3, 3],
    ] as const) {
      const bound = new EjectionBound(share, 0);
      bound.total = total;
      let count = 0;
      for (let i = 0; i < total; i++) if (bound.take()) count++;
      t.equal(count, taken, `${share} of ${total}`);
      t.equal(bound.ejected, taken);
    }
  });

  t.test('has room again for what is given back', async (t) => {
    const bound = new EjectionBound(0.5, 0);
    bound.total = 4;
    t.same([bound.take(), bound.take(), bound.take()], [true, true, false]);
    bound.give();
    t.same([bound.ejected, bound.take(), bound.take()], [1, true, false]);
  });

  t.test('believes nothing once fewer than its least share are left', async (t) => {
    const bound = new EjectionBound(1, 0.5);
    t.equal(bound.isPanic, false, 'nobody is there');
    bound.total = 4;
    bound.take();
    bound.take();
    t.equal(bound.isPanic, false);
    bound.take();
    t.equal(bound.isPanic, true);
  });
});

for (const settings of [consecutive, outliers]) {
  t.test(`${settings.kind} gives back what it took of the bound`, async (t) => {
    const { all, bound, returned } = breakers(settings, 4, new EjectionBound(0.5, 0));
    fail(all[0]!, 3);
    t.equal(bound.ejected, 1);
    fail(all[0]!, 9);
    t.equal(bound.ejected, 1, 'one that is out takes no more');
    const end = all[0]!.stateAt(0).untilMs;
    t.notOk(all[0]!.isEjected(end));
    all[0]!.onAttempt(end);
    all[0]!.onResult('success', 200, end);
    t.same([bound.ejected, returned()], [0, 1], 'when the endpoint is back');
    fail(all[1]!, 3);
    all[1]!.retire();
    all[1]!.retire();
    t.same([bound.ejected, returned()], [0, 1], 'when it is gone');
    all[2]!.retire();
    t.equal(bound.ejected, 0, 'one that was never out has nothing to give');
  });

  t.test(`${settings.kind} takes nothing for an endpoint that is gone, whatever was under way there`, async (t) => {
    const { all, bound, told } = breakers(settings, 4, new EjectionBound(0.5, 0));
    fail(all[0]!, 2);
    all[0]!.retire();
    fail(all[0]!, 5);
    t.same([bound.ejected, told], [0, []]);
    fail(all[1]!, 3);
    all[1]!.retire();
    fail(all[1]!, 5);
    t.same([bound.ejected, told.length], [0, 1]);
  });

  t.test(`${settings.kind} lets one fail on while the bound has no room, and opens when there is some`, async (t) => {
    const { all, bound, told } = breakers(settings, 3, new EjectionBound(0, 0));
    fail(all[0]!, 3);
    fail(all[1]!, 5);
    t.same([all[1]!.isEjected(0), told.length], [false, 1]);
    all[0]!.retire();
    fail(all[1]!, 1);
    t.same([all[1]!.isEjected(0), bound.ejected], [true, 1]);
  });
}

t.test('consecutive failures, in detail', async (t) => {
  t.test('what ends while it is open changes nothing', async (t) => {
    const { first, told, returned } = breakers(consecutive);
    fail(first, 3);
    first.onResult('success', 200, 10);
    fail(first, 3, 10);
    t.same([first.stateAt(10), told.length, returned()], [{ state: 'open', ejections: 1, untilMs: 1000 }, 1, 0]);
  });

  t.test('a failure that the client gave up is none, and neither is a run forgotten by it', async (t) => {
    const { first } = breakers(consecutive);
    fail(first, 2);
    first.onAbandoned();
    t.notOk(first.isEjected(0));
    fail(first, 1);
    t.ok(first.isEjected(0));
  });

  t.test('a run begins anew once the endpoint is back', async (t) => {
    const { first } = breakers(consecutive);
    fail(first, 3);
    first.isEjected(1000);
    first.onAttempt(1000);
    first.onResult('success', 200, 1000);
    fail(first, 2, 1000);
    t.notOk(first.isEjected(1000));
    fail(first, 1, 1000);
    t.same(first.stateAt(1000), { state: 'open', ejections: 1, untilMs: 2000 }, 'and so do its penalties');
  });

  t.test('a probation is over with its penalty, not with the one before', async (t) => {
    const { first } = breakers(consecutive);
    fail(first, 3);
    first.isEjected(1000);
    first.onAttempt(1000);
    first.onResult('failure', 503, 1000);
    t.ok(first.isEjected(2999));
    t.notOk(first.isEjected(3000));
    t.notOk(first.isEjected(3001), 'until somebody makes the attempt');
  });

  t.test('a penalty is bounded however often it doubled, and its share of chance is added to that', async (t) => {
    const { first, told } = breakers({ ...consecutive, minPenaltyMs: 1, maxPenaltyMs: 2 ** 31, jitterRatio: 0.1 });
    fail(first, 3);
    for (let i = 0; i < 40; i++) {
      const { untilMs } = first.stateAt(0);
      first.isEjected(untilMs);
      first.onAttempt(untilMs);
      first.onResult('failure', 503, untilMs);
    }
    t.equal(told[1]![1], 2 * 1.05);
    t.equal(told[30]![1], 2 ** 30 * 1.05);
    t.equal(told[40]![1], 2 ** 30 * 1.05);
  });

  t.test('none counts where none is asked for', async (t) => {
    const { first } = breakers({ ...consecutive, maxFailures: 0 });
    fail(first, 100);
    t.notOk(first.isEjected(0));
  });
});

t.test('success rate, in detail', async (t) => {
  const settings: SuccessRate = {
    ...consecutive,
    kind: 'success-rate',
    maxFailures: 0,
    threshold: 0.5,
    windowMs: 10_000,
    minRequests: 4,
  };

  t.test('a share that is the threshold is enough', async (t) => {
    const { first } = breakers(settings);
    for (const result of ['success', 'success', 'failure', 'failure'] as const) first.onResult(result, 0, 0);
    t.notOk(first.isEjected(0));
    first.onResult('local', 0, 0);
    t.ok(first.isEjected(0));
  });

  t.test('opens for failures in a row too, where it is told to', async (t) => {
    const { first, told } = breakers({ ...settings, maxFailures: 3 });
    fail(first, 3);
    t.same(told, [['consecutive_failures', 1000]]);
  });

  t.test('counts anew once the endpoint is back', async (t) => {
    const { first } = breakers(settings);
    fail(first, 4);
    first.isEjected(1000);
    first.onAttempt(1000);
    first.onResult('success', 200, 1000);
    fail(first, 3, 1000);
    t.notOk(first.isEjected(1000), 'three are not enough to tell');
    fail(first, 1, 1000);
    t.ok(first.isEjected(1000));
  });
});

t.test('outlier detection, in detail', async (t) => {
  t.test('a success ends a run, and so does the way back', async (t) => {
    for (const [settings, kinds] of [
      [outliers, [500]],
      [{ ...outliers, consecutive5xx: 0, consecutiveGatewayErrors: 3 }, [502, 503, 504]],
    ] as const) {
      for (const status of kinds) {
        const { first } = breakers(settings);
        fail(first, 2, 0, status);
        first.onResult('success', 200, 0);
        fail(first, 2, 0, status);
        t.notOk(first.isEjected(0), `${status}`);
        fail(first, 1, 0, status);
        t.ok(first.isEjected(0), `${status}`);
        fail(first, 5, 10, status);
        t.notOk(first.isEjected(30_000));
        fail(first, 2, 30_000, status);
        t.notOk(first.isEjected(30_000), 'what came while it was out does not count');
      }
    }
  });

  t.test('500, 501 and 505 are no gateway errors, 499 is no error', async (t) => {
    const gateway = { ...outliers, consecutive5xx: 0, consecutiveGatewayErrors: 1 };
    for (const [status, isOut] of [
      [500, false],
      [501, false],
      [502, true],
      [504, true],
      [505, false],
    ] as const) {
      const { first } = breakers(gateway);
      fail(first, 1, 0, status);
      t.equal(first.isEjected(0), isOut, `${status}`);
    }
    const { first } = breakers({ ...outliers, consecutive5xx: 1 });
    fail(first, 1, 0, 499);
    t.notOk(first.isEjected(0));
    fail(first, 1, 0, 500);
    t.ok(first.isEjected(0));
  });

  t.test('what has no answer is a run of its own where it is split, which an answer ends', async (t) => {
    const { first } = breakers({ ...outliers, splitsLocalOrigin: true, consecutiveLocalFailures: 2 });
    for (const result of ['local', 'success', 'local'] as const) first.onResult(result, 200, 0);
    t.notOk(first.isEjected(0));
    first.onResult('local', 0, 0);
    t.ok(first.isEjected(0));
    first.isEjected(30_000);
    first.onResult('local', 0, 30_000);
    t.notOk(first.isEjected(30_000), 'counted anew once it is back');
  });

  t.test('the time out grows by the base with each, up to the most, which is the base at least', async (t) => {
    for (const [maxEjectionMs, times] of [
      [75_000, [30_000, 60_000, 75_000, 75_000]],
      [10_000, [30_000, 30_000]],
    ] as const) {
      const { first, told } = breakers({ ...outliers, maxEjectionMs });
      for (const _ of times) {
        const { nowMs } = { nowMs: 1e6 + told.reduce((sum, [, ms]) => sum + ms, 0) };
        first.isEjected(nowMs);
        fail(first, 3, nowMs);
      }
      t.same(
        told.map(([, ms]) => ms),
        times,
      );
    }
  });

  t.test('each whole interval without an ejection takes one off their number, and never below none', async (t) => {
    const { first, told } = breakers(outliers);
    let nowMs = 0;
    for (let i = 0; i < 3; i++) {
      fail(first, 3, nowMs);
      nowMs += told.at(-1)![1];
      first.isEjected(nowMs);
    }
    t.equal(first.stateAt(nowMs).ejections, 3);
    first.onResult('success', 200, nowMs + 9999);
    t.equal(first.stateAt(nowMs).ejections, 3);
    first.onResult('success', 200, nowMs + 10_000);
    t.equal(first.stateAt(nowMs).ejections, 2);
    first.onResult('success', 200, nowMs + 19_999);
    t.equal(first.stateAt(nowMs).ejections, 2, 'what is left of an interval counts for the next');
    first.onResult('success', 200, nowMs + 20_000);
    t.equal(first.stateAt(nowMs).ejections, 1);
    first.onResult('success', 200, nowMs + 90_000);
    t.equal(first.stateAt(nowMs).ejections, 0);
  });
});
