import t from 'tap';

import { Backoff } from './backoff.ts';

t.test('doubles the wait up to the maximum and starts over after a success', async (t) => {
  const backoff = new Backoff({ minMs: 100, maxMs: 1000, random: () => 1 });
  t.same([backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()], [100, 200, 400, 800, 1000]);
  backoff.reset();
  t.equal(backoff.next(), 100);
});

t.test('spreads the wait over the upper half of its step', async (t) => {
  const backoff = new Backoff({ minMs: 100, maxMs: 1000, random: () => 0 });
  t.equal(backoff.next(), 50);
});
