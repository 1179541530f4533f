import t from 'tap';

import { firstWord } from './first-word.ts';

/** What is asked of ports and clock: how to be told, and what is due when. */
function asked() {
  const hearers = new Set<() => void>();
  const due: { ms: number; task: () => void; cancelled: boolean }[] = [];
  const ports = {
    whenUpdated: (hear: () => void) => {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
  };
  const clock = {
    after: (ms: number, task: () => void) => {
      const timer = { ms, task, cancelled: false };
      due.push(timer);
      return { cancel: () => (timer.cancelled = true) };
    },
  };
  return { hearers, due, word: firstWord(ports as Parameters<typeof firstWord>[0], clock, 3000) };
}

t.test('the first word ends the wait, and nothing is left of it', async (t) => {
  const { hearers, due, word } = asked();
  for (const hear of [...hearers]) hear();
  t.equal(await word, true);
  t.equal(hearers.size, 0);
  t.match(due, [{ ms: 3000, cancelled: true }]);
});

t.test('without a word the wait ends all the same, and nobody is listened to any longer', async (t) => {
  const { hearers, due, word } = asked();
  due[0]!.task();
  t.equal(await word, false);
  t.equal(hearers.size, 0);
});
