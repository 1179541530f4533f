import t from 'tap';

import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** The block of `fields` in hexadecimal; it must fit what the encoder says it takes at most. */
function encoded(encoder: HpackEncoder, ...fields: string[]): string {
  const out = new Uint8Array(encoder.bound(fields));
  return Buffer.from(out.subarray(0, encoder.encode(fields, out, 0))).toString('hex');
}

/** A literal string that is not Huffman-coded, in hexadecimal; shorter than 127 octets. */
function plain(text: string): string {
  return Buffer.from([text.length, ...Buffer.from(text, 'latin1')]).toString('hex');
}

t.test('a field of the static table is its index', async (t) => {
  const encoder = new HpackEncoder(4096);
  t.equal(encoded(encoder, ':method', 'GET', ':status', '304', 'accept-encoding', 'gzip, deflate'), '828b90');
  t.equal(encoded(encoder, 'accept', ''), '93', 'an empty value too');
});

t.test('writes the requests of RFC 7541 C.4', async (t) => {
  const encoder = new HpackEncoder(4096);
  const rest = [':authority', 'www.example.com'];
  const get = [':method', 'GET', ':scheme', 'http', ':path', '/', ...rest];
  t.equal(encoded(encoder, ...get), '828684418cf1e3c2e5f23a6ba0ab90f4ff');
  t.equal(encoded(encoder, ...get, 'cache-control', 'no-cache'), '828684be5886a8eb10649cbf');
  t.equal(
    encoded(
      encoder,
      ':method',
      'GET',
      ':scheme',
      'https',
      ':path',
      '/index.html',
      ...rest,
      'custom-key',
      'custom-value',
    ),
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  );
});

t.test('a name of the static table is the first index that it has there', async (t) => {
  t.equal(encoded(new HpackEncoder(4096), ':status', '299'), `48${plain('299')}`);
});

t.test('a string is Huffman-coded where that is shorter, and up to 64 characters', async (t) => {
  const value = (text: string) => encoded(new HpackEncoder(4096), ':authority', text).slice(2);
  t.equal(value('!'), plain('!'), 'as long');
  t.equal(value('other'), '843a672d9f', 'an octet shorter');
  t.equal(value('0'.repeat(64)), `a8${'00'.repeat(40)}`);
  t.equal(value('0'.repeat(65)), plain('0'.repeat(65)));
});

t.test('what guessing attacks aim at is never indexed, and intermediaries are told so', async (t) => {
  const encoder = new HpackEncoder(4096);
  for (const [name, index] of [
    ['authorization', '1f08'],
    ['cookie', '1f11'],
    ['set-cookie', '1f28'],
    ['proxy-authorization', '1f22'],
  ] as const)
    for (let round = 0; round < 2; round++) t.equal(encoded(encoder, name, '!'), `${index}${plain('!')}`, name);
  t.equal(encoded(encoder, 'x', '!'), `40${plain('x')}${plain('!')}`);
  t.equal(encoded(encoder, 'x', '!'), 'be', 'the table has but this one');
});

t.test('what hardly repeats is not indexed', async (t) => {
  const encoder = new HpackEncoder(4096);
  for (const name of [':path', 'content-length', 'date', 'etag', 'age', 'x-request-id', 'traceparent']) {
    const first = encoded(encoder, name, '!');
    t.equal(Number.parseInt(first.slice(0, 1), 16), 0, `${name} is a literal without indexing`);
    t.equal(encoded(encoder, name, '!'), first);
  }
});

t.test('values of 256 characters are indexed, longer ones are not', async (t) => {
  const encoder = new HpackEncoder(4096);
  for (const [length, isIndexed] of [
    [256, true],
    [257, false],
  ] as const) {
    t.equal(encoded(encoder, 'x', 'a'.repeat(length)).startsWith('40'), isIndexed);
    t.equal(encoded(encoder, 'x', 'a'.repeat(length)) === 'be', isIndexed);
  }
});

t.test('an index counts from the newest entry, and takes more octets from 127 on', async (t) => {
  const encoder = new HpackEncoder(4096);
  for (let i = 0; i < 70; i++) encoded(encoder, 'x', `${i}`);
  t.equal(encoded(encoder, 'x', '69', 'x', '68'), 'bebf');
  t.equal(encoded(encoder, 'x', '5'), 'fe', 'index 126');
  t.equal(encoded(encoder, 'x', '4', 'x', '3'), 'ff00ff01', 'indexes 127 and 128');
});

t.test('an entry that was evicted is a literal again', async (t) => {
  const encoder = new HpackEncoder(68);
  const literal = (value: string) => `40${plain('x')}${plain(value)}`;
  t.equal(encoded(encoder, 'x', '!', 'x', '"', 'x', '!'), `${literal('!')}${literal('"')}bf`);
  t.equal(encoded(encoder, 'x', '#', 'x', '!'), `${literal('#')}${literal('!')}`);
  t.equal(encoded(encoder, 'x', '#', 'x', '!'), 'bfbe');
});

t.test('what it knows of a name, and of names, is bounded', async (t) => {
  const encoder = new HpackEncoder(4096);
  for (let i = 0; i < 129; i++) encoded(encoder, 'x', `${i}`);
  t.equal(encoded(encoder, 'x', '128'), 'be', 'of 129 values it knows each');
  encoded(encoder, 'x', '129');
  t.not(encoded(encoder, 'x', '128'), 'bf', 'with the next one they are forgotten');
  t.equal(encoded(encoder, 'x', '129'), 'bf', 'but for that');

  const names = new HpackEncoder(4096);
  for (let i = 0; i < 257; i++) encoded(names, `n${i}`, '');
  t.equal(encoded(names, 'n256', ''), 'be', 'of 257 names it knows each');
  encoded(names, 'n257', '');
  t.not(encoded(names, 'n256', ''), 'bf', 'with the next one they are forgotten');
});

t.test('announces the size that its peer demands, once, before the next fields', async (t) => {
  const encoder = new HpackEncoder(4096);
  encoded(encoder, 'x', '!', 'y', '!');
  encoder.limit(34);
  t.equal(encoded(encoder, 'y', '!', 'x', '!'), `3f03be40${plain('x')}${plain('!')}`, 'and keeps what fits');
  t.equal(encoded(encoder, 'x', '!'), 'be');
});

t.test('announces nothing where its peer demands what it has, or more than 4,096', async (t) => {
  const encoder = new HpackEncoder(4096);
  encoder.limit(4096);
  encoder.limit(65_536);
  t.equal(encoded(encoder, ':method', 'GET'), '82');
  encoder.limit(30);
  t.equal(encoded(encoder, ':method', 'GET'), '3e82');
  encoder.limit(65_536);
  t.equal(encoded(encoder, ':method', 'GET'), '3fe11f82', '4,096 again');
});

t.test('announces the smallest of several sizes, and then the last (RFC 7541 section 4.2)', async (t) => {
  const encoder = new HpackEncoder(4096);
  encoded(encoder, 'x', '!');
  encoder.limit(100);
  encoder.limit(0);
  encoder.limit(4096);
  t.equal(encoded(encoder, 'x', '!'), `203fe11f40${plain('x')}${plain('!')}`);
  encoder.limit(0);
  encoder.limit(30);
  encoder.limit(10);
  t.equal(encoded(encoder, ':method', 'GET'), '202a82');
  encoder.limit(8);
  encoder.limit(6);
  t.equal(encoded(encoder, ':method', 'GET'), '2682', 'one where they are the same');
});

t.test('its version grows with the table, and is none while a size is to be announced', async (t) => {
  const encoder = new HpackEncoder(4096);
  const { version } = encoder;
  encoded(encoder, ':method', 'GET', 'authorization', 'secret');
  t.equal(encoder.version, version, 'nothing was indexed');
  encoded(encoder, 'x', '!');
  t.ok(encoder.version > version);
  encoder.limit(0);
  t.equal(encoder.version, -1);
  encoded(encoder, ':method', 'GET');
  t.ok(encoder.version > version);
});

t.test('a decoder reads every block back', async (t) => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(latin1, 4096);
  for (let round = 0; round < 50; round++) {
    const fields = [
      ...[':method', 'POST', ':path', `/a/${round}`, 'x-same', 'value', 'X-Case', `v${round % 7}`],
      ...['authorization', 'secret', 'empty', '', 'big', 'x'.repeat(round * 20), 'octets', '\xff\x80\x00'],
    ];
    const block = Buffer.from(encoded(encoder, ...fields), 'hex');
    const decoded: string[] = [];
    t.equal(decoder.decode(block, 0, block.length, decoded, 65_536), 0);
    t.same(decoded, fields);
  }
});
