/**
 * Makes proxy/http2/hpack/stories/nghttp2.json: header blocks as nghttp2 (of Node) writes them, taken off the wire between a
 * node:http2 client and server, with the lists that were given to it. `node test/conformance/hpack/capture-stories.ts`
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, createServer, type IncomingHttpHeaders, sensitiveHeaders } from 'node:http2';
import { type AddressInfo, createServer as createRelay, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as h2 from '../../../proxy/http2/wire-vocabulary.ts';

/** Table size that the receiver announces at first and after half of the requests, and what is sent. */
const STORIES = [
  { name: 'requests, table of 4,096', sizes: [4096, 4096] },
  { name: 'requests, table of 256 with evictions', sizes: [256, 256] },
  { name: 'requests, table of 512 that becomes 100', sizes: [512, 100] },
  { name: 'requests, table of 100 that becomes none', sizes: [100, 0] },
] as const;

const ROUNDS = 8;

const stories: unknown[] = [];
for (const { name, sizes } of STORIES) stories.push({ name, tableSize: sizes[0], blocks: await captured(sizes) });
const path = join(fileURLToPath(import.meta.url), '../../../../proxy/http2/hpack/stories/nghttp2.json');
writeFileSync(path, `${JSON.stringify(stories, null, 2)}\n`);
console.log(`wrote ${path}`);

/** The blocks of a client's requests, each with its fields: names and values in turn. */
async function captured(sizes: readonly [number, number]): Promise<{ wire: string; fields: string[] }[]> {
  const server = createServer({ settings: { headerTableSize: sizes[0] } });
  const arrived: string[][] = [];
  server.on('stream', (stream, _headers, _flags, raw: readonly string[]) => {
    arrived.push([...raw]);
    stream.respond({ ':status': 204 }, { endStream: true });
  });
  server.on('session', (session) => {
    let streams = 0;
    session.on('stream', () => {
      if (++streams === ROUNDS / 2 && sizes[1] !== sizes[0]) session.settings({ headerTableSize: sizes[1] });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const octets: Buffer[] = [];
  const relay = createRelay((near: Socket) => {
    const far = dial((server.address() as AddressInfo).port, '127.0.0.1');
    near.on('data', (chunk: Buffer) => octets.push(chunk));
    near.pipe(far).pipe(near);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');

  const client = connect(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
  await once(client, 'remoteSettings');
  for (let round = 0; round < ROUNDS; round++) {
    // New settings have come before the next request is made.
    const changed = round === ROUNDS / 2 - 1 && sizes[1] !== sizes[0] ? once(client, 'remoteSettings') : null;
    await asked(client, round);
    await changed;
  }
  client.close();
  await once(client, 'close');
  relay.close();
  server.close();
  const blocks = blocksOf(Buffer.concat(octets));
  return blocks.map((wire, i) => ({ wire: wire.toString('hex'), fields: arrived[i]! }));
}

async function asked(client: ClientHttp2Session, round: number): Promise<void> {
  const headers: IncomingHttpHeaders & Record<string | symbol, unknown> = {
    ':method': round % 3 === 0 ? 'POST' : 'GET',
    ':path': ['/', '/index.html', `/users/${round}?q=a+b`][round % 3]!,
    ':authority': 'web.shop.svc.cluster.local',
    'user-agent': 'teller/1.0',
    'x-request-id': `${round}`.repeat(20),
    'x-letters': String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 33 + ((i + round) % 94))),
    accept: round % 2 === 0 ? 'application/json' : '*/*',
    cookie: 'session=0123456789abcdef0123456789',
    [sensitiveHeaders]: ['cookie'],
  };
  const stream = client.request(headers as never, { endStream: true });
  stream.resume();
  await once(stream, 'close');
}

/** The header blocks of a client's octets: its preface is passed over, and so are other frames. */
function blocksOf(octets: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let block: Buffer[] = [];
  for (let at = h2.PREFACE.length; at < octets.length; ) {
    const length = octets.readUIntBE(at, 3);
    const [type, flags] = [octets[at + 3]!, octets[at + 4]!];
    const payload = octets.subarray(at + 9, at + 9 + length);
    if (type === h2.HEADERS || type === h2.CONTINUATION) {
      block.push(flags & h2.FLAG_PRIORITY && type === h2.HEADERS ? payload.subarray(5) : payload);
      if (flags & h2.FLAG_END_HEADERS) blocks.push(Buffer.concat(block));
      if (flags & h2.FLAG_END_HEADERS) block = [];
    }
    at += 9 + length;
  }
  return blocks;
}
