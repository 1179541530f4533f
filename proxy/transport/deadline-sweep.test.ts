import t from 'tap';

import { DeadlineSweep, type Watched } from './deadline-sweep.ts';
import { Stillness } from './stillness.ts';

t.test('counts how long something has been the same, from the look at which it first was', async (t) => {
  const stillness = new Stillness();
  const subject = {};
  const at = (nowMs: number, phase: string, mark: number) => {
    stillness.begin(nowMs);
    const ms = stillness.of(subject, phase, mark);
    stillness.end();
    return ms;
  };
  t.equal(at(0, 'head', 1), 0);
  t.equal(at(100, 'head', 1), 100);
  t.equal(at(200, 'head', 2), 0, 'it moved');
  t.equal(at(300, 'body', 2), 0, 'it is something else now');
  t.equal(at(400, 'body', 2), 100);
  stillness.begin(500);
  stillness.end();
  t.equal(at(600, 'body', 2), 0, 'it was not asked for in between');
});

t.test('looks at what is watched until it is not', async (t) => {
  const sweep = new DeadlineSweep();
  const { promise, resolve } = Promise.withResolvers<void>();
  let looks = 0;
  const watched: Watched = {
    look() {
      if (++looks === 3) resolve();
    },
  };
  // The sweep keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  const unwatch = sweep.add(watched, 40);
  await promise;
  unwatch();
  t.equal(sweep.size, 0);
  clearInterval(alive);
});
