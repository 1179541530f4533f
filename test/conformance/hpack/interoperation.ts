import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../../core/testing/random.ts';
import { HpackDecoder } from '../../../proxy/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../proxy/http2/hpack/encoder.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { LineProcess } from '../line-process.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { goProgram, pythonWith, ROOT } from '../program.ts';
import { type Chapter, tellStory } from './story.ts';

/**
 * Runs our HPACK encoder and decoder against those of golang.org/x/net and of the Python package hpack, both ways, with
 * changes of the table size; and, where HPACK_STORIES names a copy of http2jp/hpack-test-case, decodes its stories.
 */
export async function runHpack(): Promise<Outcome> {
  const here = join(ROOT, 'test/conformance/hpack');
  const coders = [
    { name: 'x/net/http2/hpack', program: await goProgram(join(here, 'go')), args: [] },
    { name: 'hpack for Python', program: await pythonWith(['hpack']), args: [join(here, 'python/transcode.py')] },
  ];
  const outcomes: Outcome[] = [];
  for (const { name, program, args } of coders) {
    if (typeof program !== 'string') outcomes.push(skip(`HPACK against ${name}`, program.missing));
    else outcomes.push(await interoperate(name, new LineProcess(program, args)));
  }
  outcomes.push(decodeStories());
  const all = sum(outcomes);
  console.log(`hpack: ${all.passed + all.failed} stories, ${all.passed} passed`);
  return all;
}

const STORIES = 1000;

async function interoperate(name: string, coder: LineProcess): Promise<Outcome> {
  let failed = 0;
  let blocks = 0;
  const seed = Number(process.env.SEED ?? 1);
  for (let i = 0; i < STORIES; i++) {
    const story = tellStory(new Random(seed * 1_000_003 + i));
    blocks += 2 * story.length;
    const fault = (await oursToTheirs(story, coder)) ?? (await theirsToOurs(story, coder));
    if (!fault) continue;
    if (failed++ < 5) console.log(`  story ${i} with ${name}: ${fault.slice(0, 1000)}`);
  }
  coder.end();
  console.log(`  ${name}: ${STORIES - failed} of ${STORIES} stories both ways, ${blocks} header blocks`);
  return { passed: STORIES - failed, failed, skipped: [] };
}

async function oursToTheirs(story: readonly Chapter[], coder: LineProcess): Promise<string | null> {
  const encoder = new HpackEncoder(4096);
  const blocks = story.map(({ tableSize, fields }) => {
    if (tableSize >= 0) encoder.limit(tableSize);
    const out = new Uint8Array(encoder.bound(fields));
    return Buffer.from(out.subarray(0, encoder.encode(fields, out, 0))).toString('hex');
  });
  const answers = await coder.ask(`N\n${blocks.map((block) => `D ${block}\n`).join('')}`, blocks.length);
  for (const [i, { fields }] of story.entries()) {
    if (answers[i] !== toHex(fields))
      return `block ${i}, ${blocks[i]}, is decoded as ${answers[i]}, not ${toHex(fields)}`;
  }
  return null;
}

async function theirsToOurs(story: readonly Chapter[], coder: LineProcess): Promise<string | null> {
  const commands = story.map(({ tableSize, fields }) => `E ${tableSize < 0 ? '-' : tableSize} ${toHex(fields)}\n`);
  const blocks = await coder.ask(`N\n${commands.join('')}`, commands.length);
  const decoder = new HpackDecoder(decodeLatin1, 4096);
  for (const [i, { fields }] of story.entries()) {
    const block = Buffer.from(blocks[i]!, 'hex');
    const decoded: string[] = [];
    const result = decoder.decode(block, 0, block.length, decoded, 1 << 24);
    if (result !== 0 || toHex(decoded) !== toHex(fields))
      return `block ${i}, ${blocks[i]}, is decoded by us as ${result} ${toHex(decoded)}, not ${toHex(fields)}`;
  }
  return null;
}

function toHex(fields: readonly string[]): string {
  return fields.map((text) => Buffer.from(text, 'latin1').toString('hex')).join(',');
}

interface PublishedStory {
  readonly cases: readonly {
    readonly header_table_size?: number;
    readonly wire?: string;
    readonly headers: readonly Readonly<Record<string, string>>[];
  }[];
}

/** Decodes what other encoders made of published stories (https://github.com/http2jp/hpack-test-case). */
function decodeStories(): Outcome {
  const folder = process.env.HPACK_STORIES ?? '';
  if (!existsSync(folder))
    return skip('published HPACK stories', 'HPACK_STORIES names no copy of http2jp/hpack-test-case');
  let passed = 0;
  let failed = 0;
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/story_\d+\.json$/.test(file)) continue;
    const { cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as PublishedStory;
    if (cases.some(({ wire }) => wire === undefined)) continue;
    const decoder = new HpackDecoder(decodeLatin1, Math.max(4096, ...cases.map((each) => each.header_table_size ?? 0)));
    const fault = cases.findIndex(({ wire, headers }) => {
      const block = Buffer.from(wire!, 'hex');
      const fields: string[] = [];
      const result = decoder.decode(block, 0, block.length, fields, 1 << 24);
      const expected = headers.flatMap((header) => Object.entries(header).flat());
      return result !== 0 || fields.join('\n') !== expected.join('\n');
    });
    if (fault < 0) passed++;
    else if (failed++ < 5) console.log(`  ${file}: case ${fault} is decoded otherwise`);
  }
  console.log(`  published stories: ${passed} of ${passed + failed}`);
  return { passed, failed, skipped: [] };
}
