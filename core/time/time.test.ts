import t from 'tap';

import { Allowance } from './allowance.ts';
import { Backoff } from './backoff.ts';
import { systemClock } from './clock.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { isRenewalDue, renewalDelay } from './renewal.ts';

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

t.test('reads durations as Go does', async (t) => {
  for (const [text, ms] of [
    ['5s', 5000],
    ['300ms', 300],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1500us', 2],
    ['0', 0],
    ['0s', 0],
    ['1d', null],
    ['-5s', null],
    ['5', null],
    ['s', null],
    [' 5s', null],
    ['', null],
    ['9999999999999999h', null],
  ] as const) {
    t.equal(parseDuration(text), ms, `"${text}"`);
  }
});

t.test('rounds a duration below a millisecond up to one, because 0 means no limit', async (t) => {
  for (const text of ['100us', '1ns', '1µs', '0.4ms']) t.equal(parseDuration(text), 1, text);
});

t.test('reads days and passes over white space where that is asked for', async (t) => {
  for (const [text, ms] of [
    ['1d', 86_400_000],
    ['1d12h', 129_600_000],
    [' 10s ', 10_000],
    [' 0 ', 0],
    ['1 s', null],
    ['d', null],
  ] as const) {
    t.equal(parseDuration(text, { hasDays: true }), ms, `"${text}"`);
  }
});

t.test('writes a duration in seconds where it is whole ones', async (t) => {
  t.equal(formatDuration(90_000), '90s');
  t.equal(formatDuration(1500), '1500ms');
  t.equal(formatDuration(0), '0s');
});

t.test('a certificate is renewed when about two thirds of what is left are over', async (t) => {
  const day = 86_400_000;
  t.equal(
    renewalDelay(day, () => 0.5),
    (day * 2) / 3,
  );
  t.equal(Math.round(renewalDelay(day, () => 0) / 1000), 53_280, 'a twentieth earlier');
  t.equal(Math.round(renewalDelay(day, () => 1) / 1000), 61_920, 'a twentieth later');
  t.equal(renewalDelay(-5), 1000, 'one that has expired is asked for again without a storm');
  t.equal(renewalDelay(1200), 1000);
});

t.test('renewal is due from two thirds of a life on', async (t) => {
  t.notOk(isRenewalDue(1000, 4000, 2999));
  t.ok(isRenewalDue(1000, 4000, 3000));
  t.ok(isRenewalDue(1000, 4000, 9000), 'also after the end');
});

t.test('an allowance lets a burst through at once, and what has been earned since', async (t) => {
  let now = 0;
  const allowance = new Allowance({ ...systemClock, monotonic: () => now }, { burst: 3, perMinute: 60 });
  const taken = () => [allowance.take(), allowance.take(), allowance.take(), allowance.take()];
  t.same(taken(), [true, true, true, false]);
  now += 999;
  t.notOk(allowance.take(), 'not before a whole one is earned');
  now += 1;
  t.same(taken(), [true, false, false, false]);
  now += 3_600_000;
  t.same(taken(), [true, true, true, false], 'no more than a burst is kept');
});
