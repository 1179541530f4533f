import type { Socket } from 'node:net';

import type { ConnectionLimits } from '../../api/traffic-policy.ts';
import type { ClientStream, StreamListener } from '../http.ts';
import { ConnectError, whenConnected } from './dialer.ts';
import type { HttpLimit } from './http-server.ts';
import type { SignsOfLife } from './server-watch.ts';
import { inTurn } from './turn.ts';

/** Somebody who wants a stream to a server. Exactly one of the two is called, once, unless `cancelled` is set. */
export interface Waiter {
  readonly cancelled: boolean;
  /** Who will listen to the stream. */
  readonly listener: StreamListener;
  /** A stream is open, and nothing sent on it yet. */
  onStream(stream: ClientStream): void;
  onUnavailable(error: ConnectError): void;
}

/** How a pool reaches its server. */
export interface PoolOptions {
  /** Begins to connect. Throws a {@link ConnectError} when it may not even begin. */
  readonly dial: () => Socket;
  /** The event that means connected: `secureConnect` on TLS. */
  readonly connected: 'connect' | 'secureConnect';
  readonly connectTimeoutMs: number;
  /** Connections unused for this long are closed. */
  readonly idleMs: number;
  readonly keepCase: boolean;
  /** Octets that come before the first request: a transport header. */
  readonly prologue: Buffer;
  readonly onOpened: () => void;
  readonly onClosed: (read: number, written: number) => void;
  /** A server has exceeded a limit. */
  readonly onLimit: (limit: HttpLimit) => void;
  /** HTTP/2: asks a silent server for signs of life, on each connection; null: never. */
  readonly signsOfLife: SignsOfLife | null;
  readonly bounds: PoolBounds;
}

/** Bounds that several pools may share. Read at each use, since they may change. */
export interface PoolBounds {
  readonly limits: ConnectionLimits;
  /** Connections of all these pools that are open or being opened. */
  connections: number;
}

/** Bounds that allow everything, for one pool alone. */
export function unbounded(): PoolBounds {
  return { limits: {}, connections: 0 };
}

/**
 * Connections to one server, of one HTTP version. A waiter gets a stream or an error, at once or later, but exactly
 * once, unless it is cancelled before.
 */
export interface HttpPool {
  acquire(waiter: Waiter): void;
  /** A stream could be had at once. */
  readonly isFree: boolean;
  /** Streams under way go on; connections close when they are done. Nobody gets another stream. */
  shutdown(): void;
}

/** Every pool may have one connection, however small the bound is. @param own connections of this pool */
export function mayConnect({ limits, connections }: PoolBounds, own: number): boolean {
  return own === 0 || connections < (limits.maxConnections ?? Number.POSITIVE_INFINITY);
}

/** Ends a connection after the time that a rule gives it; undefined: it gives none. */
export function expiryOf({ limits }: PoolBounds, expire: () => void): NodeJS.Timeout | undefined {
  return limits.maxConnectionMs ? setTimeout(expire, limits.maxConnectionMs).unref() : undefined;
}

/** Opens a connection for a pool. @param done called once, later, in a turn */
export function connect(options: PoolOptions, done: (error: ConnectError | null, socket: Socket) => void): void {
  const { bounds } = options;
  bounds.connections++;
  let socket: Socket;
  try {
    socket = options.dial();
  } catch (error) {
    bounds.connections--;
    // Refused before it began: no valid certificate. Told later, as any other failure is.
    return queueMicrotask(() => done(error as ConnectError, null as never));
  }
  whenConnected(socket, options.connected, options.connectTimeoutMs, (error) => {
    inTurn(() => {
      if (!error) options.onOpened();
      else bounds.connections--;
      done(error, socket);
    });
  });
}

/**
 * A connection that was given to nobody for longer than this, milliseconds, may have been ended by its server in the meantime, and
 * the program been stopped for as long: what there is to be read comes first ({@link afterReads}). It costs a request of such a
 * connection two rounds of the loop, some ten microseconds.
 */
export const DOUBTED_AFTER_MS = 1000;

/** What waiters of a pool are told that was shut down. */
export function gone(): ConnectError {
  return new ConnectError('connect_failed', 'destination knows it no more');
}

/** Tells all that still wait why there is no stream. */
export function failAll(waiters: readonly Waiter[], error: ConnectError): void {
  for (const waiter of waiters) if (!waiter.cancelled) waiter.onUnavailable(error);
}
