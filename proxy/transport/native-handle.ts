import { type Server, Socket } from 'node:net';

/**
 * Under proxy/ Node's private handles are touched in this file alone; native-handle.test.ts fails when Node changes them.
 * One more is asked what it makes of a peer's certificate: core/tls/secured.ts, which destination shares.
 */

/** What is used of a handle (Node's StreamBase). */
interface Handle {
  readonly fd?: number;
  /** Has what is read put into `buffer` from now on. */
  readonly useUserBuffer?: (buffer: Buffer) => void;
}

type Internals = Socket & { _handle?: Handle | null } & Record<symbol, unknown>;

/** The file descriptor of a socket, or -1 where it has none (closed, or not a TCP socket). */
export function fileDescriptor(socket: Socket): number {
  const handle = (socket as unknown as Internals)._handle;
  return typeof handle?.fd === 'number' ? handle.fd : -1;
}

/** As {@link fileDescriptor}, of a server that listens. */
export function serverDescriptor(server: Server): number {
  return fileDescriptor(server as unknown as Socket);
}

/**
 * Has a socket, accepted or dialled, plain or TLS, read into one static buffer of the process: what `onread` does for
 * sockets that Node connects. Without it every read allocates 64 KiB outside the heap.
 *
 * @param onRead hears of every read; `bytes[0, octets)` is valid only during the call
 * @returns false: this Node offers no way, or the socket is closed; nothing was changed
 */
export function readIntoStaticBuffer(socket: Socket, onRead: (octets: number, bytes: Buffer) => void): boolean {
  const internals = socket as unknown as Internals;
  if (BUFFER === null || BUFFER_CALLBACK === null || typeof internals._handle?.useUserBuffer !== 'function')
    return false;
  internals[BUFFER] = readBuffer;
  internals[BUFFER_CALLBACK] = (octets: number, bytes: Buffer) => {
    onRead(octets, bytes);
  };
  internals._handle.useUserBuffer(readBuffer);
  return true;
}

/**
 * Has a socket that was just accepted queue what is read in copies of their own size, until somebody takes it over with
 * {@link readIntoStaticBuffer} or TLS does. Otherwise its first read alone would take 64 KiB, which the allocator cannot
 * give back: 1,000 connections that say a line each cost 60 MiB.
 */
export function queueInCopies(socket: Socket): void {
  const internals = socket as unknown as Internals;
  if (BUFFER === null || BUFFER_CALLBACK === null || typeof internals._handle?.useUserBuffer !== 'function') return;
  internals[BUFFER] = readBuffer;
  internals[BUFFER_CALLBACK] = (octets: number, bytes: Buffer) => {
    const copy = Buffer.allocUnsafeSlow(octets);
    bytes.copy(copy, 0, 0, octets);
    // False: enough is queued, and reading stops until somebody asks.
    return socket.push(copy);
  };
  internals._handle.useUserBuffer(readBuffer);
}

/** As much as libuv reads at once. Reads do not nest, so that one is enough for all sockets. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

const BUFFER = socketSymbol('kBuffer');
const BUFFER_CALLBACK = socketSymbol('kBufferCb');

function socketSymbol(name: string): symbol | null {
  return Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name) ?? null;
}
