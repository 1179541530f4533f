import { writeData, writeHeaders, writeReset } from '../../proxy/http2/frame-writer.ts';
import { HpackEncoder } from '../../proxy/http2/hpack/encoder.ts';
import { CANCEL } from '../../proxy/http2/wire-vocabulary.ts';
import { MemoryWire } from '../../test/support/memory-wire.ts';
import type { Conduct } from './crowd.ts';
import type { Listener } from './listener.ts';
import { podReview } from './pod-review.ts';

/** What is done to a listener: what it begins and does not end, and what it has answered and nobody reads. */
export function conductsOf(listener: Listener): Conduct[] {
  const nothing = { tls: 'none', words: '', more: '', reads: true } as const;
  const isPlain = listener.startsWith('proxy');
  const conducts: Conduct[] = [{ ...nothing, name: 'silent sockets', size: 2000 }];
  if (listener !== 'proxy admin') conducts.push({ ...nothing, name: 'half-open handshakes', size: 2000, tls: 'hello' });
  const said = { ...nothing, tls: isPlain ? 'none' : 'whole' } as const;
  const { method, path } = ASKED[listener];
  if (listener === 'destination' || listener === 'identity') {
    conducts.push({ ...said, protocol: 'h2', name: 'rapid resets', size: 100, words: PREFACE + resets(path) });
  }
  if (listener === 'destination') {
    conducts.push(
      { ...said, name: 'unfinished heads', size: 200, words: UNFINISHED_HEAD },
      { ...said, name: 'unfinished bodies', size: 200, words: unfinishedHello(path) },
    );
    return conducts;
  }
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  const whole = `GET ${listener === 'proxy inbound' ? '/big' : path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const posted = (octets: number) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${octets}\r\n\r\n`;
  conducts.push(
    { ...said, name: 'unfinished heads', size: 200, words: head },
    { ...said, name: 'unfinished bodies', size: 200, words: `${posted(1_000_000)}{"a":` },
    { ...said, name: 'requests without end', size: 100, more: whole, reads: false },
  );
  if (listener === 'webhook' || listener === 'identity') {
    const large = `{"a":"${'x'.repeat(2_900_000)}"}`;
    conducts.push({ ...said, name: 'large bodies', size: 8, more: posted(large.length) + large });
  }
  if (listener === 'webhook') {
    const review = largeReview();
    conducts.push({ ...said, name: 'large reviews', size: 8, more: posted(review.length) + review });
  }
  return conducts;
}

/** A review of a pod of 2.5 MB, all of whose annotations are misspelt. */
function largeReview(): string {
  const annotations = Object.fromEntries(
    Array.from({ length: 60_000 }, (_, at) => [`weft.dev/injekt-${at}`, 'enabled']),
  );
  return podReview({ metadata: { name: 'web', annotations }, spec: { containers: [{ name: 'web' }] } });
}

const ASKED: Readonly<Record<Listener, { readonly method: string; readonly path: string }>> = {
  'proxy inbound': { method: 'GET', path: '/' },
  'proxy admin': { method: 'GET', path: '/metrics' },
  identity: { method: 'POST', path: '/v1/certify' },
  destination: { method: 'POST', path: '/v1/watch' },
  webhook: { method: 'POST', path: '/inject' },
};
/** The preface of HTTP/2, and empty SETTINGS (RFC 9113 section 3.4). */
const PREFACE = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0`;
/** HEADERS whose block does not come (section 6.2). */
const UNFINISHED_HEAD = `${PREFACE}\0\0\x20\x01\x04\0\0\0\x01`;

/** A watch whose first line does not end. */
function unfinishedHello(path: string): string {
  const out = new MemoryWire();
  writeRequest(out, 1, path);
  const line = Buffer.from('{"type":"hello"');
  writeData(out, 1, line, 0, line.length, false);
  return PREFACE + Buffer.from(out.take()).toString('latin1');
}

/** Watches, or certificates asked for, that their client resets at once: twenty thousand. */
function resets(path: string): string {
  const out = new MemoryWire();
  for (let id = 1; id < 40_000; id += 2) {
    writeRequest(out, id, path);
    writeReset(out, id, CANCEL);
  }
  return Buffer.from(out.take()).toString('latin1');
}

/** The head of a request with a body, without the table of HPACK. */
function writeRequest(out: MemoryWire, id: number, path: string): void {
  const encoder = new HpackEncoder(0);
  const fields = {
    ':method': 'POST',
    ':scheme': 'https',
    ':path': path,
    ':authority': 'a',
    'content-type': TYPES[path]!,
  };
  const list = Object.entries(fields).flat();
  const block = new Uint8Array(encoder.bound(list));
  writeHeaders(out, id, block, encoder.encode(list, block, 0), false, 16_384);
}

const TYPES: Readonly<Record<string, string>> = {
  '/v1/certify': 'application/json',
  '/v1/watch': 'application/x-ndjson',
};
