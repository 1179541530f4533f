import t from 'tap';

import { BlockMemo } from './block-memo.ts';

/** Finds and keeps blocks that lie between other octets. */
function memoOf() {
  const memo = new BlockMemo<string>();
  const around = (block: readonly number[]) => Uint8Array.of(0xee, ...block, 0xee);
  return {
    find: (block: readonly number[], version = 0) => memo.find(around(block), 1, 1 + block.length, version),
    keep: (block: readonly number[], value: string, version = 0) =>
      memo.keep(around(block), 1, 1 + block.length, version, value),
  };
}

t.test('knows nothing at first', async (t) => {
  t.equal(memoOf().find([0x82]), null);
});

t.test('finds what a block was decoded to by its octets', async (t) => {
  const memo = memoOf();
  memo.keep([1, 2, 3], 'a');
  t.equal(memo.find([1, 2, 3]), 'a');
  for (const other of [[1, 2, 4], [1, 2], [1, 2, 3, 4], [2, 2, 3], []]) t.equal(memo.find(other), null, `${other}`);
});

t.test('finds it only while the table is as it was', async (t) => {
  const memo = memoOf();
  memo.keep([1, 2, 3], 'a', 7);
  t.equal(memo.find([1, 2, 3], 7), 'a');
  t.equal(memo.find([1, 2, 3], 6), null);
  t.equal(memo.find([1, 2, 3], 8), null);
  memo.keep([1, 2, 3], 'b', 8);
  t.equal(memo.find([1, 2, 3], 8), 'b');
  t.equal(memo.find([1, 2, 3], 7), null);
});

t.test('keeps a copy of the octets', async (t) => {
  const memo = new BlockMemo<string>();
  const bytes = Uint8Array.of(1, 2, 3);
  memo.keep(bytes, 0, 3, 0, 'a');
  bytes.fill(9);
  t.equal(memo.find(Uint8Array.of(1, 2, 3), 0, 3, 0), 'a');
  t.equal(memo.find(bytes, 0, 3, 0), null);
});

t.test('holds eight blocks: one that comes later takes the place of another', async (t) => {
  const memo = memoOf();
  const blocks = Array.from({ length: 200 }, (_, i) => [i, i >> 1, 7]);
  for (const [i, block] of blocks.entries()) memo.keep(block, `${i}`);
  const found = blocks.map((block) => memo.find(block)).filter((value) => value !== null);
  t.equal(found.length, 8);
  for (const value of found) t.ok(Number(value) >= 100, `${value} is one of the later ones`);
});

t.test('a shorter block in the place of a longer one is told from it', async (t) => {
  const memo = memoOf();
  const long = [1, 2, 3, 4];
  memo.keep(long, 'long');
  // Blocks of one octet and its neighbours, until one has taken the place.
  const short = Array.from({ length: 200 }, (_, i) => [i]).find((block) => {
    memo.keep(block, 'short');
    return memo.find(long) === null;
  });
  t.ok(short);
  t.equal(memo.find(short!), 'short');
});

t.test('keeps blocks of 192 octets and none that is longer', async (t) => {
  const memo = memoOf();
  const longest = Array.from({ length: 192 }, (_, i) => i);
  memo.keep(longest, 'a');
  t.equal(memo.find(longest), 'a');
  t.equal(memo.find([...longest.slice(0, -1), 0]), null, 'its last octet counts');
  memo.keep([...longest, 192], 'b');
  t.equal(memo.find([...longest, 192]), null);
});
