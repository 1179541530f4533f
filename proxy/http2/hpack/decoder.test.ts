import t from 'tap';

import { HPACK_BOMB, HPACK_COMPRESSION_ERROR, HPACK_TOO_LARGE, HpackDecoder } from './decoder.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** Decodes a block that stands among other octets: none of them may be read. */
function decode(decoder: HpackDecoder, hex: string, maxSize = 65_536): string[] | number {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const among = Buffer.concat([Buffer.of(0x82), block, Buffer.alloc(8)]);
  const fields: string[] = [];
  const result = decoder.decode(among, 1, 1 + block.length, fields, maxSize);
  return result === 0 ? fields : result;
}

/** Decodes with a table of its own. */
function decodeOnce(hex: string, tableSize = 4096): string[] | number {
  return decode(new HpackDecoder(latin1, tableSize), hex);
}

t.test('decodes a field from the static table', async (t) => {
  t.same(decodeOnce('82'), [':method', 'GET']);
});

t.test('an empty block holds no fields', async (t) => {
  t.same(decodeOnce(''), []);
});

t.test('an index reaches from the first of the static table to the last of the dynamic one', async (t) => {
  const decoder = new HpackDecoder(latin1, 4096);
  t.same(decode(decoder, '81'), [':authority', '']);
  t.same(decode(decoder, 'bd'), ['www-authenticate', '']);
  t.equal(decode(decoder, 'be'), HPACK_COMPRESSION_ERROR);
  t.same(decode(decoder, '4001610131'), ['a', '1']);
  t.same(decode(decoder, 'be'), ['a', '1']);
  t.equal(decode(decoder, 'bf'), HPACK_COMPRESSION_ERROR);
  t.equal(decode(decoder, '80'), HPACK_COMPRESSION_ERROR);
});

t.test('the name of a literal may be an index of either table, with and without indexing', async (t) => {
  const decoder = new HpackDecoder(latin1, 4096);
  t.same(decode(decoder, '4001610131'), ['a', '1']);
  for (const [literal, value] of [
    ['0f2f0132', '2'],
    ['1f2f0133', '3'],
    ['7e0134', '4'],
  ] as const)
    t.same(decode(decoder, literal), ['a', value]);
  t.same(decode(decoder, 'bebf'), ['a', '4', 'a', '1'], 'the last alone was indexed');
  t.same(decode(decoder, '0f2e0135'), ['www-authenticate', '5']);
  for (const past of ['0f310135', '1f310135', '7f010135'])
    t.equal(decode(decoder, past), HPACK_COMPRESSION_ERROR, `${past} is one past the end`);
});

t.test('a string may be empty', async (t) => {
  t.same(decodeOnce('000000'), ['', '']);
  t.same(decodeOnce('008080'), ['', '']);
});

t.test('a string may be long, and Huffman-coded', async (t) => {
  // The letter `a` and padding, or eight times `0` in five octets: as much as a coded octet can stand for.
  const zeros = (octets: number) => {
    const rest = octets - 127;
    return `0001 78 ff ${Buffer.of(0x80 | (rest & 0x7f), rest >> 7).toString('hex')} ${'00'.repeat(octets)}`;
  };
  for (const octets of [5130, 10_000])
    t.same(decodeOnce(zeros(octets)), ['x', '0'.repeat((octets * 8) / 5)], `${octets} octets`);
});

t.test('an integer has three octets beyond its prefix at most', async (t) => {
  const large = 1 << 22;
  t.same(decodeOnce('3f00', large), [], '31');
  t.same(decodeOnce('3fffff7f', large), [], '31 + 2^21 - 1');
  t.same(decodeOnce('3f808000', large), [], '31 in more octets than it takes');
  t.equal(decodeOnce('3f80808000', large), HPACK_COMPRESSION_ERROR);
});

t.test('an integer counts its octets from the lowest', async (t) => {
  t.same(decodeOnce('3fe11f', 4096), []);
  t.equal(decodeOnce('3fe11f', 4095), HPACK_COMPRESSION_ERROR);
  t.same(decodeOnce('3f818001', 31 + 1 + (1 << 14)), []);
  t.equal(decodeOnce('3f818001', 31 + (1 << 14)), HPACK_COMPRESSION_ERROR);
});

t.test('changes of the table size stand at the beginning of a block, up to what was announced', async (t) => {
  const decoder = new HpackDecoder(latin1, 100);
  t.same(decode(decoder, '3f45 82'), [':method', 'GET'], '100');
  t.equal(decode(decoder, '3f46 82'), HPACK_COMPRESSION_ERROR, '101');
  t.same(decode(decoder, '20 3f45 82'), [':method', 'GET'], 'one after another');
  t.equal(decode(decoder, '82 20'), HPACK_COMPRESSION_ERROR, 'behind a field');
});

t.test('a smaller table loses what does not fit', async (t) => {
  const decoder = new HpackDecoder(latin1, 100);
  t.same(decode(decoder, '4001610131 4001620132'), ['a', '1', 'b', '2']);
  t.same(decode(decoder, '3f03 be'), ['b', '2'], '34 octets');
  t.equal(decode(decoder, 'bf'), HPACK_COMPRESSION_ERROR);
});

t.test('its version grows with the table alone', async (t) => {
  const decoder = new HpackDecoder(latin1, 100);
  const { version } = decoder;
  decode(decoder, '82 0001610131');
  t.equal(decoder.version, version);
  decode(decoder, '4001610131');
  t.ok(decoder.version > version);
});

t.test('refuses broken blocks', async (t) => {
  for (const [name, hex] of [
    ['an index cut off', 'ff'],
    ['a size cut off', '3f'],
    ['a size cut off later', '3f80'],
    ['an integer without end', 'ffffffffffff'],
    ['a name that is missing', '40'],
    ['the length of a name cut off', '407f'],
    ['a name cut off', '4002 61'],
    ['a value that is missing', '400161'],
    ['a value cut off', '400161 0261'],
    ['an index of a name cut off', '7f'],
    ['Huffman padding of eight bits', '4081ff0161'],
    ['Huffman padding of zeros', '40810001 61'],
    ['a wrong value', '4001 61 8100'],
  ] as const)
    t.equal(decodeOnce(hex), HPACK_COMPRESSION_ERROR, name);
});

t.test('a list counts its names and values and 32 octets a field, and is refused beyond the limit', async (t) => {
  const two = '0001610131 0001620132';
  t.same(decode(new HpackDecoder(latin1, 4096), two, 68), ['a', '1', 'b', '2']);
  t.equal(decode(new HpackDecoder(latin1, 4096), two, 67), HPACK_TOO_LARGE);
});

t.test('a list that is too large is decoded to its end, so that the table stays in step', async (t) => {
  const decoder = new HpackDecoder(latin1, 4096);
  t.equal(decode(decoder, '4001610131 4001620132', 40), HPACK_TOO_LARGE);
  t.same(decode(decoder, 'bebf'), ['b', '2', 'a', '1']);
});

t.test('a list of more than four times the limit is given up', async (t) => {
  const four = '0001610131'.repeat(4);
  t.equal(decode(new HpackDecoder(latin1, 4096), four, 34), HPACK_TOO_LARGE);
  t.equal(decode(new HpackDecoder(latin1, 4096), `${four}0001610131`, 34), HPACK_BOMB);
  t.equal(decode(new HpackDecoder(latin1, 4096), `${four}${'0001610131'.repeat(9)}ff`, 34), HPACK_BOMB, 'at once');
});
