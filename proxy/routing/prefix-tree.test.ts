import t from 'tap';

import { PrefixTree } from './prefix-tree.ts';

/** A tree of these prefixes, each its own value. */
function treeOf(...prefixes: string[]) {
  const tree = new PrefixTree<string>();
  for (const prefix of prefixes) tree.at(prefix, () => prefix);
  return (text: string) => tree.hits.slice(0, tree.match(text));
}

t.test('finds the prefixes of a text, the shortest first', async (t) => {
  const found = treeOf('/a/b', '/a', '/', '/a/bc', '/b', '');
  t.same(found('/a/bcd'), ['', '/', '/a', '/a/b', '/a/bc']);
  t.same(found('/a/'), ['', '/', '/a']);
  t.same(found('/b'), ['', '/', '/b']);
  t.same(found('x'), ['']);
  t.same(found(''), ['']);
});

t.test('where texts part, nothing is found that was not put there', async (t) => {
  const found = treeOf('/users', '/uploads', '/user');
  t.same(found('/u'), []);
  t.same(found('/us'), []);
  t.same(found('/uploads/1'), ['/uploads']);
  t.same(found('/users'), ['/user', '/users']);
  t.same(found('/used'), []);
});

t.test('a prefix has one value, made when it is first asked for', async (t) => {
  const tree = new PrefixTree<object>();
  const first = tree.at('/a', () => ({ first: true }));
  t.equal(
    tree.at('/a', () => ({ first: false })),
    first,
  );
  tree.at('/ab', () => ({}));
  tree.at('/', () => ({}));
  t.equal(
    tree.at('/a', () => ({ first: false })),
    first,
    'whatever comes between',
  );
});

t.test('agrees with trying every prefix', async (t) => {
  const prefixes = Array.from({ length: 300 }, (_, i) => i.toString(3).replaceAll('0', 'a'));
  const found = treeOf(...prefixes);
  for (let i = 0; i < 3000; i += 7) {
    const text = i.toString(3).replaceAll('0', 'a');
    const expected = prefixes.filter((prefix) => text.startsWith(prefix)).sort((a, b) => a.length - b.length);
    t.same(found(text), expected);
  }
});
