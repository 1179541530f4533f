/** The examples of RFC 7541 appendix C, each with the fields it stands for and the table it leaves. */
import t from 'tap';

import { HPACK_COMPRESSION_ERROR, HpackDecoder } from './decoder.ts';
import { STATIC_TABLE } from './static-table.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** One block: the octets, the fields, and the entries of the table afterwards. */
type Example = readonly [hex: string, fields: readonly string[], table: readonly string[]];

function fieldsOf(decoder: HpackDecoder, block: Uint8Array): string[] | number {
  const fields: string[] = [];
  const result = decoder.decode(block, 0, block.length, fields, 65_536);
  return result === 0 ? pairsOf(fields) : result;
}

function pairsOf(fields: readonly string[]): string[] {
  return fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${fields[i + 1]}`] : []));
}

/** The table as a peer sees it: by asking for each index until one is refused. */
function tableOf(decoder: HpackDecoder): string[] {
  const entries: string[] = [];
  for (let index = STATIC_TABLE.length; ; index++) {
    const field = fieldsOf(decoder, Uint8Array.of(0x80 | index));
    if (field === HPACK_COMPRESSION_ERROR) return entries;
    entries.push(...(field as string[]));
  }
}

function decodes(title: string, tableSize: number, examples: readonly Example[]): void {
  t.test(title, async (t) => {
    const decoder = new HpackDecoder(latin1, tableSize);
    for (const [hex, fields, table] of examples) {
      t.same(fieldsOf(decoder, Buffer.from(hex.replace(/\s/g, ''), 'hex')), fields);
      t.same(tableOf(decoder), table);
    }
  });
}

decodes('C.2.1: a literal with indexing', 4096, [
  [
    '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
    ['custom-key: custom-header'],
    ['custom-key: custom-header'],
  ],
]);
decodes('C.2.2: a literal without indexing', 4096, [
  ['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path'], []],
]);
decodes('C.2.3: a literal that is never indexed', 4096, [
  ['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret'], []],
]);
decodes('C.2.4: an indexed field', 4096, [['82', [':method: GET'], []]]);

const GET = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const SECURE = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'];
const FIRST_TABLE = [':authority: www.example.com'];
const SECOND_TABLE = ['cache-control: no-cache', ...FIRST_TABLE];
const THIRD_TABLE = ['custom-key: custom-value', ...SECOND_TABLE];

decodes('C.3: requests without Huffman coding', 4096, [
  ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', GET, FIRST_TABLE],
  ['8286 84be 5808 6e6f 2d63 6163 6865', [...GET, 'cache-control: no-cache'], SECOND_TABLE],
  [
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    [...SECURE, 'custom-key: custom-value'],
    THIRD_TABLE,
  ],
]);

decodes('C.4: requests with Huffman coding', 4096, [
  ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', GET, FIRST_TABLE],
  ['8286 84be 5886 a8eb 1064 9cbf', [...GET, 'cache-control: no-cache'], SECOND_TABLE],
  ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', [...SECURE, 'custom-key: custom-value'], THIRD_TABLE],
]);

const PRIVATE = 'cache-control: private';
const DATE = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const LATER = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const LOCATION = 'location: https://www.example.com';
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const ANSWERS = [
  [
    [':status: 302', PRIVATE, DATE, LOCATION],
    [LOCATION, DATE, PRIVATE, ':status: 302'],
  ],
  [
    [':status: 307', PRIVATE, DATE, LOCATION],
    [':status: 307', LOCATION, DATE, PRIVATE],
  ],
  [
    [':status: 200', PRIVATE, LATER, LOCATION, 'content-encoding: gzip', COOKIE],
    [COOKIE, 'content-encoding: gzip', LATER],
  ],
] as const;

/** The same answers in two ways of writing strings. */
function answers(...blocks: [string, string, string]): Example[] {
  return ANSWERS.map(([fields, table], i) => [blocks[i]!, fields, table]);
}

decodes(
  'C.5: answers without Huffman coding, and a table of 256 octets that evicts',
  256,
  answers(
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
     546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    '4803 3330 37c1 c0bf',
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
     6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
     2076 6572 7369 6f6e 3d31`,
  ),
);

decodes(
  'C.6: answers with Huffman coding, and a table of 256 octets that evicts',
  256,
  answers(
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
     8f0b 97c8 e9ae 82ae 43d3`,
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
     dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ),
);
