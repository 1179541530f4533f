import t from 'tap';

import type { Entry } from './entry.ts';
import { HeaderIndex, QueryIndex } from './value-index.ts';

const entry = (order: number): Entry => ({ order, holds: null, next: null });
const headersOf = (...fields: string[]) => ({ method: 'GET', path: '/', authority: '', scheme: '', fields });

t.test('of headers the first route that has one of the values is found', async (t) => {
  const index = new HeaderIndex();
  index.add('x', '1', entry(3));
  index.add('x', '2', entry(5));
  index.add('yy', '1', entry(4));
  const found = (...fields: string[]) => index.first(headersOf(...fields), 9);
  t.equal(found('x', '1', 'yy', '1'), 3);
  t.equal(found('yy', '1', 'X', '2'), 4);
  t.equal(found('X', '2'), 5);
  t.equal(found('x', '3', 'zz', '1', 'z', '1'), 9);
  t.equal(found('1', 'x'), 9, 'values are no names');
  t.equal(index.first(headersOf('x', '2'), 4), 4, 'nothing beyond the limit');
  t.equal(new HeaderIndex().first(headersOf('x', '1'), 9), 9);
});

t.test('a header of several lines has one value', async (t) => {
  const index = new HeaderIndex();
  index.add('x', '1', entry(1));
  index.add('x', '1, 2', entry(2));
  t.equal(index.first(headersOf('x', '1', 'X', '2'), 9), 2);
  t.equal(index.first(headersOf('x', '2', 'x', '1'), 9), 9);
});

t.test('names may be long', async (t) => {
  const index = new HeaderIndex();
  const [long, longer] = ['x'.repeat(255), 'x'.repeat(300)];
  index.add(longer, '1', entry(1));
  t.equal(index.first(headersOf(longer, '1'), 9), 1);
  t.equal(index.first(headersOf(long, '1'), 9), 9);
});

t.test('of a query the first route that has one of the values is found', async (t) => {
  const index = new QueryIndex();
  index.add('a', '1', entry(3));
  index.add('b', '1', entry(2));
  index.add('a', '2', entry(5));
  const found = (path: string) => index.first({ ...headersOf(), path }, 9);
  t.equal(found('/?a=1&b=1'), 2);
  t.equal(found('/?a=1'), 3);
  t.equal(found('/?a=2&b=2'), 5);
  t.equal(found('/?c=1'), 9);
});
