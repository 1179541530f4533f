import t, { type Test } from 'tap';

import { FakeClock } from '../testing/fake-clock.ts';
import { CLOCK_SKEW_MS } from './authority.ts';
import { RenewalTimer } from './renewal-timer.ts';

function open(t: Test) {
  const clock = new FakeClock();
  const renewedAt: number[] = [];
  const timer = new RenewalTimer(clock, () => renewedAt.push(clock.now()));
  t.teardown(() => timer.stop());
  return { clock, timer, renewedAt };
}

t.test('a certificate is renewed once, when that was asked for', async (t) => {
  const { clock, timer, renewedAt } = open(t);
  timer.after(1000);
  clock.advance(5000);
  t.same(renewedAt, [1000]);
});

t.test('of several moments the soonest counts, whichever was asked for first', async (t) => {
  const { clock, timer, renewedAt } = open(t);
  timer.after(1000);
  timer.after(200);
  timer.after(3000);
  clock.advance(5000);
  t.same(renewedAt, [200]);
});

t.test('renewals that are under way at once leave one timer behind', async (t) => {
  const { clock, timer, renewedAt } = open(t);
  timer.after(0);
  clock.advance(0);
  timer.after(0);
  clock.advance(0);
  t.same(renewedAt, [0, 0], 'the second begins before the first has ended');
  timer.after(1000);
  timer.after(1100);
  t.equal(clock.pending, 1);
});

t.test('who is stopped renews no more, and is asked in vain', async (t) => {
  const { clock, timer, renewedAt } = open(t);
  timer.after(1000);
  timer.stop();
  timer.after(1000);
  clock.advance(5000);
  t.same(renewedAt, []);
});

t.test('an instant asks for a renewal where the certificate was made before it, and once', async (t) => {
  const { timer } = open(t);
  const madeAt = Date.parse('2026-01-01T00:00:00Z');
  const notBefore = madeAt - CLOCK_SKEW_MS;
  t.notOk(timer.isDemanded('', notBefore), 'nobody asks');
  t.notOk(timer.isDemanded('2026-01-01T00:00:00.000Z', notBefore), 'it was made then');
  t.ok(timer.isDemanded('2026-01-01T00:00:00.001Z', notBefore));
  t.notOk(timer.isDemanded('2026-01-01T00:00:00.001Z', notBefore), 'that was said');
  t.ok(timer.isDemanded('2026-01-01T00:01:00.000Z', notBefore), 'another instant');
});
