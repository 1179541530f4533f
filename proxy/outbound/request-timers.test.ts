import t, { type Test } from 'tap';

import type { Timeouts } from '../../api/routing.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { hasTimeouts, RequestTimers } from './request-timers.ts';
import { FakeTimers } from './testing/fake-timers.ts';

function started(t: Test, timeouts: Timeouts, deadlineMs = 0) {
  const time = new FakeTimers(t);
  const told: [reason: string, ms: number][] = [];
  const timers = new RequestTimers(timeouts, deadlineMs, { onTimeout: (reason, ms) => void told.push([reason, ms]) });
  return { time, told, timers };
}

t.test('a timeout that is 0 or absent is none', async (t) => {
  t.notOk(hasTimeouts({}));
  t.notOk(hasTimeouts({ headMs: 0, requestMs: 0, responseMs: 0, idleMs: 0 }));
  for (const name of ['headMs', 'requestMs', 'responseMs', 'idleMs']) t.ok(hasTimeouts({ [name]: 1 }));
  const { time, timers } = started(t, { headMs: 0 });
  timers.onRequestEnd();
  t.same(time.waiting, []);
});

t.test('the head of the answer has its time, and no more than that', async (t) => {
  const { time, told, timers } = started(t, { headMs: 100 });
  time.pass(99);
  t.same(told, []);
  time.pass(1);
  t.same(told, [['request_timeout', 100]]);
  timers.stop();
});

t.test('once it has come, the request as a whole may take longer', async (t) => {
  const { time, told, timers } = started(t, { headMs: 100, requestMs: 300 });
  time.pass(50);
  timers.onHead();
  time.pass(249);
  t.same(told, []);
  time.pass(1);
  t.same(told, [['request_timeout', 300]]);
});

t.test('the deadline of the client holds where it is the shorter one', async (t) => {
  const timers = new FakeTimers(t);
  const listener = { onTimeout() {} };
  new RequestTimers({ requestMs: 300 }, 200, listener);
  new RequestTimers({ requestMs: 300 }, 400, listener);
  new RequestTimers({}, 500, listener);
  t.same(timers.waiting, [200, 300, 500]);
});

t.test('the answer has its time from the end of the request', async (t) => {
  const { time, told, timers } = started(t, { responseMs: 100 });
  time.pass(500);
  timers.onRequestEnd();
  time.pass(99);
  t.same(told, []);
  time.pass(1);
  t.same(told, [['response_timeout', 100]]);
});

t.test('or from the head of the answer, where that comes first', async (t) => {
  const { time, told, timers } = started(t, { responseMs: 100 });
  timers.onHead();
  time.pass(60);
  timers.onRequestEnd();
  time.pass(40);
  t.same(told, [['response_timeout', 100]]);
});

t.test('of a tunnel only its pauses are timed', async (t) => {
  const { time, told, timers } = started(t, { headMs: 100, requestMs: 200, responseMs: 300, idleMs: 400 }, 150);
  timers.onTunnel();
  timers.onRequestEnd();
  time.pass(399);
  t.same(told, []);
  time.pass(1);
  t.same(told, [['idle_timeout', 400]]);
});

t.test('silence is counted from the last octet', async (t) => {
  const { time, told, timers } = started(t, { idleMs: 100 });
  for (let i = 0; i < 5; i++) {
    time.pass(60);
    timers.onActivity();
  }
  t.same(told, []);
  time.pass(100);
  t.same(told, [['idle_timeout', 100]]);
});

t.test('nothing is told once they were stopped', async (t) => {
  const { time, told, timers } = started(t, { headMs: 10, requestMs: 20, responseMs: 30, idleMs: 40 }, 50);
  timers.onRequestEnd();
  timers.stop();
  time.pass(1000);
  t.same(told, []);
  t.same(time.waiting, []);
});

t.test('the end of the request and the head of the answer begin one time together, which ends with both', async (t) => {
  const { time, told, timers } = started(t, { responseMs: 30 });
  timers.onRequestEnd();
  time.pass(20);
  timers.onHead();
  timers.stop();
  time.pass(1000);
  t.same(told, []);
  t.same(time.waiting, []);
});

t.test('a time that no timer can be set for is as long as one can', async (t) => {
  const { time } = started(t, { requestMs: 1e12 });
  t.same(time.waiting, [MAX_TIMER_MS]);
});
