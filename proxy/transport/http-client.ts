import type { Socket } from 'node:net';

import type { ConnectionLimits } from '../../api/traffic-policy.ts';
import type { ClientStream, StreamListener } from '../http.ts';
import { ClientConnection as Http1Connection } from '../http1/client-connection.ts';
import { DEFAULT_CONNECTION_OPTIONS, Connection as Http2Connection } from '../http2/connection.ts';
import { CANCEL } from '../http2/wire-vocabulary.ts';
import { ConnectError, whenConnected } from './dialer.ts';
import { type HttpLimit, http2Owner, nowMs } from './http-server.ts';
import { IdleTimer } from './idle-timer.ts';
import { decodeLatin1 } from './latin1.ts';
import { ServerWatch, type SignsOfLife } from './server-watch.ts';
import { enterTurn, leaveTurn, SocketWire } from './socket-wire.ts';
import { windowBudget } from './window-budget.ts';

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

/** No bounds. */
export function unbounded(): PoolBounds {
  return { limits: {}, connections: 0 };
}

/** Connections to one server; hands out streams. */
export interface HttpPool {
  acquire(waiter: Waiter): void;
  /** A stream could be had at once. */
  readonly isFree: boolean;
  /** Streams under way go on; connections close when they are done. Nobody gets another stream. */
  shutdown(): void;
}

/** HTTP/2: one connection until its stream limit asks for another. */
export class Http2Pool implements HttpPool {
  readonly #options: PoolOptions;
  #open: Http2Entry[] = [];
  #connecting = false;
  #waiting: Waiter[] = [];
  #ended = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get isFree(): boolean {
    return this.#waiting.length === 0 && this.#withRoom() !== null;
  }

  acquire(waiter: Waiter): void {
    if (this.#ended) return waiter.onUnavailable(gone());
    const free = this.#waiting.length === 0 ? this.#withRoom() : null;
    if (free) return this.#give(waiter, free);
    this.#waiting.push(waiter);
    this.#serve();
  }

  shutdown(): void {
    this.#ended = true;
    for (const { connection } of this.#open) connection.shutdown();
    // Those that wait for a connection that is being opened get it still.
    if (!this.#connecting) failAll(this.#waiting.splice(0), gone());
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#waiting[0]!.cancelled) {
        this.#waiting.shift();
        continue;
      }
      const free = this.#withRoom();
      if (!free) return this.#connect();
      this.#give(this.#waiting.shift()!, free);
    }
  }

  #withRoom(): Http2Entry | null {
    const { maxConcurrentStreams = Number.POSITIVE_INFINITY } = this.#options.bounds.limits;
    for (let i = 0; i < this.#open.length; i++) {
      const { connection } = this.#open[i]!;
      if (connection.hasRoom && connection.streamCount < maxConcurrentStreams) return this.#open[i]!;
    }
    return null;
  }

  #give(waiter: Waiter, entry: Http2Entry): void {
    entry.idle.wake();
    const { maxRequestsPerConnection = 0 } = this.#options.bounds.limits;
    entry.requests++;
    const stream = entry.connection.open(waiter.listener);
    if (entry.requests === maxRequestsPerConnection) this.#leave(entry);
    waiter.onStream(stream);
  }

  /** Its streams go on; it closes when they are done. */
  #leave(entry: Http2Entry): void {
    this.#open = this.#open.filter((each) => each !== entry);
    entry.connection.shutdown();
  }

  #connect(): void {
    // One stream after another, where another connection may not be opened.
    if (this.#ended || this.#connecting || !mayConnect(this.#options.bounds, this.#open.length)) return;
    this.#connecting = true;
    connect(this.#options, (error, socket) => {
      this.#connecting = false;
      if (error) return failAll(this.#waiting.splice(0), error);
      const { connection } = this.#adopt(socket);
      this.#serve();
      if (!this.#ended) return;
      connection.shutdown();
      failAll(this.#waiting.splice(0), gone());
    });
  }

  #adopt(socket: Socket): Http2Entry {
    const { keepCase, idleMs, prologue, onClosed } = this.#options;
    const wire = new SocketWire(socket);
    wire.write(prologue);
    const leave = () => {
      entry.idle.stop();
      clearTimeout(entry.expiry);
      this.#open = this.#open.filter((each) => each !== entry);
    };
    const connection = new Http2Connection(
      'client',
      wire,
      {
        onRequest: () => {
          throw new Error('a server cannot open streams');
        },
        onGoAway: leave,
        onStreamEnd: () => {
          if (connection.streamCount === 0) entry.idle.rest();
          if (this.#waiting.length > 0) this.#serve();
        },
        onPong: (ms) => this.#options.signsOfLife?.onRoundTrip(ms),
        onLimit: this.#options.onLimit,
        onFailed: leave,
      },
      decodeLatin1,
      { ...DEFAULT_CONNECTION_OPTIONS, keepCase, nowMs, windowBudget },
    );
    const entry: Http2Entry = {
      connection,
      idle: new IdleTimer(idleMs, () => connection.shutdown()),
      requests: 0,
      expiry: expiryOf(this.#options.bounds, () => this.#leave(entry)),
    };
    this.#open.push(entry);
    const { bounds } = this.#options;
    const unwatch = this.#watch(connection, wire);
    wire.attach(
      http2Owner(connection, wire, () => {
        unwatch();
        leave();
        bounds.connections--;
        onClosed(wire.readOctets, wire.writtenOctets);
        if (this.#waiting.length > 0) this.#serve();
      }),
    );
    return entry;
  }

  /** @returns how to end that */
  #watch(connection: Http2Connection, wire: SocketWire): () => void {
    const { signsOfLife } = this.#options;
    if (!signsOfLife) return () => {};
    const onDead = () => {
      signsOfLife.onDead();
      connection.onClosed(CANCEL);
      wire.destroy();
    };
    return new ServerWatch(connection, wire, { ...signsOfLife, onDead }).start();
  }
}

interface Http2Entry {
  readonly connection: Http2Connection;
  readonly idle: IdleTimer;
  requests: number;
  readonly expiry: NodeJS.Timeout | undefined;
}

/** HTTP/1: one exchange a connection; idle ones are used again, the freshest first. */
export class Http1Pool implements HttpPool {
  readonly #options: PoolOptions;
  #idle: Http1Entry[] = [];
  /** Of this pool, open or being opened. */
  #connections = 0;
  /** Those for whom no connection may be opened. */
  #waiting: Waiter[] = [];
  #ended = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get isFree(): boolean {
    return this.#idle.length > 0;
  }

  acquire(waiter: Waiter): void {
    if (this.#ended) return waiter.onUnavailable(gone());
    for (let entry = this.#idle.pop(); entry; entry = this.#idle.pop()) {
      entry.idle.wake();
      if (entry.connection.isIdle) return this.#give(waiter, entry);
    }
    if (mayConnect(this.#options.bounds, this.#connections)) this.#connect(waiter);
    else this.#waiting.push(waiter);
  }

  #connect(waiter: Waiter): void {
    this.#connections++;
    connect(this.#options, (error, socket) => {
      if (error) {
        this.#connections--;
        if (!waiter.cancelled) waiter.onUnavailable(error);
        this.#serve();
        return;
      }
      const entry = this.#adopt(socket);
      if (waiter.cancelled) this.#rest(entry);
      else this.#give(waiter, entry);
    });
  }

  #give(waiter: Waiter, entry: Http1Entry): void {
    entry.requests++;
    waiter.onStream(entry.connection.open(waiter.listener));
  }

  #nextWaiter(): Waiter | null {
    for (let waiter = this.#waiting.shift(); waiter; waiter = this.#waiting.shift())
      if (!waiter.cancelled) return waiter;
    return null;
  }

  /** A connection has gone: another may be opened. */
  #serve(): void {
    if (this.#waiting.length === 0 || !mayConnect(this.#options.bounds, this.#connections)) return;
    const waiter = this.#nextWaiter();
    if (waiter) this.#connect(waiter);
  }

  shutdown(): void {
    this.#ended = true;
    for (const { connection } of this.#idle.splice(0)) connection.end();
    failAll(this.#waiting.splice(0), gone());
  }

  #adopt(socket: Socket): Http1Entry {
    const wire = new SocketWire(socket);
    const connection: Http1Connection = new Http1Connection(
      wire,
      { onIdle: () => this.#rest(entry), onEnding: () => this.#forget(entry) },
      decodeLatin1,
    );
    const { bounds } = this.#options;
    const entry: Http1Entry = {
      connection,
      idle: new IdleTimer(this.#options.idleMs, () => connection.end()),
      requests: 0,
      isExpired: false,
      expiry: expiryOf(bounds, () => this.#expire(entry)),
    };
    wire.attach({
      receive: (bytes, start, end) => connection.receive(bytes, start, end),
      onEnd: () => connection.onEnd(),
      onWritable: () => connection.onWritable(),
      onClosed: () => {
        connection.onClosed();
        clearTimeout(entry.expiry);
        this.#connections--;
        bounds.connections--;
        this.#options.onClosed(wire.readOctets, wire.writtenOctets);
        this.#serve();
      },
    });
    return entry;
  }

  #rest(entry: Http1Entry): void {
    const { maxRequestsPerConnection = 0 } = this.#options.bounds.limits;
    const isSpent = maxRequestsPerConnection > 0 && entry.requests >= maxRequestsPerConnection;
    if (this.#ended || isSpent || entry.isExpired) return entry.connection.end();
    const waiter = this.#waiting.length > 0 ? this.#nextWaiter() : null;
    if (waiter) return this.#give(waiter, entry);
    entry.idle.rest();
    this.#idle.push(entry);
  }

  /** It has lived long enough: at once where it is idle, else after its exchange. */
  #expire(entry: Http1Entry): void {
    entry.isExpired = true;
    if (!entry.connection.isIdle) return;
    this.#forget(entry);
    entry.connection.end();
  }

  #forget(entry: Http1Entry): void {
    entry.idle.stop();
    const at = this.#idle.indexOf(entry);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

interface Http1Entry {
  readonly connection: Http1Connection;
  readonly idle: IdleTimer;
  requests: number;
  isExpired: boolean;
  readonly expiry: NodeJS.Timeout | undefined;
}

/** Every pool may have one connection, however small the bound is. @param own connections of this pool */
function mayConnect({ limits, connections }: PoolBounds, own: number): boolean {
  return own === 0 || connections < (limits.maxConnections ?? Number.POSITIVE_INFINITY);
}

function expiryOf({ limits }: PoolBounds, expire: () => void): NodeJS.Timeout | undefined {
  return limits.maxConnectionMs ? setTimeout(expire, limits.maxConnectionMs).unref() : undefined;
}

function connect(options: PoolOptions, done: (error: ConnectError | null, socket: Socket) => void): void {
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
    enterTurn();
    if (!error) options.onOpened();
    else bounds.connections--;
    done(error, socket);
    leaveTurn();
  });
}

function gone(): ConnectError {
  return new ConnectError('connect_failed', 'destination knows it no more');
}

function failAll(waiters: readonly Waiter[], error: ConnectError): void {
  for (const waiter of waiters) if (!waiter.cancelled) waiter.onUnavailable(error);
}
