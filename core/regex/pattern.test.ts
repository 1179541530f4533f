import { RE2JS } from 're2js';
import t from 'tap';
import { Random } from '../testing/random.ts';
import { randomPattern, randomText } from '../testing/random-pattern.ts';
import { Pattern, patternProblem } from './pattern.ts';
import { PatternSet } from './pattern-set.ts';

t.test('matches the whole text', async (t) => {
  const pattern = Pattern.compile('/users/[^/]+');
  t.equal(pattern.matches('/users/1'), true);
  t.equal(pattern.matches('/users/'), false);
  t.equal(pattern.matches('/users/1/photo'), false);
  t.equal(pattern.matches('x/users/1'), false);
});

t.test('knows what every match begins with, and whether that is all', async (t) => {
  const cases: readonly (readonly [prefix: string, isLiteral: boolean, regex: string])[] = [
    ['', true, ''],
    ['/users', true, '/users'],
    ['/users', true, '^/users$'],
    ['/users/', false, '/users/.*'],
    ['/a.', true, '/a\\.'],
    ['/a', false, '/a.?'],
    ['/a/', false, '/a/x|/a/y'],
    ['', false, '/a|b'],
    ['/', false, '/a?b'],
    ['/', false, '(?i)/a'],
    ['/', false, '/é'],
    ['', false, '\\b/users'],
    ['a', false, 'a$b'],
  ];
  for (const [prefix, isLiteral, regex] of cases) {
    const pattern = Pattern.compile(regex);
    t.same([pattern.prefix, pattern.isLiteral], [prefix, isLiteral], regex);
  }
});

t.test('is done with a pattern that nothing matches', async (t) => {
  for (const regex of ['a+$b', 'a^', '[^\\x{0}-\\x{10ffff}]', 'a\\b\\B', '^*$+x^']) {
    const pattern = Pattern.compile(regex);
    for (const text of ['', 'a', 'aaab', 'x'])
      t.equal(pattern.matches(text), RE2JS.compile(regex).matches(text), regex);
  }
});

t.test('compiles a pattern once while it is in use', async (t) => {
  const pattern = Pattern.compile('/once/.*');
  t.equal(Pattern.compile('/once/.*'), pattern);
});

t.test('matches as RE2 does', async (t) => {
  for (const regex of PATTERNS) {
    const pattern = Pattern.compile(regex);
    const engine = RE2JS.compile(regex);
    for (const text of TEXTS)
      if (pattern.matches(text) !== engine.matches(text)) t.fail(`${regex} and ${JSON.stringify(text)}`);
    t.pass(regex);
  }
});

t.test('matches as RE2 does whatever the pattern is made of, alone and in a set', async (t) => {
  const random = new Random(42);
  let compared = 0;
  for (let round = 0; round < 300; round++) {
    const regexes = Array.from({ length: 1 + random.below(12) }, () => randomPattern(random)).filter(
      (regex) => patternProblem(regex) === null,
    );
    const patterns = regexes.map((regex) => Pattern.compile(regex));
    const engines = regexes.map((regex) => RE2JS.compile(regex));
    const set = new PatternSet(patterns);
    for (let each = 0; each < 12; each++) {
      const text = randomText(random);
      const hits = new Set(set.hits.subarray(0, set.match(text)));
      engines.forEach((engine, i) => {
        compared++;
        const expected = engine.matches(text);
        if (patterns[i]!.matches(text) !== expected) t.fail(`${regexes[i]} and ${JSON.stringify(text)}`);
        if (hits.has(i) !== expected) t.fail(`${regexes[i]} in a set and ${JSON.stringify(text)}`);
      });
    }
  }
  t.ok(compared > 15_000, `${compared} comparisons`);
});

t.test('matches as RE2 does where a set needs more states than it may have', async (t) => {
  const random = new Random(7);
  const regexes = Array.from({ length: 30 }, (_, i) => `([ab]{${i + 3}})*c?`).concat(
    Array.from({ length: 10 }, (_, i) => `[ab]*a[ab]{${i + 3}}`),
    ['[ab]*a[ab]{12}b[ab]*', '[^/]*[ab]*é?', '(?:[ab]|\u{1f600})*'],
  );
  const set = new PatternSet(regexes.map((regex) => Pattern.compile(regex)));
  const engines = regexes.map((regex) => RE2JS.compile(regex));
  for (const end of ['', 'c', 'é', '\u{1f600}', '\u{1f600}ab']) {
    for (let round = 0; round < 12; round++) {
      let text = '';
      for (let i = 1200 + random.below(2000); i > 0; i--) text += random.pick(['a', 'b']);
      text += end;
      const hits = [...set.hits.subarray(0, set.match(text))].sort((a, b) => a - b);
      t.same(
        hits,
        [...engines.keys()].filter((i) => engines[i]!.testExact(text)),
      );
    }
  }
});

// An engine that backtracks would not come to an end before the sun does.
t.test('comes to an end whatever the pattern and the text', { timeout: 10_000 }, async (t) => {
  const path = `/${'ab'.repeat(4095)}`;
  const start = performance.now();
  for (const regex of HOSTILE) t.type(Pattern.compile(regex).matches(path), 'boolean', regex);
  t.comment(`${((performance.now() - start) / HOSTILE.length).toFixed(2)} ms a pattern`);
});

t.test('matches 100 hostile patterns against a path of 8 KiB together', { timeout: 10_000 }, async (t) => {
  const regexes = [...Array(9).keys()].flatMap((i) => HOSTILE.map((regex) => `${regex}c{0,${i + 1}}`)).slice(0, 100);
  const patterns = regexes.map((regex) => Pattern.compile(regex));
  const set = new PatternSet(patterns);
  for (const unit of ['a', 'ab', 'x', 'abaabbb', 'é']) {
    const path = `/${unit.repeat(8191 / unit.length)}`;
    let bestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      set.match(path);
      bestMs = Math.min(bestMs, performance.now() - start);
    }
    const hits = [...set.hits.subarray(0, set.match(path))].sort((a, b) => a - b);
    t.same(
      hits,
      [...patterns.keys()].filter((i) => patterns[i]!.matches(path)),
    );
    t.comment(`${unit}: ${bestMs.toFixed(2)} ms; one by one with re2js it is some 50 ms`);
  }
});

t.test('says what is wrong with a pattern', async (t) => {
  t.equal(patternProblem('/users/[^/]*'), null);
  for (const regex of ['/a(', '/(?=x)', '/[b-a]', '(a)\\1', 'a{1001}', '\\'])
    t.match(patternProblem(regex), /^is no regular expression \(RE2 syntax\): /, regex);
  t.match(patternProblem('a'.repeat(5000)), 'is longer than 4096 characters');
  t.match(patternProblem(`(?:${'abcdefghij'.repeat(100)}){1000}`), 'repeats too much');
  t.match(patternProblem(`(?:(?:${'x'.repeat(1000)}){10}){100}`), 'repeats too much');
  t.match(patternProblem('.*x.{40}y.*'), 'too many states');
  t.match(patternProblem('(.*a){1000}'), 'too many states');
  t.throws(() => Pattern.compile('/a('), { name: 'PatternError' });
});

t.test('refuses hardly any pattern that RE2 takes', async (t) => {
  const random = new Random(43);
  let refused = 0;
  for (let i = 0; i < 500; i++) {
    const problem = patternProblem(randomPattern(random));
    if (problem !== null && !problem.includes('RE2 syntax')) refused++;
  }
  t.ok(refused <= 2, `${refused} of 500`);
});

t.test('takes patterns that only look as if they repeated', async (t) => {
  for (const regex of [
    '\\x{1000}'.repeat(60),
    '[{1000}]{9}'.repeat(60),
    '\\Qa{1000}\\E'.repeat(60),
    '\\{1000}x{2}'.repeat(60),
  ])
    t.equal(patternProblem(regex), null, regex.slice(0, 12));
});

const PATTERNS = [
  '/users',
  '/users/.*',
  '/users/.+',
  '/users/[^/]*',
  '/users/[^/]+/photo',
  '/items/\\d+/photo',
  '/a\\.b',
  '/[^/]*/x',
  '.*',
  '',
  '/a|/b',
  '/users/.*x',
  '/ab?c',
  '/ab{2}',
  '/ab*c',
  '/a+?b',
  '/(users|items)/.*',
  '/users/[^/]*[^/]+',
  '/\\d*\\w+',
  '/x.y',
  '(?i)/users',
  '(?i)/u\\x73er[ſs]',
  '/[a-c]+',
  '^/users$',
  '/a*a',
  '(?s)/users/.*',
  '(?m)^/users/$\\n',
  '\\b/a\\B.*',
  '/users\\b.*',
  '^$|/a',
  '\\pL*/\\p{Lu}*',
  '/x[\\x{1f600}-\\x{1f64f}]y',
  '/x[^a]y',
  '.*\\z',
  'a\\Ab',
];
const TEXTS = [
  '/users',
  '/users/',
  '/users/1',
  '/users/1/photo',
  '/users//photo',
  '/users/a/b/photo',
  '/items/12/photo',
  '/items//photo',
  '/a.b',
  '/aXb',
  '/x/x',
  '//x',
  '',
  '/',
  '/a',
  '/b',
  '/users/x',
  '/users/xx',
  '/ac',
  '/abc',
  '/abb',
  '/abbbc',
  '/ab',
  '/items/x',
  '/1a',
  '/11',
  '/x1y',
  '/x\u{1f600}y',
  '/x\ud83dy',
  '/x\ude00y',
  '/users/\u{1f600}',
  '/users/é',
  '/USERS',
  '/uſers',
  '/U\u212aERS',
  '/users/\n',
  '\n/users/\n',
  '/aaa',
  '/cab',
];

const HOSTILE = [
  '/?(a|aa)*b',
  '(.*a){20}',
  '(x+x+)+y',
  '/[ab]*a[ab]{12}',
  '/[ab]*a[ab]{12}b[ab]*',
  `/(${Array.from({ length: 300 }, (_, i) => `w${(i * 7919).toString(36)}`).join('|')}|[ab])*`,
  '(?i)/(A|B|ab)*c',
  '/[ab]{1000}',
  '/([ab]{1000})*',
  '/[\\pL\\pN]*\\p{Greek}',
  `/${'[ab]*a?'.repeat(146)}`,
];

t.test('tells whether a text with a certain beginning may match', async (t) => {
  for (const [regex, start, may] of [
    ['/a', '/', true],
    ['a/', '/', false],
    ['[a-z]*', '/', false],
    ['.*', '/', true],
    ['(?i)a', '/', false],
    ['a|/', '/', true],
    ['/', '/users', false],
    ['/users/.*', '/u', true],
    ['', '/', false],
  ] as const)
    t.equal(Pattern.compile(regex).mayBeginWith(start), may, `${regex} ${start}`);
});
