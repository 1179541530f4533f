import t from 'tap';

import { HPACK_COMPRESSION_ERROR, HPACK_TOO_LARGE, HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { HUFFMAN_ERROR, huffmanDecode, huffmanEncode } from './huffman.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

function decode(decoder: HpackDecoder, block: Uint8Array, maxSize = 65_536): string[] | number {
  const fields: string[] = [];
  const result = decoder.decode(block, 0, block.length, fields, maxSize);
  return result === 0 ? fields : result;
}

t.test('decodes a field from the static table', async (t) => {
  t.same(decode(new HpackDecoder(latin1, 4096), bytes('82')), [':method', 'GET']);
});

t.test('decodes the requests of RFC 7541 C.4 with one table', async (t) => {
  const decoder = new HpackDecoder(latin1, 4096);
  const common = [':method', 'GET', ':scheme', 'http'];
  t.same(decode(decoder, bytes('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')), [
    ...common,
    ':path',
    '/',
    ':authority',
    'www.example.com',
  ]);
  t.same(decode(decoder, bytes('8286 84be 5886 a8eb 1064 9cbf')), [
    ...common,
    ':path',
    '/',
    ':authority',
    'www.example.com',
    'cache-control',
    'no-cache',
  ]);
  t.same(decode(decoder, bytes('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')), [
    ':method',
    'GET',
    ':scheme',
    'https',
    ':path',
    '/index.html',
    ':authority',
    'www.example.com',
    'custom-key',
    'custom-value',
  ]);
});

t.test('evicts as RFC 7541 C.6 does', async (t) => {
  const decoder = new HpackDecoder(latin1, 256);
  decode(
    decoder,
    bytes(
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    ),
  );
  t.same(decode(decoder, bytes('4883 640e ffc1 c0bf')), [
    ':status',
    '307',
    'cache-control',
    'private',
    'date',
    'Mon, 21 Oct 2013 20:13:21 GMT',
    'location',
    'https://www.example.com',
  ]);
});

t.test('reads back what the encoder writes, block after block', async (t) => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(latin1, 4096);
  for (let round = 0; round < 50; round++) {
    const fields = [
      ':method',
      'POST',
      ':path',
      `/a/${round}`,
      'x-same',
      'value',
      'X-Case',
      `v${round % 7}`,
      'authorization',
      'secret',
      'empty',
      '',
      'big',
      'x'.repeat(round * 20),
      'octets',
      '\xff\x80\x00',
    ];
    const out = new Uint8Array(encoder.bound(fields));
    const end = encoder.encode(fields, out, 0);
    t.same(decode(decoder, out.subarray(0, end)), fields);
  }
});

t.test('never indexes what guessing attacks aim at', async (t) => {
  const encoder = new HpackEncoder(4096);
  const out = new Uint8Array(256);
  const first = encoder.encode(['authorization', 'secret'], out, 0);
  t.equal(out[0]! & 0xf0, 0x10, 'literal never indexed');
  t.equal(encoder.encode(['authorization', 'secret'], out, 0), first, 'and as long the second time');
});

t.test('announces a smaller table in the next block', async (t) => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(latin1, 4096);
  const out = new Uint8Array(256);
  const send = (fields: string[]) => decode(decoder, out.subarray(0, encoder.encode(fields, out, 0)));
  send(['a', 'b']);
  encoder.limit(0);
  t.same(send(['a', 'b']), ['a', 'b']);
  t.same(send(['a', 'b']), ['a', 'b']);
});

t.test('refuses broken blocks', async (t) => {
  for (const [name, hex] of [
    ['index 0', '80'],
    ['an index beyond the tables', 'ff00'],
    ['an index cut off', 'ff'],
    ['an integer without end', 'ffffffffffff'],
    ['a string cut off', '400a61'],
    ['a size update above the limit', '3fe21f'],
    ['a size update after a field', '8220'],
    ['Huffman padding of eight bits', '4081ff0161'],
    ['Huffman padding of zeros', '40810001 61'],
  ] as const) {
    t.equal(decode(new HpackDecoder(latin1, 4096), bytes(hex)), HPACK_COMPRESSION_ERROR, name);
  }
});

t.test('reports a header list that is too large, and stays in step', async (t) => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(latin1, 4096);
  const out = new Uint8Array(4096);
  t.equal(
    decode(decoder, out.subarray(0, encoder.encode(['name', 'value', 'more', 'x'.repeat(100)], out, 0)), 50),
    HPACK_TOO_LARGE,
  );
  t.same(decode(decoder, out.subarray(0, encoder.encode(['name', 'value'], out, 0))), ['name', 'value']);
});

t.test('Huffman codes every octet and refuses EOS', async (t) => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet));
  const out = new Uint8Array(2048);
  const end = huffmanEncode(all, out, 0);
  const back = new Uint8Array(2048);
  t.equal(latin1(back, 0, huffmanDecode(out, 0, end, back)), all);
  t.equal(huffmanDecode(bytes('ffffffff'), 0, 4, back), HUFFMAN_ERROR);
});
