import t from 'tap';

import { IdleTimer } from './idle-timer.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('tells once that the rest has lasted long enough', async (t) => {
  let told = 0;
  const timer = new IdleTimer(20, () => told++);
  await pause(40);
  t.equal(told, 0, 'it has not rested yet');
  timer.rest();
  while (told === 0) await pause(5);
  await pause(50);
  t.equal(told, 1);
});

t.test('a rest that was interrupted begins anew', async (t) => {
  let toldMs = 0;
  const timer = new IdleTimer(60, () => {
    toldMs = performance.now();
  });
  timer.rest();
  await pause(40);
  timer.wake();
  timer.rest();
  const begunMs = performance.now();
  while (toldMs === 0) await pause(5);
  t.ok(toldMs - begunMs > 55, 'the first rest does not count');
});

t.test('says nothing while awake, nor when it was stopped', async (t) => {
  let told = 0;
  const awake = new IdleTimer(10, () => told++);
  awake.rest();
  awake.wake();
  const stopped = new IdleTimer(10, () => told++);
  stopped.rest();
  stopped.stop();
  await pause(60);
  t.equal(told, 0);
});

t.test('is overdue where the rest has lasted long enough and nobody has been told yet', async (t) => {
  let nowMs = 1000;
  t.intercept(performance, 'now', { value: () => nowMs });
  const timer = new IdleTimer(50, () => {});
  nowMs = 9000;
  t.equal(timer.isOverdue, false, 'it has not rested');
  timer.rest();
  t.equal(timer.isOverdue, false);
  nowMs += 49;
  t.equal(timer.isOverdue, false);
  nowMs++;
  t.equal(timer.isOverdue, true);
  timer.wake();
  t.equal(timer.isOverdue, false);
  timer.stop();
});
