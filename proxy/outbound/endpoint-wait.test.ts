import t, { type Test } from 'tap';

import { FAIL_FAST_MS, waitForEndpoint } from './endpoint-wait.ts';
import type { Target } from './target.ts';

/** A wait whose target, clock and interval are the test's. */
function wait(t: Test) {
  const { setInterval, clearInterval } = globalThis;
  const clock = t.intercept(performance, 'now', { value: () => nowMs, configurable: true, writable: true });
  let nowMs = 1000;
  let poll: (() => void) | null = null;
  let tell: (() => void) | null = null;
  Object.assign(globalThis, {
    setInterval: (callback: () => void) => {
      poll = callback;
      return 1;
    },
    clearInterval: () => {
      poll = null;
    },
  });
  t.teardown(() => Object.assign(globalThis, { setInterval, clearInterval }));
  const target = {
    whenEndpoints(callback: () => void) {
      tell = callback;
      return () => {
        tell = null;
      };
    },
  } as unknown as Target;
  const heard: boolean[] = [];
  const state = { isThere: false };
  const stop = waitForEndpoint(
    target,
    () => state.isThere,
    (found) => heard.push(found),
  );
  void clock;
  return {
    ...{ heard, state, stop },
    pass: (ms: number) => {
      nowMs += ms;
      poll?.();
    },
    update: () => tell?.(),
    isWaiting: () => poll !== null && tell !== null,
  };
}

t.test('ends with an update that brings an endpoint', async (t) => {
  const { heard, state, update, isWaiting } = wait(t);
  update();
  t.same(heard, []);
  state.isThere = true;
  update();
  t.same(heard, [true]);
  t.equal(isWaiting(), false);
});

t.test('ends once an ejection has ended by itself', async (t) => {
  const { heard, state, pass } = wait(t);
  pass(100);
  state.isThere = true;
  pass(100);
  t.same(heard, [true]);
});

t.test('ends without one after its time, and not before', async (t) => {
  const { heard, pass, isWaiting } = wait(t);
  pass(FAIL_FAST_MS - 1);
  t.same(heard, []);
  pass(1);
  t.same(heard, [false]);
  t.equal(isWaiting(), false);
});

t.test('can be given up', async (t) => {
  const { heard, stop, isWaiting } = wait(t);
  stop();
  t.equal(isWaiting(), false);
  t.same(heard, []);
});
