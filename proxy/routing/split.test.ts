import t from 'tap';

import { Split } from './split.ts';

t.test('gives everything to the only backend', async (t) => {
  const split = new Split([{ backend: 'a', weight: 1 }]);
  for (let i = 0; i < 10; i++) t.equal(split.next()?.backend, 'a');
});

t.test('has nobody to give to without a weight', async (t) => {
  t.equal(new Split([]).next(), null);
  t.equal(new Split([{ backend: 'a', weight: 0 }]).next(), null);
});

t.test(
  'gives each backend its share of any 1,000 in a row, give or take 3, and nothing for a weight of 0',
  async (t) => {
    for (const weights of [
      [50, 50],
      [99, 1],
      [1, 1, 1],
      [90, 0, 10],
      [1, 999],
      [0, 5, 3, 2, 0],
      [33, 33, 34],
      Array(20).fill(7),
    ]) {
      for (const start of [0, 0.25, 0.5, 0.999999999]) {
        const worst = worstMiss(weights, start);
        t.ok(worst <= 3, `${weights} from ${start}: ${worst.toFixed(2)}`);
      }
    }
  },
);

t.test('is as even to those who are every second or third request', async (t) => {
  for (const stride of [2, 3, 5, 10]) {
    const worst = worstMiss([80, 20], 0.1, stride);
    t.ok(worst <= 10, `every ${stride}: ${worst.toFixed(2)}`);
  }
});

t.test('hands out the backend with its filters', async (t) => {
  const backend = { backend: 'a', weight: 3, filters: { requestHeaders: { remove: ['x'] } } };
  t.equal(new Split([backend]).next(), backend);
});

/** How far any 1,000 in a row are from the weights, in requests. */
function worstMiss(weights: readonly number[], start: number, stride = 1): number {
  const split = new Split(
    weights.map((weight, i) => ({ backend: `${i}`, weight })),
    start,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const picks: number[] = [];
  const counts = new Array<number>(weights.length).fill(0);
  let worst = 0;
  for (let i = 0; i < 6000; i++) {
    const pick = Number(split.next()!.backend);
    for (let skipped = 1; skipped < stride; skipped++) split.next();
    picks.push(pick);
    counts[pick]!++;
    if (i >= 1000) counts[picks[i - 1000]!]!--;
    if (i < 999) continue;
    weights.forEach((weight, each) => {
      const miss = weight === 0 && counts[each]! > 0 ? 1000 : Math.abs(counts[each]! - (1000 * weight) / total);
      worst = Math.max(worst, miss);
    });
  }
  return worst;
}
