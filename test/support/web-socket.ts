import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A frame of a WebSocket (RFC 6455, section 5.2), unmasked. */
interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

const TEXT = 1;
const CLOSE = 8;

/** One client's WebSocket, as far as tests need it: unfragmented text messages, and an orderly end. */
export class WebSocketClient {
  readonly #socket: Socket;
  readonly #frames: FrameQueue;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#frames = new FrameQueue(socket);
  }

  /** Connects and shakes hands (section 4.1). @throws when the answer is not the right one */
  static async open(port: number, path: string): Promise<WebSocketClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    let head = '';
    while (!head.endsWith('\r\n\r\n')) {
      const octet = socket.read(1) as Buffer | null;
      if (octet) head += octet.toString('latin1');
      else if (socket.readableEnded) throw new Error(`the handshake ended: ${head}`);
      else await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
    }
    const accepted = new RegExp(`^sec-websocket-accept: ${literal(acceptOf(key))}\r$`, 'im').test(head);
    if (!head.startsWith('HTTP/1.1 101 ') || !accepted) throw new Error(`the handshake failed: ${head}`);
    return new WebSocketClient(socket);
  }

  /** Sends a message. */
  send(text: string): void {
    this.#socket.write(frame(TEXT, Buffer.from(text), randomBytes(4)));
  }

  /** The next message. @throws when the socket ends instead */
  async receive(): Promise<string> {
    const { opcode, payload } = await this.#frames.next();
    if (opcode !== TEXT) throw new Error(`opcode ${opcode} instead of a message`);
    return payload.toString();
  }

  /** Says goodbye. @returns the code with which the server answers (section 7.1.5) */
  async close(code: number): Promise<number> {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#socket.write(frame(CLOSE, payload, randomBytes(4)));
    const answer = await this.#frames.next();
    this.#socket.end();
    if (!this.#socket.closed) await once(this.#socket, 'close');
    return answer.opcode === CLOSE ? answer.payload.readUInt16BE() : 0;
  }
}

/** A server that sends every frame back and ends after a goodbye. */
export function createEchoServer(): Server {
  const server = createServer();
  server.on('upgrade', async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const accept = acceptOf(request.headers['sec-websocket-key']!);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.unshift(head);
    const frames = new FrameQueue(socket);
    for (;;) {
      const next = await frames.next().catch(() => null);
      if (next === null) return void socket.destroy();
      socket.write(frame(next.opcode, next.payload, null));
      if (next.opcode === CLOSE) return void socket.end();
    }
  });
  return server;
}

/** The frames of a socket, in order. */
class FrameQueue {
  readonly #frames: Frame[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(socket: Duplex) {
    socket.on('data', (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      for (let found = readFrame(this.#rest); found; found = readFrame(this.#rest)) {
        this.#frames.push(found);
        this.#rest = this.#rest.subarray(found.octets);
      }
      this.#wake?.();
    });
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.#ended = true;
        this.#wake?.();
      });
  }

  async next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#ended) throw new Error('the socket ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift()!;
  }
}

/** The first frame of `bytes`, and how many octets it takes; null: it is not whole. Without 64-bit lengths. */
function readFrame(bytes: Buffer): (Frame & { octets: number }) | null {
  if (bytes.length < 2) return null;
  const isLong = (bytes[1]! & 0x7f) === 126;
  if (isLong && bytes.length < 4) return null;
  const length = isLong ? bytes.readUInt16BE(2) : bytes[1]! & 0x7f;
  const isMasked = (bytes[1]! & 0x80) !== 0;
  const start = (isLong ? 4 : 2) + (isMasked ? 4 : 0);
  if (bytes.length < start + length) return null;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (isMasked) mask(payload, bytes.subarray(start - 4, start));
  return { opcode: bytes[0]! & 0xf, payload, octets: start + length };
}

/** One final frame; `key`: a client's masking key. */
function frame(opcode: number, payload: Buffer, key: Buffer | null): Buffer {
  const isLong = payload.length > 125;
  const head = Buffer.alloc(isLong ? 4 : 2);
  head[0] = 0x80 | opcode;
  head[1] = (key ? 0x80 : 0) | (isLong ? 126 : payload.length);
  if (isLong) head.writeUInt16BE(payload.length, 2);
  if (key) payload = mask(Buffer.from(payload), key);
  return Buffer.concat([head, key ?? Buffer.alloc(0), payload]);
}

function mask(payload: Buffer, key: Buffer): Buffer {
  for (let i = 0; i < payload.length; i++) payload[i]! ^= key[i & 3]!;
  return payload;
}

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

function literal(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
