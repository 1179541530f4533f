import t from 'tap';

import { Endpoint } from '../../test/support/balanced-endpoint.ts';
import { hashOf, hashTable } from './hash-table.ts';

const ringOf = (size: number, ...ids: string[]) =>
  hashTable(
    { key: { header: 'user' }, table: 'ring-hash', size },
    ids.map((id) => new Endpoint(id)),
  );
const maglevOf = (size: number, ...ids: string[]) =>
  hashTable(
    { key: { header: 'user' }, table: 'maglev', size },
    ids.map((id) => new Endpoint(id)),
  );
const any = () => true;

t.test('a text has the same hash in every proxy, of whatever version', async (t) => {
  // FNV-1a and the finalizer of MurmurHash3, computed by another program.
  for (const [text, hash] of [
    ['', 2872998923],
    ['a', 444641715],
    ['user-1', 2005895916],
    ['10.244.0.1:8080', 1403029002],
    ['€', 3648786903],
  ] as const)
    t.equal(hashOf(text), hash, text);
});

t.test('a table of nobody finds nobody', async (t) => {
  for (const table of [ringOf(1024), maglevOf(13)]) t.equal(table.find(0, any), null);
});

t.test('nobody is found where nobody is usable', async (t) => {
  for (const table of [ringOf(8, 'a', 'b'), maglevOf(13, 'a', 'b')])
    t.equal(
      table.find(5, () => false),
      null,
    );
});

t.test('a ring has a power of two of points for each, at least as many as are asked for in all', async (t) => {
  for (const [size, ids, each] of [
    [8, ['a', 'b'], 4],
    [9, ['a', 'b'], 8],
    [1, ['a', 'b', 'c'], 1],
    [2, ['a', 'b', 'c'], 1],
    [3, ['a', 'b', 'c'], 1],
    [4, ['a', 'b', 'c'], 2],
  ] as const) {
    const points = ids.flatMap((id) => Array.from({ length: each }, (_, i) => ({ id, at: hashOf(`${id}_${i}`) })));
    points.sort((a, b) => a.at - b.at);
    const ring = ringOf(size, ...ids);
    const keys = points.flatMap(({ at }) => [at - 1, at, at + 1]).concat(0, 0xffff_ffff);
    for (const key of keys) {
      // The first point at or after the key, and behind the last one the first again.
      const owner = (points.find(({ at }) => at >= key) ?? points[0]!).id;
      t.equal(ring.find(key, any)?.id, owner, `${key} of ${size} for ${ids.length}`);
    }
  }
});

t.test('a ring goes on from point to point, all around, to one that is usable', async (t) => {
  const ring = ringOf(64, 'a', 'b', 'c');
  for (let key = 0; key < 2 ** 32; key += 2 ** 27) {
    const first = ring.find(key, any)!;
    const second = ring.find(key, ({ id }) => id !== first.id)!;
    t.not(second.id, first.id);
    for (const id of ['a', 'b', 'c']) t.equal(ring.find(key, (each) => each.id === id)?.id, id);
  }
});

t.test('a ring of millions of points is made smaller', async (t) => {
  let asked = 0;
  ringOf(8_000_000, 'a', 'b').find(0, () => ++asked > 1e9);
  t.equal(asked, 262_144);
});

t.test('Maglev gives each in turn the next free place of its permutation', async (t) => {
  // The tables of the paper's algorithm (section 3.4), computed by another program.
  for (const [table, places] of [
    [maglevOf(13, 'a', 'b', 'c'), 'caacacbbcbaab'],
    [maglevOf(7, 'a', 'b'), 'aabbaba'],
  ] as const) {
    const size = places.length;
    t.equal(Array.from({ length: size }, (_, place) => table.find(place, any)!.id).join(''), places);
    t.equal(table.find(size + 1, any)!.id, places[1], 'a hash is taken by its remainder');
  }
});

t.test('Maglev goes on from place to place, all around, to one that is usable', async (t) => {
  const table = maglevOf(13, 'a', 'b', 'c');
  t.equal(table.find(6, ({ id }) => id !== 'b')!.id, 'c', 'the third place from there');
  t.equal(table.find(12, ({ id }) => id === 'a')!.id, 'a', 'around the end');
});

t.test('the order in which candidates are told changes nothing', async (t) => {
  for (const tableOf of [ringOf, maglevOf])
    for (let key = 0; key < 2 ** 32; key += 2 ** 28)
      t.equal(tableOf(13, 'c', 'a', 'b').find(key, any)!.id, tableOf(13, 'a', 'b', 'c').find(key, any)!.id);
});
