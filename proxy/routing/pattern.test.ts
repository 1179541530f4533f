import { RE2JS } from 're2js';
import t from 'tap';

import { compilePattern } from './pattern.ts';

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
  // What is left to the engine.
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
  '/[a-c]+',
  '^/users$',
  '/a*a',
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
  '/users/\u{1f600}',
  '/users/é',
  '/USERS',
  '/users/\n',
  '/aaa',
  '/cab',
];

t.test('matches as RE2 does', async (t) => {
  for (const pattern of PATTERNS) {
    const matches = compilePattern(pattern);
    const engine = RE2JS.compile(pattern);
    for (const text of TEXTS) {
      if (matches(text) !== engine.matches(text)) t.fail(`${pattern} and ${JSON.stringify(text)}`);
    }
    t.pass(pattern);
  }
});

t.test('matches as RE2 does whatever the pattern is made of', async (t) => {
  const atoms = ['/', 'a', 'b', '.', '[^/]', '\\d', '\\w', '\\.', '1', '|', '(a)', 'é'];
  const signs = ['', '', '*', '+', '?', '{2}', '*?'];
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  let compared = 0;
  for (let round = 0; round < 4000; round++) {
    let pattern = '';
    for (let i = random(6); i >= 0; i--) pattern += atoms[random(atoms.length)]! + signs[random(signs.length)]!;
    let engine: RE2JS;
    try {
      engine = RE2JS.compile(pattern);
    } catch {
      continue;
    }
    const matches = compilePattern(pattern);
    for (let each = 0; each < 12; each++) {
      let text = '';
      for (let i = random(7); i > 0; i--) text += '/ab1.xé'[random(7)];
      compared++;
      if (matches(text) !== engine.matches(text)) t.fail(`${pattern} and ${JSON.stringify(text)}`);
    }
  }
  t.ok(compared > 20_000, `${compared} comparisons`);
});

t.test('refuses what is not RE2', async (t) => {
  for (const pattern of ['/a(', '/(?=x)', '/[b-a]']) t.throws(() => compilePattern(pattern));
});
