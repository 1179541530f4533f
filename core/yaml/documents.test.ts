import t from 'tap';

import { parseYaml, readYaml, writeYaml } from './documents.ts';

const json = (text: string) => readYaml(text)[0]!.toJson();

t.test('scalars are what kubectl reads', async (t) => {
  for (const [text, value] of [
    ['0400', 256],
    ['0o17', 15],
    ['08', 8],
    ['0x1F', 31],
    ['0b101', 5],
    ['-0b11', -3],
    ['+1', 1],
    ['1_000', 1000],
    ['0_', 0],
    ['1e3', 1000],
    ['.5', 0.5],
    ['5.', 5],
    ['e3', 'e3'],
    ['1e', '1e'],
    ['7E777', '7E777'],
    ['yes', true],
    ['Off', false],
    ['y', true],
    ['~', null],
    ['', null],
    ['1:30', '1:30'],
    ['2001-01-01', '2001-01-01'],
    ['=', '='],
    ["'yes'", 'yes'],
    ['"0400"', '0400'],
  ] as const)
    t.equal((json(`a: ${text}\n`) as { a: unknown }).a, value, text);
});

t.test('keys are texts, whatever they look like', async (t) => {
  t.same(json('yes: 1\n0400: 2\n1.5: 3\n2001-01-01: 4\n__proto__: 5\n'), {
    true: 1,
    256: 2,
    1.5: 3,
    '2001-01-01': 4,
    ['__proto__']: 5,
  });
  for (const text of ['? [a]\n: b\n', '~: a\n']) t.throws(() => json(text), /JSON does not have/);
});

t.test('merges and aliases are followed, up to a bound, and of two equal keys the last counts', async (t) => {
  t.same(json('a: &x {k: v}\nb: {<<: *x, l: w}\nc: *x\n'), { a: { k: 'v' }, b: { k: 'v', l: 'w' }, c: { k: 'v' } });
  t.same(json('a: 1\na: 2\n'), { a: 2 });
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...'bcdefgh'].map((name, at) =>
    at === 0
      ? name
      : `${name}: &${name} [${Array(9)
          .fill(`*${String.fromCharCode(96 + at)}`)
          .join(', ')}]`,
  );
  t.throws(() => json(`${bomb.join('\n')}\n`), /[Aa]lias/);
});

t.test('a number that JSON does not have is none', async (t) => {
  for (const text of ['a: .inf\n', 'a: -.Inf\n', 'a: .nan\n']) t.throws(() => json(text), /none that JSON has/);
});

t.test('documents are told apart, with their lines; what is no YAML is told where it is', async (t) => {
  const documents = readYaml('# first\na: 1\n---\nb: 2\n---\nc: [\n');
  t.same(
    documents.map(({ line, fault }) => [line, fault?.line]),
    [
      [2, undefined],
      [4, undefined],
      [6, 7],
    ],
  );
  t.match(documents[2]!.fault!.message, /Flow sequence/);
  t.same(readYaml(''), []);
  t.same(
    readYaml('---\n---\na: 1\n').map((each) => each.toJson()),
    [null, { a: 1 }],
  );
});

t.test('what is written back says the same, with its comments and in its order', async (t) => {
  const text =
    '# what\nb: 0400 # mode\na: yes\nc:\n  - "x"\n  - &y {k: v}\n  - *y\nd: 12345678901234567890\ne: |\n  two\n  lines\n';
  const [document] = readYaml(text);
  t.equal(writeYaml(document!.document), text.replace('{k: v}', '{ k: v }'));
  const long = `a: ${'word '.repeat(60)}end\n`;
  t.equal(writeYaml(readYaml(long)[0]!.document), long, 'lines stay as long as they are');
  t.equal(writeYaml(readYaml('{a:, b: }')[0]!.document), '{ a: null, b: null }\n', 'nothing is said between brackets');
});

t.test('a text that shall be one document is its value, or a fault', async (t) => {
  t.same(parseYaml('a: 0400'), { value: { a: 256 } });
  t.same(parseYaml(''), { value: null });
  t.match(parseYaml('a: ['), { fault: /.+/ });
  t.match(parseYaml('a: 1\n---\nb: 2\n'), { fault: /more than one/ });
  t.match(parseYaml('~: 1'), { fault: /JSON does not have/ });
});
