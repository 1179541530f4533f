import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { Random } from '../../core/testing/random.ts';
import { AREAS } from './areas.ts';
import { Draw } from './draw.ts';
import { isListed, parseEquivalents, readEquivalents } from './equivalents.ts';
import { mutantOf } from './place.ts';
import { placesIn } from './places.ts';
import { tableOf } from './score.ts';

const ROOT = join(fileURLToPath(import.meta.url), '../../..');

/** The texts of every mutant of a source. */
function textsOf(source: string): string[] {
  return placesIn('a.ts', source).flatMap((place) =>
    place.alternatives.map((alternative) => mutantOf(place, alternative, source).text),
  );
}

t.test('a comparison becomes its neighbour and its opposite', async (t) => {
  t.same(
    textsOf('f(a < b)'),
    [';', 'f(a <= b)', 'f(a >= b)'].map((text) => `f(a < b) → ${text}`),
  );
});

t.test('a branch is always taken, never taken, and turned round', async (t) => {
  t.same(
    textsOf('if (a) {}'),
    ['true', 'false', '!a'].map((test) => `if (a) {} → if (${test}) {}`),
  );
});

t.test('a number has two neighbours, a large one is doubled', async (t) => {
  t.same(textsOf('const a = 7'), ['const a = 7 → const a = 8', 'const a = 7 → const a = 6']);
  t.same(textsOf('const a = 10_000'), ['const a = 10_000 → const a = 20000']);
});

t.test('a token is emptied, and a text for people is left alone', async (t) => {
  t.same(textsOf("const a = 'time_out'"), ["const a = 'time_out' → const a = ''"]);
  t.same(textsOf("const a = 'the peer has left'"), []);
});

t.test('a function that returns nothing ends before it begins', async (t) => {
  t.ok(
    textsOf('function f() { a(); b(); }').includes('function f() { a(); b(); } → function f() { return; a(); b(); }'),
  );
});

t.test('types, imports and what is logged are left alone', async (t) => {
  t.same(textsOf("import a from 'a'; type B = 'b' | 1; let c: 2; log.info({ at: 3 }, 'd'); this.#log[5]({}, 'e')"), []);
  t.same(textsOf('let a = b as 1'), []);
});

t.test('of a long table every fortieth row is changed, of a long class everything', async (t) => {
  t.equal(placesIn('a.ts', `const a = [${'1, '.repeat(80)}]`).length, 2);
  t.equal(placesIn('a.ts', `class A { ${'a = 1; '.repeat(80)} }`).length, 80);
});

t.test('a text names a mutant whatever stands above it', async (t) => {
  const [place] = placesIn('a.ts', '\n\nlet a = 1;\n');
  const { line, text, source } = mutantOf(place!, '2', '\n\nlet a = 1;\n');
  t.same([line, text, source], [3, 'let a = 1; → let a = 2;', '\n\nlet a = 2;\n']);
});

t.test('the same seed draws the same, spread over the files by their places', async (t) => {
  const files = ['large.ts', 'small.ts'].map((file, i) => {
    const source = 'a(b < c);\n'.repeat(i === 0 ? 30 : 10);
    return { source, places: placesIn(file, source) };
  });
  const drawn = (seed: number) => {
    const draw = new Draw(files, 8, new Random(seed));
    return Array.from({ length: 8 }, (_, i) => draw.first(i)!);
  };
  t.same(drawn(1), drawn(1));
  t.not(JSON.stringify(drawn(1)), JSON.stringify(drawn(2)));
  t.equal(drawn(1).filter(({ file }) => file === 'large.ts').length, 6);
});

t.test('draws another alternative where one is refused, then another place, and ends', async (t) => {
  const source = 'if (a) {}\nif (b) {}';
  const draw = new Draw([{ source, places: placesIn('a.ts', source) }], 1, new Random(1));
  const drawn = [draw.first(0)!.text];
  for (let next = draw.again(0); next; next = draw.again(0)) drawn.push(next.text);
  t.same(drawn.sort(), textsOf(source).sort());
});

t.test('a list of equivalents names a file, its mutants and a reason each', async (t) => {
  const list = parseEquivalents('# why\na.ts\n  b → c\n    It is\n    so.\n\n  d → e\n    And so.\n');
  t.same(list, [
    { file: 'a.ts', text: 'b → c', reason: 'It is so.' },
    { file: 'a.ts', text: 'd → e', reason: 'And so.' },
  ]);
  t.ok(isListed({ file: 'a.ts', line: 9, text: 'd → e', source: '' }, list));
  t.notOk(isListed({ file: 'b.ts', line: 9, text: 'd → e', source: '' }, list));
});

t.test('every listed equivalent is a mutant of the area as it is, and has a reason', async (t) => {
  for (const [area, { sources }] of Object.entries(AREAS)) {
    const files = globSync([...sources], { cwd: ROOT });
    for (const { file, text, reason } of readEquivalents(area)) {
      t.ok(files.includes(file), `${file} is of ${area}`);
      const source = readFileSync(join(ROOT, file), 'utf8');
      const isThere = placesIn(file, source).some((place) =>
        place.alternatives.some((alternative) => mutantOf(place, alternative, source).text === text),
      );
      if (!isThere) t.fail(`${file} has no mutant ${text}: take it off test/mutate/equivalents/${area}.txt`);
      if (reason === '') t.fail(`${text} has no reason`);
    }
  }
});

t.test('the table has a line for each area, and below it what survives', async (t) => {
  const survivors = [{ file: 'a.ts', line: 3, text: 'b → c' }];
  const score = { area: 'http2', seed: 1, noticed: 3, survivors, equivalents: 2, refused: 5 };
  t.same(tableOf([score]).split('\n'), [
    'area   seed  mutants  noticed  %   equivalent  not typed',
    'http2  1     4        3        75  2           5',
    'a.ts:3  b → c',
  ]);
});
