import t from 'tap';

import { latin1 } from '../../test/support/http1-talk.ts';
import { BodyReader } from './body-reader.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE } from './head-reader.ts';

/** Feeds a body in pieces of `size`. @returns what was heard, then what is left of the text or why it was refused */
function read(framing: number, length: number, text: string, size = text.length, isAnswer = false): string[] {
  const heard: string[] = [];
  const reader = new BodyReader(
    {
      onBody(bytes, start, end, last) {
        const piece = latin1(bytes, start, end);
        if (piece.length !== end - start) heard.push('a range beyond the octets');
        if (piece !== '') heard.push(piece);
        if (last) heard.push('end');
      },
      onBodyTrailers: (fields) => void heard.push(`trailers ${fields.join(' ')}`),
    },
    latin1,
    isAnswer,
  );
  reader.begin(framing, length);
  const octets = Buffer.from(text, 'latin1');
  for (let at = 0; at < octets.length; ) {
    if (reader.done) return [...heard, `left ${latin1(octets, at, octets.length)}`];
    const next = reader.read(octets, at, Math.min(octets.length, at + size));
    if (typeof next === 'string') return [...heard, next];
    at = next;
  }
  return [...heard, reader.done ? 'done' : 'more'];
}

const chunked = (text: string, size?: number, isAnswer?: boolean) => read(BODY_CHUNKED, 0, text, size, isAnswer);

t.test('a message without content is done at once', async (t) => {
  for (const [framing, length] of [
    [BODY_NONE, 0],
    [BODY_LENGTH, 0],
  ] as const)
    t.same(read(framing, length, 'next'), ['left next']);
});

t.test('a body of a length ends with its last octet, and what follows is left', async (t) => {
  t.same(read(BODY_LENGTH, 5, 'hello'), ['hello', 'end', 'done']);
  t.same(read(BODY_LENGTH, 5, 'hello, you'), ['hello', 'end', 'left , you']);
  t.same(read(BODY_LENGTH, 5, 'hell'), ['hell', 'more']);
  t.same(read(BODY_LENGTH, 5, 'hello, you', 2), ['he', 'll', 'o', 'end', 'left , you']);
});

t.test('a body without an end takes everything', async (t) => {
  t.same(read(BODY_UNTIL_CLOSE, 0, 'hello', 3), ['hel', 'lo', 'more']);
});

t.test('chunks are their data, and end with one of none', async (t) => {
  t.same(chunked('5\r\nhello\r\n0\r\n\r\n'), ['hello', 'end', 'done']);
  t.same(chunked('5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nnext'), ['hello', '!', 'end', 'left next']);
  t.same(chunked('0\r\n\r\n'), ['end', 'done']);
  t.same(chunked('000\r\n\r\n'), ['end', 'done']);
});

t.test('sizes are hexadecimal, in either case and with zeros before', async (t) => {
  for (const [size, octets] of [
    ['a', 10],
    ['F', 15],
    ['1c', 28],
    ['Af', 175],
    ['00000000010', 16],
    [`${'0'.repeat(60)}1c`, 28],
    ['9', 9],
  ] as const)
    t.same(chunked(`${size}\r\n${'x'.repeat(octets)}\r\n0\r\n\r\n`), ['x'.repeat(octets), 'end', 'done'], size);
  for (const size of ['', 'g', 'G', '`', '@', '/', ':', '0x1', '-1', '+1', ' 1', '1 ', '100000000000', '0'.repeat(65)])
    t.same(chunked(`${size}\r\n`), ['chunk_size_invalid'], size);
});

t.test('an answer may have blanks after a size, and lines that end with LF alone', async (t) => {
  for (const text of [
    '5 \t\r\nhello\r\n0  \r\n\r\n',
    '5\nhello\n0\n\n',
    '5 \nhello\r\n0\r\n\n',
    '5 ;a=b\r\nhello\r\n0\r\n\r\n',
  ]) {
    t.same(chunked(text, text.length, true), ['hello', 'end', 'done'], text);
    t.same(chunked(text, 1, true), [...'hello', 'end', 'done'], text);
    t.match(chunked(text).at(-1), /_invalid$|^bare_lf$/, `${text}: a request may not`);
  }
  t.same(chunked('5\nhello\n0\nA: b\n\n', 100, true), ['hello', 'trailers A b', 'done']);
  t.same(chunked('5 x\r\n', 100, true), ['chunk_size_invalid']);
  t.same(chunked(`5${' '.repeat(66)}\r\n`, 100, true), ['chunk_size_invalid'], 'not for ever');
});

t.test('a body of chunks is the same octet by octet', async (t) => {
  const text = '5\r\nhello\r\n2;a=b\r\n, \r\n0;c\r\nA: b\r\nC:\t d \r\n\r\nnext';
  t.same(chunked(text), ['hello', ', ', 'trailers A b C d', 'left next']);
  t.same(chunked(text, 1), [...'hello, ', 'trailers A b C d', 'left next']);
});

t.test('every line end is CR LF', async (t) => {
  for (const [text, fault] of [
    ['5\n', 'chunk_size_invalid'],
    ['5\rx', 'chunk_size_invalid'],
    ['5;a\n', 'chunk_size_invalid'],
    ['5;a\0', 'chunk_size_invalid'],
    ['5;a\rx', 'chunk_size_invalid'],
    ['1\r\nx\n', 'chunk_end_invalid'],
    ['1\r\nxy', 'chunk_end_invalid'],
    ['1\r\nx\rx', 'chunk_end_invalid'],
    ['0\r\n\n', 'bare_lf'],
    ['0\r\nA: b\n', 'bare_lf'],
    ['0\r\nA: b\rC', 'bare_cr'],
    ['0\r\n\r\r', 'bare_cr'],
  ] as const)
    for (const size of [1, 100]) t.same(chunked(text, size).at(-1), fault, JSON.stringify(text));
});

t.test('extensions are passed over where it is beyond doubt where they end', async (t) => {
  for (const extension of [';a', ';a=b', ';a="b"', ';a="\\"\\\\"', ';a;b=c', ' ; a = b ;c', '\t;a', ';a="b;c"'])
    t.same(chunked(`1${extension.trimStart()}\r\nx\r\n0\r\n\r\n`), ['x', 'end', 'done'], extension);
  for (const extension of [';', ';;a', ';a=', ';a b', ';=b', ';a="b', ';a=b"', ';a="\x01"', ';a="b"c', ';a="\\\x01"'])
    t.same(chunked(`1${extension}\r\n`), ['chunk_extension_invalid'], extension);
});

t.test('the extensions of a chunk may take 256 octets, those of a body 16,384', async (t) => {
  const extension = (octets: number) => `;${'a'.repeat(octets)}`;
  t.same(chunked(`0${extension(256)}\r\n\r\n`), ['end', 'done']);
  t.same(chunked(`0${extension(257)}\r\n\r\n`), ['chunk_extension_too_large']);
  const many = (count: number) => `1${extension(128)}\r\nx\r\n`.repeat(count);
  t.same(chunked(`${many(128)}0\r\n\r\n`).slice(-2), ['end', 'done']);
  t.same(chunked(`${many(128)}0;a\r\n\r\n`).at(-1), 'chunk_extension_too_large');
});

t.test('trailers are fields, with white space around their values', async (t) => {
  t.same(chunked('0\r\nA: \tb c\t \r\nD:\r\n\r\n'), ['trailers A b c D ', 'done']);
  t.same(chunked("0\r\n!#$%&'*+-.^_`|~09Az: \x80\xff~\r\n\r\n"), ["trailers !#$%&'*+-.^_`|~09Az \x80\xff~", 'done']);
  for (const line of ['no colon', ': b', 'A : b', ' A: b', 'A: \x01', 'A: \x7f', 'A(: b', 'A\x80: b'])
    t.same(chunked(`0\r\n${line}\r\n\r\n`), ['trailer_invalid'], line);
});

t.test('fields that frame or route a message are no trailers, and left out', async (t) => {
  const forbidden = [
    'Content-Length',
    'transfer-encoding',
    'HOST',
    'Connection',
    'Upgrade',
    'TE',
    'Trailer',
    'Keep-Alive',
  ];
  for (const name of forbidden) {
    t.same(chunked(`0\r\n${name}: 1\r\n\r\n`), ['end', 'done'], name);
    t.same(chunked(`0\r\nA: b\r\n${name}: 1\r\nC: d\r\n\r\n`), ['trailers A b C d', 'done'], name);
  }
});

t.test('trailers may take 65,536 octets', async (t) => {
  const trailers = (octets: number) => `0\r\nA: ${'b'.repeat(octets - 'A: \r\n\r\n'.length)}\r\n\r\n`;
  t.equal(chunked(trailers(65_536)).at(-1), 'done');
  t.equal(chunked(trailers(65_537)).at(-1), 'head_too_large');
});

t.test('nothing is left of one body when the next begins', async (t) => {
  const heard: string[] = [];
  const reader = new BodyReader(
    {
      onBody: (bytes, start, end, last) => void heard.push(`${latin1(bytes, start, end)}${last ? ' end' : ''}`),
      onBodyTrailers: (fields) => void heard.push(`trailers ${fields.join(' ')}`),
    },
    latin1,
  );
  const feed = (text: string) => reader.read(Buffer.from(text), 0, text.length);
  t.equal(reader.done, true);
  reader.begin(BODY_CHUNKED);
  t.same([reader.done, reader.framing], [false, BODY_CHUNKED]);
  feed('1;abc\r\nx\r\n0\r\nA: b\r\n');
  reader.begin(BODY_CHUNKED);
  feed('12');
  reader.begin(BODY_CHUNKED);
  feed('1;a');
  reader.begin(BODY_CHUNKED);
  t.equal(feed('2\r\nyz\r\n0\r\n\r\n'), 12);
  t.same(heard, ['x', 'yz', ' end']);
  reader.begin(BODY_LENGTH, 1);
  feed('w');
  t.same(heard.at(-1), 'w end');
});
