import t from 'tap';

import type { Balancer as Settings } from '../../api/traffic-policy.ts';
import { balancerOf, counts, Endpoint } from '../../test/support/balanced-endpoint.ts';
import { Balancer, NO_HASH } from './balancer.ts';
import { eligible } from './candidate.ts';
import { PeakEwma } from './peak-ewma.ts';
import { pickerOf } from './picker.ts';
import { RetryBudget } from './retry-budget.ts';
import { warmth } from './slow-start.ts';
import { WindowCount } from './window-count.ts';

/** Draws that come in this order, and then again. */
function draws(...values: number[]): () => number {
  let at = 0;
  return () => values[at++ % values.length]!;
}

t.test('those that may be chosen are ready and not tried, or else not ejected', async (t) => {
  const ready = new Endpoint('ready');
  const unready = new Endpoint('unready', { ready: false });
  const ejected = new Endpoint('ejected', { ejected: true });
  const both = new Endpoint('both', { ready: false, ejected: true });
  const all = [ready, unready, ejected, both];
  t.same(eligible(all, 0, null), [ready]);
  t.same(eligible(all, 0, [ready]), [ready], 'the one that was tried is better than one that is not ready');
  t.same(eligible([unready, ejected], 0, [unready]), [unready], 'and better than none');
  t.same(eligible([unready, ejected], 0, null), [unready]);
  t.same(eligible([ejected], 0, null), []);
  t.same(eligible([ready], 0, [unready]), [ready]);
  const pair = [ready, new Endpoint('other')];
  t.equal(eligible(pair, 0, null), pair, 'the list itself where all may be');
});

t.test('two different ones are compared, whatever is drawn', async (t) => {
  const abc = ['a', 'b', 'c'].map((id, i) => new Endpoint(id, { price: 3 - i }));
  for (const [first, second, chosen] of [
    [0, 0, 'b'],
    [0, 0.5, 'c'],
    [0.34, 0, 'b'],
    [0.34, 0.5, 'c'],
    [0.99, 0, 'c'],
    [0.99, 0.99, 'c'],
  ] as const)
    t.equal(pickerOf(undefined, draws(first, second)).pick(abc, 0).id, chosen, `${first} ${second}`);
  t.equal(pickerOf(undefined, draws(0.99)).pick([abc[0]!], 0).id, 'a', 'one alone needs no draw');
});

t.test('of two that cost the same the first is taken', async (t) => {
  const pair = ['a', 'b'].map((id) => new Endpoint(id));
  t.equal(pickerOf(undefined, draws(0, 0)).pick(pair, 0).id, 'a');
  t.equal(pickerOf(undefined, draws(0.5, 0)).pick(pair, 0).id, 'b');
});

t.test('by requests under way, one that has none still weighs when it warms up', async (t) => {
  const slowStart = { windowMs: 1000, minimumFraction: 0.1, aggression: 1 };
  const late = new Endpoint('late', { sinceMs: 0 });
  const busy = (inFlight: number) => new Endpoint('busy', { inFlight, sinceMs: -9999 });
  const pick = (inFlight: number) =>
    pickerOf({ algorithm: 'least-request', slowStart }, draws(0, 0)).pick([late, busy(inFlight)], 200).id;
  t.equal(pick(3), 'busy', '4 are less than 1 by 0.2');
  t.equal(pick(4), 'late', '5 are as many');
});

t.test('turns begin with a random one and go round', async (t) => {
  const abc = ['a', 'b', 'c'].map((id) => new Endpoint(id));
  const turns = (draw: number) => {
    const picker = pickerOf({ algorithm: 'round-robin' }, draws(draw));
    return Array.from({ length: 5 }, () => picker.pick(abc, 0).id).join('');
  };
  t.equal(turns(0), 'abcab');
  t.equal(turns(1 / 65_536), 'bcabc');
  t.equal(turns(65_535 / 65_536), 'abcab');
});

t.test('a turn passes over one that warms up as often as it is cold, but takes somebody', async (t) => {
  const slowStart = { windowMs: 1000, minimumFraction: 0.1, aggression: 1 };
  const abc = ['a', 'b', 'c'].map((id) => new Endpoint(id));
  const turns = (count: number, ...drawn: number[]) => {
    const picker = pickerOf({ algorithm: 'round-robin', slowStart }, draws(0, ...drawn));
    return Array.from({ length: count }, () => picker.pick(abc, 500).id).join('');
  };
  t.equal(turns(1, 0.49), 'a', 'half warm');
  t.equal(turns(1, 0.5, 0.49), 'b');
  t.equal(turns(2, 0.9, 0.9, 0.1), 'ca', 'the last one is not asked');
  t.equal(pickerOf({ algorithm: 'round-robin', slowStart }, draws(0, 0.9)).pick([abc[0]!], 500).id, 'a');
});

t.test('at random each place of the list is as likely', async (t) => {
  const abc = ['a', 'b', 'c'].map((id) => new Endpoint(id));
  for (const algorithm of ['random', 'consistent-hash'] as const)
    t.equal([0, 0.34, 0.99].map((draw) => pickerOf({ algorithm }, () => draw).pick(abc, 0).id).join(''), 'abc');
});

t.test('warmth grows with age by its aggression, from the least to all', async (t) => {
  const slowStart = { windowMs: 1000, minimumFraction: 0.1, aggression: 2 };
  t.equal(warmth(slowStart, 250), 0.5, 'the root of a quarter');
  t.equal(warmth({ ...slowStart, aggression: 1 }, 250), 0.25);
  t.equal(warmth(slowStart, 1), 0.1);
  t.equal(warmth(slowStart, 1000), 1);
  t.ok(warmth(slowStart, 999) < 1);
  t.equal(warmth({ ...slowStart, minimumFraction: 0, aggression: 1 }, -5), 0.001, 'never nothing');
  t.equal(
    warmth({ ...slowStart, windowMs: 100, minimumFraction: 0, aggression: 1 }, 0),
    0.01,
    'as if a millisecond old',
  );
});

t.test('the average of latencies begins at 30 ms and decays by ten seconds', async (t) => {
  const load = new PeakEwma(1000);
  const near = (cost: number, expected: number, why: string) =>
    t.ok(Math.abs(cost - expected) < 0.01, `${why}: ${cost}`);
  near(load.cost(1000), 30, 'at first');
  near(load.cost(11_000), 30 / Math.E, 'ten seconds later');
  near(load.cost(500), 30, 'a clock that goes back changes nothing');
  load.inFlight = 2;
  near(load.cost(1000), 90, 'times those under way and one');
});

t.test('a higher latency is the average at once, a lower one with time', async (t) => {
  const load = new PeakEwma(0);
  const near = (cost: number, expected: number, why: string) =>
    t.ok(Math.abs(cost - expected) < 0.01, `${why}: ${cost}`);
  load.asked();
  load.answered(100, 10_000);
  near(load.cost(10_000), 100, 'higher');
  load.asked();
  load.answered(10, 20_000);
  near(load.cost(20_000), 100 / Math.E + 10 * (1 - 1 / Math.E), 'lower, ten seconds later');
  load.asked();
  load.answered(1, 20_000);
  near(load.cost(20_000), 100 / Math.E + 10 * (1 - 1 / Math.E), 'lower, no time later');
});

t.test('nothing decays while an answer is owed, given up or not', async (t) => {
  const load = new PeakEwma(0);
  load.asked();
  load.asked();
  load.answered(50, 0);
  t.ok(load.cost(100_000) > 49);
  load.abandoned(40, 100_000);
  t.ok(load.cost(100_000) < 1, 'nothing is owed, and what came to nothing in 40 ms is no news');
  load.asked();
  load.abandoned(500, 100_000);
  t.ok(load.cost(100_000) > 499, 'what came to nothing in 500 ms is');
  t.ok(load.cost(110_000) < 190, 'from then on it decays');
});

t.test('a window counts what is younger than it, in ten slots', async (t) => {
  const count = new WindowCount(1000);
  t.equal(count.sum(5000), 0);
  count.add(5050);
  count.add(5999);
  t.equal(count.sum(5999), 2);
  t.equal(count.sum(6000), 1, 'the slot of the first is ten slots old');
  t.equal(count.sum(6899), 1);
  t.equal(count.sum(6900), 0);
  count.add(6900);
  count.add(6950);
  t.equal(count.sum(6999), 2);
  t.equal(count.sum(1_000_000), 0, 'a long time later');
  count.add(1_000_000);
  t.equal(count.sum(1_000_000), 1);
  count.clear();
  t.equal(count.sum(1_000_000), 0);
});

t.test('a budget earns a share of the requests and some a second, and is spent', async (t) => {
  const allowed = (requests: number, settings: { ratio: number; minPerSecond: number; windowMs: number }) => {
    const budget = new RetryBudget(settings);
    for (let i = 0; i < requests; i++) budget.deposit(1000);
    let count = 0;
    while (budget.withdraw(1000)) count++;
    return count;
  };
  t.equal(allowed(0, { ratio: 0.2, minPerSecond: 3, windowMs: 2000 }), 6);
  t.equal(allowed(14, { ratio: 0.2, minPerSecond: 0, windowMs: 2000 }), 2);
  t.equal(allowed(15, { ratio: 0.2, minPerSecond: 0, windowMs: 2000 }), 3);
  t.equal(allowed(5, { ratio: 0.2, minPerSecond: 1, windowMs: 2000 }), 3);
  t.equal(allowed(4, { ratio: 0.2, minPerSecond: 0, windowMs: 2000 }), 0);
});

t.test('what was withdrawn comes back when it leaves the window', async (t) => {
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 1, windowMs: 1000 });
  t.same([budget.withdraw(1000), budget.withdraw(1999), budget.withdraw(2000)], [true, false, true]);
});

/** Endpoints by locality: `n` for healthy, `N` for ejected ones. */
function placed(...groups: string[]): Endpoint[] {
  return groups.flatMap((group, locality) =>
    [...group].map(
      (char, i) => new Endpoint(`${locality}${i}`, { locality, ejected: char === 'x', ready: char !== '-' }),
    ),
  );
}

function localities(...groups: [priority: number, weight: number][]): Settings {
  return {
    algorithm: 'random',
    localities: groups.map(([priority, weight], i) => ({ name: `${i}`, priority, weight })),
  };
}

/** Of a hundred thousand requests, how many per cent go to each locality. */
function shares(settings: Settings, ...groups: string[]): number[] {
  const found = counts(balancerOf(placed(...groups), settings), 20_000);
  return groups.map((_, locality) => {
    const ids = Object.entries(found).filter(([id]) => id.startsWith(`${locality}`));
    return Math.round(ids.reduce((sum, [, count]) => sum + count, 0) / 200);
  });
}

function near(
  t: { ok(value: boolean, message: string): void },
  found: number[],
  expected: number[],
  why: string,
): void {
  t.ok(
    found.every((share, i) => Math.abs(share - expected[i]!) <= 2),
    `${why}: ${found} for ${expected}`,
  );
}

t.test('a priority carries 1.4 times what is healthy of it, and the rest spills over to the next', async (t) => {
  const three = localities([0, 1], [1, 1], [2, 1]);
  near(t, shares(three, '++++++++++', '+', '+'), [100, 0, 0], 'all healthy');
  near(t, shares(three, '++++++++xx', '+', '+'), [100, 0, 0], '80 per cent are enough');
  near(t, shares(three, '+++++-xxxx', '+', '+'), [70, 30, 0], 'half');
  near(t, shares(three, '+xxxxxxxxx', '+x', '+'), [14, 70, 16], 'a tenth, and half of the next');
  near(t, shares(three, 'xx', 'xx', '+'), [0, 0, 100], 'the last');
  near(t, shares(three, '', '++', '+'), [0, 100, 0], 'nobody is there');
  near(t, shares(three, '+xxx', 'xxxx', 'xx'), [100, 0, 0], 'what nobody carries is shared by those who carry');
});

t.test('priorities count by their numbers, not by their places', async (t) => {
  near(t, shares(localities([10, 1], [9, 1]), '+', '+'), [0, 100], 'the second is nearer');
});

t.test('within a priority weight and health decide', async (t) => {
  const two = localities([0, 30], [0, 70]);
  near(t, shares(two, '+', '+++++'), [30, 70], 'not how many there are');
  near(t, shares(two, '+', ''), [100, 0], 'nobody has nothing');
  near(t, shares(two, '++++++++xx', '++++'), [30, 70], '80 per cent are as good as all');
  near(t, shares(two, '++', '+xxxxxxxxx'), [75, 25], 'a tenth of 70, and 1.4 times');
});

t.test('where nobody is healthy everybody is asked', async (t) => {
  near(t, shares(localities([0, 1], [1, 1]), '-', '-'), [50, 50], 'ready or not');
  t.equal(balancerOf(placed('x', 'x'), localities([0, 1], [1, 1])).pick(0, NO_HASH, null), null);
});

t.test('one group of nearness is none', async (t) => {
  const balancer = balancerOf(placed('x', '+'), localities([0, 1]));
  t.equal(balancer.pick(0, NO_HASH, null)!.id, '10');
});

t.test('what was told last counts', async (t) => {
  const balancer = new Balancer<Endpoint>({ algorithm: 'random' }, () => 0);
  t.equal(balancer.pick(0, NO_HASH, null), null);
  balancer.update([new Endpoint('a')]);
  t.equal(balancer.pick(0, NO_HASH, null)!.id, 'a');
  balancer.update([]);
  t.equal(balancer.pick(0, NO_HASH, null), null);
});

t.test('a key goes to its endpoint while that can be used, then on, and to one that is not ready last', async (t) => {
  const settings: Settings = {
    algorithm: 'consistent-hash',
    hash: { key: { header: 'user' }, table: 'maglev', size: 13 },
  };
  const abc = ['a', 'b', 'c'].map((id) => new Endpoint(id));
  const [a, b, c] = abc as [Endpoint, Endpoint, Endpoint];
  const balancer = balancerOf(abc, settings);
  // The places are c a a c a c b b c b a a b.
  const pick = (avoid: Endpoint[] | null = null) => balancer.pick(0, 0, avoid)?.id;
  t.equal(pick(), 'c');
  t.equal(pick([c]), 'a');
  t.equal(pick([a]), 'c');
  t.equal(pick([c, a]), 'b');
  t.equal(pick([c, a, b]), 'c', 'all were tried');
  c.ready = false;
  t.equal(pick(), 'a');
  a.ejected = true;
  t.equal(pick(), 'b');
  b.ready = false;
  t.equal(pick(), 'c', 'none is ready');
  c.ejected = true;
  t.equal(pick(), 'b');
  b.ejected = true;
  t.equal(pick(), undefined);
});

t.test('a key leaves the nearest priority only when that has nobody healthy', async (t) => {
  const settings: Settings = {
    ...localities([5, 1], [4, 1]),
    algorithm: 'consistent-hash',
    hash: { key: { header: 'user' }, table: 'maglev', size: 13 },
  };
  const endpoints = placed('++', '++');
  const balancer = balancerOf(endpoints, settings);
  const found = () => new Set(Array.from({ length: 13 }, (_, key) => balancer.pick(0, key, null)!.locality));
  t.same([...found()], [1], 'the one of the lower number');
  endpoints[2]!.ready = false;
  t.same([...found()], [1]);
  endpoints[3]!.ready = false;
  t.same([...found()], [0]);
  for (const each of endpoints) each.ready = false;
  t.same([...found()].sort(), [0, 1], 'nobody is healthy');
});

t.test('a retry that leaves its locality is chosen of all others, if it has one to leave', async (t) => {
  const endpoints = placed('++', '+', '+');
  const balancer = balancerOf(endpoints, { ...localities([0, 1], [1, 1], [2, 1]), algorithm: 'round-robin' });
  const picked = (avoid: Endpoint[] | null, leaves: boolean) =>
    [...new Set(Array.from({ length: 8 }, () => balancer.pick(0, NO_HASH, avoid, leaves)!.id))].sort().join();
  t.equal(picked([endpoints[0]!], false), '01');
  t.equal(picked([endpoints[0]!], true), '10,20');
  t.equal(picked([endpoints[0]!, endpoints[2]!], true), '20');
  t.equal(picked(null, true), '00,01');
});
