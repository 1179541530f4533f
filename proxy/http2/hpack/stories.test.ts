import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { HpackDecoder } from './decoder.ts';

interface Story {
  readonly name: string;
  readonly tableSize: number;
  readonly blocks: readonly { readonly wire: string; readonly fields: readonly string[] }[];
}

const file = join(fileURLToPath(import.meta.url), '../stories/nghttp2.json');
const stories = JSON.parse(readFileSync(file, 'utf8')) as Story[];

for (const { name, tableSize, blocks } of stories)
  t.test(`decodes what nghttp2 wrote: ${name}`, async (t) => {
    const decoder = new HpackDecoder(
      (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', start, end),
      tableSize,
    );
    for (const { wire, fields } of blocks) {
      const decoded: string[] = [];
      const block = Buffer.from(wire, 'hex');
      t.equal(decoder.decode(block, 0, block.length, decoded, 65_536), 0);
      t.same(decoded, fields);
    }
  });
