import t from 'tap';

import type { PathRewrite } from '../../api/filters.ts';
import { compilePathRewrite } from './path-rewrite.ts';

const rewritten = (rewrite: PathRewrite, path: string) => compilePathRewrite(rewrite)(path);

t.test('without a rewrite the path stays', async (t) => {
  t.equal(rewritten({}, '/a?b'), '/a?b');
});

t.test('a whole path takes the place of another, but not of its query', async (t) => {
  t.equal(rewritten({ full: '/x' }, '/a?b?c'), '/x?b?c');
  t.equal(rewritten({ full: '' }, '/a'), '');
});

t.test('a prefix of segments is replaced with whole segments, and nothing becomes a slash', async (t) => {
  for (const [strip, replacement, path, expected] of [
    ['/a', '/x', '/a/b', '/x/b'],
    ['/a/', '/x/', '/a/b', '/x/b'],
    ['/a', '/x', '/a', '/x'],
    ['/a', '/', '/a/b', '/b'],
    ['/a', '/', '/a', '/'],
    ['/a', '', '/a?q', '/?q'],
    ['/', '/x', '/b', '/x/b'],
  ] as const)
    t.equal(
      rewritten({ prefix: { strip, replacement, isSegments: true } }, path),
      expected,
      `${strip} ${replacement} ${path}`,
    );
});

t.test('a plain prefix is replaced as text', async (t) => {
  t.equal(rewritten({ prefix: { strip: '/a', replacement: '/x', isSegments: false } }, '/ab?c'), '/xb?c');
  t.equal(rewritten({ prefix: { strip: '/a/', replacement: '/', isSegments: false } }, '/a/b'), '/b');
});

t.test('a pattern is replaced wherever it stands in the path, with its groups', async (t) => {
  const regex = (pattern: string, substitution: string) => ({ regex: { pattern, substitution } });
  t.equal(rewritten(regex('/(\\w)(\\w)?', '/\\2\\1'), '/ab/c?/ab'), '/ba/c?/ab');
  t.equal(rewritten(regex('b', '\\0\\0'), '/abc'), '/abbc');
  t.equal(rewritten(regex('b', '\\9x'), '/abc'), '/axc', 'a group that there is not is empty');
  t.equal(rewritten(regex('b', '$1'), '/abc'), '/a$1c', 'a dollar is a dollar');
});
