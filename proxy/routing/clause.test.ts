import t from 'tap';

import type { Predicate } from '../../api/predicate.ts';
import { clausesOf, keyOf } from './clause.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((exact): Predicate => ({ method: { exact } })) as [
  Predicate,
  Predicate,
  Predicate,
  Predicate,
];

t.test('a condition is one alternative, of itself', async (t) => {
  t.same(clausesOf(a), [[a]]);
  t.same(clausesOf({ not: { any: [a, b] } }), [[{ not: { any: [a, b] } }]], 'what is under a `not` stays whole');
});

t.test('`any` has the alternatives of its parts, `all` each combination of theirs', async (t) => {
  t.same(clausesOf({ any: [a, { any: [b, c] }] }), [[a], [b], [c]]);
  t.same(clausesOf({ all: [a, { all: [b, c] }] }), [[a, b, c]]);
  t.same(clausesOf({ all: [{ any: [a, b] }, { any: [c, d] }] }), [
    [a, c],
    [a, d],
    [b, c],
    [b, d],
  ]);
  t.same(clausesOf({ any: [] }), []);
  t.same(clausesOf({ all: [] }), [[]]);
  t.same(clausesOf({ all: [a, { any: [] }] }), []);
});

t.test('1,024 alternatives are put apart, more stay whole', async (t) => {
  const any = (count: number): Predicate => ({ any: Array.from({ length: count }, () => a) });
  t.equal(clausesOf(any(1024))?.length, 1024);
  t.equal(clausesOf(any(1025)), null);
  t.equal(clausesOf({ all: [any(32), any(32)] })?.length, 1024);
  t.equal(clausesOf({ all: [any(32), any(33)] }), null);
  t.equal(clausesOf({ any: [a, any(1025)] }), null);
  t.equal(clausesOf({ all: [a, any(1025)] }), null);
});

t.test('a condition is found by what it says exactly, by a prefix, or by a pattern of the path', async (t) => {
  for (const [condition, key] of [
    [{ path: { exact: '/É' } }, { kind: 'path', path: '/\xc3\x89', ignoreCase: false }],
    [{ path: { exact: '/A', ignoreCase: true } }, { kind: 'path', path: '/a', ignoreCase: true }],
    [{ path: { prefix: '/A' } }, { kind: 'prefix', prefix: '/A', ignoreCase: false }],
    [{ path: { prefix: '/A', ignoreCase: true } }, { kind: 'prefix', prefix: '/a', ignoreCase: true }],
    [{ path: { segments: '/A/' } }, { kind: 'segments', prefix: '/A', ignoreCase: false }],
    [{ path: { segments: '/', ignoreCase: true } }, { kind: 'segments', prefix: '', ignoreCase: true }],
    [{ path: { regex: '/a.*' } }, { kind: 'pattern', regex: '/a.*' }],
    [{ path: {} }, null],
    [
      { header: 'X-Y', value: { exact: 'é' } },
      { kind: 'header', name: 'x-y', value: '\xc3\xa9' },
    ],
    [{ header: 'x', value: { prefix: 'y' } }, null],
    [{ header: 'x' }, null],
    [{ header: 'Host', value: { exact: 'y' } }, null],
    [
      { query: 'é', value: { exact: 'é' } },
      { kind: 'query', name: '\xc3\xa9', value: '\xc3\xa9' },
    ],
    [{ query: 'x', value: { regex: 'y' } }, null],
    [{ query: 'x' }, null],
    [{ authority: { exact: 'é' } }, { kind: 'authority', value: '\xc3\xa9' }],
    [{ authority: { prefix: 'a' } }, null],
    [{ method: { exact: 'GET' } }, { kind: 'method', value: 'GET' }],
    [{ method: { regex: 'GET' } }, null],
    [{ scheme: { exact: 'http' } }, null],
    [{ not: { method: { exact: 'GET' } } }, null],
  ] as readonly [Predicate, unknown][])
    t.same(keyOf(condition), key, JSON.stringify(condition));
});
