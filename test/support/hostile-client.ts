import { connect, type Socket } from 'node:net';

import * as write from '../../proxy/http2/frame-writer.ts';
import { HpackEncoder } from '../../proxy/http2/hpack/encoder.ts';
import * as h2 from '../../proxy/http2/wire-vocabulary.ts';
import { MemoryWire } from './memory-wire.ts';

/** One way to harm a server that speaks HTTP. */
export interface Attack {
  readonly name: string;
  /** Token of the limit that is to end it; empty: a fault of the protocol. */
  readonly limit: string;
  /** Code of the GOAWAY, status of the HTTP/1 answer, or 0: neither has to come. */
  readonly verdict: number;
  readonly run: (client: HostileClient) => void;
}

/** A connection that is up to no good. It writes as fast as it may and, unless told otherwise, reads what comes. */
export class HostileClient {
  readonly socket: Socket;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** What came back: code of GOAWAY, codes of RST_STREAM, or status of the last HTTP/1 answer. */
  verdict = 0;
  readonly resets: number[] = [];
  readonly #encoder = new HpackEncoder(4096);
  readonly #out = new MemoryWire();
  #carry: Buffer = Buffer.alloc(0);
  #isHttp1 = false;
  #timer: NodeJS.Timeout | null = null;
  next = 1;

  /** @param localAddress an address of loopback: who was cut off is known by it */
  constructor(port: number, attack: Attack, localAddress = '127.0.0.1') {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true });
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('end', () => socket.destroy());
    socket.once('close', () => this.#timer && clearInterval(this.#timer));
    socket.once('connect', () => attack.run(this));
  }

  /** Begins HTTP/2. */
  greet(settings: readonly (readonly [number, number])[] = []): void {
    this.socket.write(
      Buffer.concat([Buffer.from(h2.PREFACE), this.frames((out) => write.writeSettings(out, settings))]),
    );
  }

  /** Begins HTTP/1. */
  say(text: string): void {
    this.#isHttp1 = true;
    this.socket.write(text, 'latin1');
  }

  /** The octets of frames. */
  frames(writer: (out: MemoryWire) => void): Buffer {
    writer(this.#out);
    return Buffer.from(this.#out.take());
  }

  /** The octets of a request on the next stream. */
  request(path: string, last: boolean, fields: readonly string[] = []): Buffer {
    const list = [':method', last ? 'GET' : 'POST', ':scheme', 'http', ':path', path, ':authority', 'api', ...fields];
    const block = new Uint8Array(this.#encoder.bound(list));
    const octets = this.#encoder.encode(list, block, 0);
    const id = this.next;
    this.next += 2;
    return this.frames((out) => write.writeHeaders(out, id, block, octets, last, 16_384));
  }

  /** Writes what `octets` returns again and again, as fast as it is taken. */
  flood(octets: () => Buffer): void {
    const { socket } = this;
    const more = () => {
      for (let i = 0; i < 16; i++) if (socket.destroyed || !socket.write(octets())) return;
      setImmediate(more);
    };
    socket.on('drain', more);
    more();
  }

  /** Writes what `octets` returns now and then. */
  trickle(everyMs: number, octets: () => Buffer | string): void {
    this.#timer = setInterval(() => this.socket.write(octets()), everyMs);
  }

  /** Reads nothing more. */
  stopReading(): void {
    this.socket.pause();
  }

  #read(chunk: Buffer): void {
    if (this.#isHttp1) {
      for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\/1.1 (\d{3}) /g)) this.verdict = Number(status);
      return;
    }
    let bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, chunk]) : chunk;
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes[3] === h2.GOAWAY) this.verdict = bytes.readUInt32BE(13);
      if (bytes[3] === h2.RST_STREAM) this.resets.push(bytes.readUInt32BE(9));
      bytes = bytes.subarray(end);
    }
    this.#carry = Buffer.from(bytes);
  }
}

const CALM = h2.ENHANCE_YOUR_CALM;

/** The same frame many times. */
function many(frame: Buffer, times: number): Buffer {
  return Buffer.concat(new Array<Buffer>(times).fill(frame));
}

/** Requests that their client resets at once. */
function cancelled(client: HostileClient, times: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < times; i++) {
    const id = client.next;
    parts.push(
      client.request('/', true),
      client.frames((out) => write.writeReset(out, id, h2.CANCEL)),
    );
  }
  return Buffer.concat(parts);
}

function rawFrame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, 0]);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** Floods with a frame on a connection that has one request open. */
function floodOf(frame: Buffer): (client: HostileClient) => void {
  const octets = many(frame, Math.floor(32_768 / frame.length));
  return (client) => {
    client.greet();
    client.socket.write(client.request('/', false));
    client.flood(() => octets);
  };
}

/** A block that puts a field of 3,900 octets into the table and names it `times` times more, an octet each. */
function bomb(times: number): Buffer {
  const length = [0x7f, ((3900 - 127) & 0x7f) | 0x80, (3900 - 127) >> 7];
  return Buffer.concat([Buffer.from([0x40, 1, 0x78, ...length]), Buffer.alloc(3900, 'a'), Buffer.alloc(times, 0xbe)]);
}

/** Everything that a hostile client is known to try. `/big` answers with a mebibyte; a POST is answered when it ends. */
export const ATTACKS: readonly Attack[] = [
  {
    name: 'rapid reset',
    limit: 'rapid_reset',
    verdict: CALM,
    run(client) {
      client.greet();
      client.flood(() => cancelled(client, 100));
    },
  },
  {
    name: 'resets provoked by faults',
    limit: 'stream_error_flood',
    verdict: CALM,
    run(client) {
      client.greet();
      client.flood(() => {
        const parts: Buffer[] = [];
        for (let i = 0; i < 100; i++) {
          const id = client.next;
          parts.push(
            client.request('/', true),
            client.frames((out) => write.writeWindowUpdate(out, id, 0)),
          );
        }
        return Buffer.concat(parts);
      });
    },
  },
  {
    name: 'streams without end',
    limit: 'stream_error_flood',
    verdict: CALM,
    run(client) {
      client.greet();
      client.flood(() => Buffer.concat(Array.from({ length: 100 }, () => client.request('/', false))));
    },
  },
  {
    name: 'CONTINUATION of an octet',
    limit: 'continuation_flood',
    verdict: CALM,
    run(client) {
      client.greet();
      client.socket.write(rawFrame(h2.HEADERS, 0, 1, new Uint8Array(0)));
      client.flood(() => many(rawFrame(h2.CONTINUATION, 0, 1, Uint8Array.of(0)), 1000));
    },
  },
  {
    name: 'CONTINUATION of 16 KiB',
    limit: 'continuation_flood',
    verdict: CALM,
    run(client) {
      client.greet();
      client.socket.write(rawFrame(h2.HEADERS, 0, 1, new Uint8Array(0)));
      client.flood(() => rawFrame(h2.CONTINUATION, 0, 1, new Uint8Array(16_384)));
    },
  },
  {
    name: 'empty DATA',
    limit: 'empty_frame_flood',
    verdict: CALM,
    run: floodOf(rawFrame(h2.DATA, 0, 1, new Uint8Array(0))),
  },
  { name: 'PING', limit: 'ping_flood', verdict: CALM, run: floodOf(rawFrame(h2.PING, 0, 0, new Uint8Array(8))) },
  {
    name: 'PING, answers unread',
    limit: 'ping_flood',
    verdict: 0,
    run(client) {
      client.stopReading();
      floodOf(rawFrame(h2.PING, 0, 0, new Uint8Array(8)))(client);
    },
  },
  {
    name: 'SETTINGS',
    limit: 'settings_flood',
    verdict: CALM,
    run: floodOf(rawFrame(h2.SETTINGS, 0, 0, new Uint8Array(0))),
  },
  {
    name: 'SETTINGS of 2,700 parameters',
    limit: 'settings_flood',
    verdict: CALM,
    run: floodOf(rawFrame(h2.SETTINGS, 0, 0, many(Buffer.from([0, 4, 0, 0, 1, 0]), 2700))),
  },
  {
    name: 'PRIORITY',
    limit: 'priority_flood',
    verdict: CALM,
    run: floodOf(rawFrame(h2.PRIORITY, 0, 1, new Uint8Array(5))),
  },
  {
    name: 'WINDOW_UPDATE of an octet',
    limit: 'window_update_flood',
    verdict: CALM,
    run: floodOf(rawFrame(h2.WINDOW_UPDATE, 0, 1, Uint8Array.of(0, 0, 0, 1))),
  },
  {
    name: 'unknown frames',
    limit: 'useless_frame_flood',
    verdict: CALM,
    run: floodOf(rawFrame(0xbe, 0, 0, new Uint8Array(0))),
  },
  {
    name: 'HPACK bomb',
    limit: 'header_bomb',
    verdict: CALM,
    run(client) {
      client.greet();
      client.socket.write(rawFrame(h2.HEADERS, h2.FLAG_END_HEADERS | h2.FLAG_END_STREAM, 1, bomb(12_000)));
    },
  },
  {
    name: 'header lists that are too large',
    limit: 'header_list_too_large',
    verdict: CALM,
    run(client) {
      client.greet();
      client.flood(() => {
        const id = client.next;
        client.next += 2;
        return rawFrame(h2.HEADERS, h2.FLAG_END_HEADERS | h2.FLAG_END_STREAM, id, bomb(50));
      });
    },
  },
  {
    name: 'window overflow',
    limit: '',
    verdict: h2.FLOW_CONTROL_ERROR,
    run(client) {
      client.greet();
      client.socket.write(client.frames((out) => write.writeWindowUpdate(out, 0, h2.MAX_WINDOW)));
    },
  },
  {
    name: 'tiny window',
    limit: 'window_update_flood',
    verdict: CALM,
    run(client) {
      client.greet([[h2.SETTINGS_INITIAL_WINDOW_SIZE, 1]]);
      client.socket.write(client.request('/big', true));
      const update = client.frames((out) => write.writeWindowUpdate(out, 1, 1));
      client.flood(() => many(update, 1000));
    },
  },
  {
    name: 'zero window, 250 streams',
    limit: 'stall_timeout',
    verdict: 0,
    run(client) {
      client.greet([[h2.SETTINGS_INITIAL_WINDOW_SIZE, 0]]);
      for (let i = 0; i < 250; i++) client.socket.write(client.request('/big', true));
    },
  },
  {
    name: 'answers unread, 250 streams',
    limit: 'stall_timeout',
    verdict: 0,
    run(client) {
      client.stopReading();
      client.greet([[h2.SETTINGS_INITIAL_WINDOW_SIZE, h2.MAX_WINDOW]]);
      client.socket.write(client.frames((out) => write.writeWindowUpdate(out, 0, h2.MAX_WINDOW - h2.DEFAULT_WINDOW)));
      for (let i = 0; i < 250; i++) client.socket.write(client.request('/big', true));
    },
  },
  {
    name: 'slow header block',
    limit: 'header_timeout',
    verdict: CALM,
    run(client) {
      client.greet();
      client.socket.write(rawFrame(h2.HEADERS, 0, 1, new Uint8Array(0)));
      client.trickle(50, () => rawFrame(h2.CONTINUATION, 0, 1, Uint8Array.of(0)));
    },
  },
  {
    name: 'slow HTTP/2 body',
    limit: 'body_timeout',
    verdict: 0,
    run(client) {
      client.greet();
      client.socket.write(client.request('/', false, ['content-length', '1000']));
    },
  },
  {
    name: 'slow HTTP/1 head',
    limit: 'header_timeout',
    verdict: 408,
    run(client) {
      client.say('GET / HTTP/1.1\r\nHost: api\r\nX: ');
      client.trickle(50, () => 'a');
    },
  },
  {
    name: 'slow HTTP/1 body',
    limit: 'body_timeout',
    verdict: 408,
    run: (client) => client.say('POST / HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n\r\n'),
  },
  {
    name: 'HTTP/1 answers unread',
    limit: 'stall_timeout',
    verdict: 0,
    run(client) {
      client.stopReading();
      client.say('GET /big HTTP/1.1\r\nHost: api\r\n\r\n'.repeat(100));
    },
  },
  {
    name: 'HTTP/1 head without end',
    limit: 'head_too_large',
    verdict: 431,
    run(client) {
      client.say('GET / HTTP/1.1\r\nHost: api\r\nX: ');
      client.flood(() => Buffer.alloc(32_768, 'a'));
    },
  },
  {
    name: 'HTTP/1 fields without end',
    limit: 'header_fields_too_many',
    verdict: 431,
    run: (client) => client.say(`GET / HTTP/1.1\r\nHost: api\r\n${'a:\r\n'.repeat(2000)}\r\n`),
  },
  {
    name: 'empty lines',
    limit: 'empty_line_flood',
    verdict: 400,
    run(client) {
      client.say('GET / HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\n\r\n');
      client.flood(() => Buffer.alloc(32_768, '\r\n'));
    },
  },
  {
    name: 'chunk extensions',
    limit: 'chunk_extension_too_large',
    verdict: 400,
    run(client) {
      client.say('POST / HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n');
      client.flood(() => Buffer.from(`1;a=${'b'.repeat(200)}\r\nx\r\n`.repeat(100)));
    },
  },
];

/** What is just not enough to be cut off. */
export const ALLOWED: readonly Attack[] = [
  {
    name: '250 resets a second, as allowed',
    limit: '',
    verdict: 0,
    run(client) {
      client.greet();
      client.trickle(100, () => cancelled(client, 25));
    },
  },
  {
    name: '10,000 PINGs a second, as allowed',
    limit: '',
    verdict: 0,
    run(client) {
      client.greet();
      const pings = many(rawFrame(h2.PING, 0, 0, new Uint8Array(8)), 1000);
      client.trickle(100, () => pings);
    },
  },
];
