import t from 'tap';

import { HUFFMAN_ERROR, huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from './huffman-codes.ts';

/** The text that octets stand for, or -1. */
function decoded(...octets: number[]): string | number {
  const out = new Uint8Array(octets.length * 2);
  const length = huffmanDecode(Uint8Array.of(0xee, ...octets, 0xee), 1, 1 + octets.length, out);
  return length < 0 ? length : Buffer.from(out.subarray(0, length)).toString('latin1');
}

t.test('the code of a character begins with its highest bit', async (t) => {
  t.equal(decoded(0b00011_111), 'a', 'a is 00011, the rest is padding');
  t.equal(decoded(0b00011_001, 0b00_111111), 'ac', 'c is 00100');
});

t.test('an empty string has no octets', async (t) => {
  t.equal(decoded(), '');
  t.equal(huffmanLength(''), 0);
  t.equal(huffmanEncode('', new Uint8Array(0), 0), 0);
});

t.test('writes what RFC 7541 C.4.1 does', async (t) => {
  const out = new Uint8Array(16);
  t.equal(huffmanLength('www.example.com'), 12);
  t.equal(huffmanEncode('www.example.com', out, 2), 14);
  t.equal(Buffer.from(out.subarray(2, 14)).toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff');
});

t.test('the code is the canonical one of its lengths, and complete (RFC 7541 appendix B)', async (t) => {
  const symbols = Array.from({ length: 257 }, (_, symbol) => symbol);
  symbols.sort((a, b) => HUFFMAN_LENGTHS[a]! - HUFFMAN_LENGTHS[b]! || a - b);
  let code = 0;
  let length = 0;
  let share = 0;
  for (const symbol of symbols) {
    code *= 2 ** (HUFFMAN_LENGTHS[symbol]! - length);
    length = HUFFMAN_LENGTHS[symbol]!;
    share += 2 ** -length;
    if (code !== HUFFMAN_CODES[symbol]) t.fail(`the code of ${symbol}`);
    code++;
  }
  t.equal(share, 1);
  t.equal(HUFFMAN_CODES[256], 0x3fffffff, 'EOS is thirty ones');
  t.same(
    ['0', 'a', ' ', '!', '~', '\\', '\xff'].map((text) => HUFFMAN_LENGTHS[text.charCodeAt(0)]),
    [5, 5, 6, 10, 13, 19, 26],
  );
});

t.test('every octet after every other comes back, in as many octets as were said', async (t) => {
  const out = new Uint8Array(1024);
  const back = new Uint8Array(1024);
  for (let first = 0; first < 256; first++) {
    let text = '';
    for (let second = 0; second < 256; second += 15) text += String.fromCharCode(first, second);
    const end = huffmanEncode(text, out, 0);
    if (end !== huffmanLength(text)) t.fail(`the length of ${first}`);
    if (Buffer.from(back.subarray(0, huffmanDecode(out, 0, end, back))).toString('latin1') !== text) t.fail(`${first}`);
  }
});

t.test('padding is up to seven bits, all ones (RFC 7541 section 5.2)', async (t) => {
  t.equal(decoded(0xf8), '&', 'a code of eight bits needs none');
  t.equal(decoded(0xf8, 0xff), HUFFMAN_ERROR, 'eight bits');
  t.equal(decoded(0b00011_111, 0xff), HUFFMAN_ERROR, 'eleven bits');
  t.equal(decoded(0b00011_110), HUFFMAN_ERROR, 'a zero');
  t.equal(decoded(0b00011_011), HUFFMAN_ERROR, 'a zero in front');
});

t.test('EOS is refused wherever it stands', async (t) => {
  t.equal(decoded(0xff, 0xff, 0xff, 0xff), HUFFMAN_ERROR);
  t.equal(decoded(0xff, 0xff, 0xff, 0b111111_00, 0b011_11111), HUFFMAN_ERROR, 'before a character');
});
