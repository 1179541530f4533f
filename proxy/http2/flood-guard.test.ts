import t from 'tap';

import { FloodGuard } from './flood-guard.ts';

function guardOf(budget: number, start?: number) {
  const clock = { ms: 500 };
  return { clock, guard: new FloodGuard(budget, () => clock.ms, start) };
}

t.test('the budget may be spent, and nothing beyond it', async (t) => {
  const { guard } = guardOf(100);
  t.equal(guard.spend(60), false);
  t.equal(guard.spend(40), false);
  t.equal(guard.spend(1), true);
});

t.test('progress earns, up to the budget', async (t) => {
  const { guard } = guardOf(100);
  guard.earn(1000);
  t.equal(guard.spend(90), false);
  guard.earn(5);
  t.equal(guard.spend(15), false);
  t.equal(guard.spend(1), true);
});

t.test('a quarter of the budget comes back each second', async (t) => {
  const { clock, guard } = guardOf(400);
  t.equal(guard.spend(400), false);
  clock.ms += 1000;
  t.equal(guard.spend(100), false);
  t.equal(guard.spend(1), true);
  clock.ms += 10;
  t.equal(guard.spend(0), false, 'an hundredth of it in ten milliseconds');
  t.equal(guard.spend(1), true);
});

t.test('what comes back in between the looks at the clock is not lost', async (t) => {
  const { clock, guard } = guardOf(400);
  guard.spend(400);
  for (let i = 0; i < 10; i++) {
    // A tenth of a unit each: the clock is not taken for read before it has given something.
    clock.ms += 1;
    guard.spend(0);
  }
  t.equal(guard.spend(1), false);
  t.equal(guard.spend(1), true);
});

t.test('after a long silence all of it is there, and no more', async (t) => {
  const { clock, guard } = guardOf(400);
  guard.spend(700);
  clock.ms += 1_000_000_000;
  t.equal(guard.spend(0), false);
  t.equal(guard.spend(400), false);
  t.equal(guard.spend(1), true);
});

t.test('may begin with a part of it', async (t) => {
  const { guard } = guardOf(400, 10);
  t.equal(guard.spend(10), false);
  t.equal(guard.spend(1), true);
  guard.earn(1000);
  t.equal(guard.spend(400), false);
});
