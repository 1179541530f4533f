import t from 'tap';

import { nearestName } from './nearest-name.ts';

t.test('the name that differs in the fewest characters is the nearest', async (t) => {
  t.equal(nearestName('kitten', ['sitting', 'mitten']), 'mitten');
  t.equal(nearestName('abcdef', ['abcdef']), 'abcdef');
  t.equal(nearestName('abcdef', ['abcdeg', 'abcdeh']), 'abcdeg', 'the first of several');
  t.equal(nearestName('abcdef', []), null);
});

t.test('a character that is missing, too many, or another counts one each', async (t) => {
  for (const [name, candidate, distance] of [
    ['abcdef', 'abcef', 1],
    ['abcdef', 'abxcdef', 1],
    ['abcdef', 'abxdef', 1],
    ['abcdef', 'bcdef', 1],
    ['abcdef', 'abcdefx', 1],
    ['abcdef', 'abdcef', 2],
    ['abcdef', 'bcdefa', 2],
    ['abcdef', 'abxdxf', 2],
    ['abcdef', 'xbcdxfx', 3],
  ] as const) {
    // A third of the characters may differ: names of 3, 6 and 9 allow 1, 2 and 3.
    const padded = (text: string, length: number) => text + '='.repeat(length - 6);
    for (const [length, most] of [
      [6, 2],
      [9, 3],
    ] as const) {
      const found = nearestName(padded(name, length), [candidate + '='.repeat(length - 6)]) !== null;
      t.equal(found, distance <= most, `${name} ${candidate} of ${length}`);
    }
  }
});

t.test('neighbours that are swapped count two, or one where that is asked for', async (t) => {
  t.equal(nearestName('wyh', ['why']), null);
  t.equal(nearestName('wyh', ['why'], { most: 1, swap: 1 }), 'why');
  t.equal(nearestName('wyh', ['why'], { most: 1, swap: 2 }), null);
});

t.test('two that have nothing in common are not near', async (t) => {
  t.equal(nearestName('abc', ['xyz']), null);
  t.equal(nearestName('', ['a']), null);
  t.equal(nearestName('ab', ['ac']), null, 'one of two is more than a third');
});
