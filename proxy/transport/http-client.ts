import type { Socket } from 'node:net';

import type { ClientStream, StreamListener } from '../http.ts';
import { ClientConnection as Http1Connection } from '../http1/client-connection.ts';
import { DEFAULT_CONNECTION_OPTIONS, Connection as Http2Connection } from '../http2/connection.ts';
import { CANCEL } from '../http2/wire-vocabulary.ts';
import { deadlines, type KeepAlive, watchServer } from './deadline-sweep.ts';
import { type ConnectError, whenConnected } from './dialer.ts';
import { type HttpLimit, http2Owner, nowMs } from './http-server.ts';
import { IdleTimer } from './idle-timer.ts';
import { decodeLatin1 } from './latin1.ts';
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
  /** HTTP/2: asks a silent server for a sign of life; null: never. */
  readonly keepAlive: KeepAlive | null;
  /** An answer to a keep-alive PING took so many milliseconds. */
  readonly onRoundTrip: (ms: number) => void;
}

/** Connections to one server; hands out streams. */
export interface HttpPool {
  acquire(waiter: Waiter): void;
  /** Streams under way go on; connections close when they are done. */
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

  acquire(waiter: Waiter): void {
    const free = this.#waiting.length === 0 ? this.#withRoom() : null;
    if (free) return give(waiter, free);
    this.#waiting.push(waiter);
    this.#serve();
  }

  shutdown(): void {
    this.#ended = true;
    for (const { connection } of this.#open) connection.shutdown();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#waiting[0]!.cancelled) {
        this.#waiting.shift();
        continue;
      }
      const free = this.#withRoom();
      if (!free) return this.#connect();
      give(this.#waiting.shift()!, free);
    }
  }

  #withRoom(): Http2Entry | null {
    for (let i = 0; i < this.#open.length; i++) if (this.#open[i]!.connection.hasRoom) return this.#open[i]!;
    return null;
  }

  #connect(): void {
    if (this.#connecting) return;
    this.#connecting = true;
    connect(this.#options, (error, socket) => {
      this.#connecting = false;
      if (error) return failAll(this.#waiting.splice(0), error);
      this.#adopt(socket);
      this.#serve();
    });
  }

  #adopt(socket: Socket): void {
    const { keepCase, idleMs, prologue, onClosed } = this.#options;
    const wire = new SocketWire(socket);
    wire.write(prologue);
    const leave = () => {
      entry.idle.stop();
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
        onPong: this.#options.onRoundTrip,
        onLimit: this.#options.onLimit,
        onFailed: leave,
      },
      decodeLatin1,
      { ...DEFAULT_CONNECTION_OPTIONS, keepCase, nowMs, windowBudget },
    );
    const entry = { connection, idle: new IdleTimer(idleMs, () => connection.shutdown()) };
    this.#open.push(entry);
    const { keepAlive } = this.#options;
    const onDead = () => {
      connection.onClosed(CANCEL);
      wire.destroy();
    };
    const unwatch = keepAlive
      ? deadlines.add(watchServer(connection, wire, keepAlive, onDead), keepAlive.quietMs)
      : () => {};
    wire.attach(
      http2Owner(connection, wire, () => {
        unwatch();
        leave();
        onClosed(wire.readOctets, wire.writtenOctets);
        if (this.#waiting.length > 0) this.#serve();
      }),
    );
    if (this.#ended) connection.shutdown();
  }
}

interface Http2Entry {
  readonly connection: Http2Connection;
  readonly idle: IdleTimer;
}

/** HTTP/1: one exchange a connection; idle ones are used again, the freshest first. */
export class Http1Pool implements HttpPool {
  readonly #options: PoolOptions;
  #idle: Http1Entry[] = [];
  #ended = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  acquire(waiter: Waiter): void {
    for (let entry = this.#idle.pop(); entry; entry = this.#idle.pop()) {
      entry.idle.wake();
      const { connection } = entry;
      if (connection.isIdle) return waiter.onStream(connection.open(waiter.listener));
    }
    connect(this.#options, (error, socket) => {
      if (error) {
        if (!waiter.cancelled) waiter.onUnavailable(error);
        return;
      }
      const entry = this.#adopt(socket);
      const { connection } = entry;
      if (waiter.cancelled) this.#rest(entry);
      else waiter.onStream(connection.open(waiter.listener));
    });
  }

  shutdown(): void {
    this.#ended = true;
    for (const { connection } of this.#idle.splice(0)) connection.end();
  }

  #adopt(socket: Socket): Http1Entry {
    const wire = new SocketWire(socket);
    const connection: Http1Connection = new Http1Connection(
      wire,
      { onIdle: () => this.#rest(entry), onEnding: () => this.#forget(entry) },
      decodeLatin1,
    );
    const entry = { connection, idle: new IdleTimer(this.#options.idleMs, () => connection.end()) };
    wire.attach({
      receive: (bytes, start, end) => connection.receive(bytes, start, end),
      onEnd: () => connection.onEnd(),
      onWritable: () => connection.onWritable(),
      onClosed: () => {
        connection.onClosed();
        this.#options.onClosed(wire.readOctets, wire.writtenOctets);
      },
    });
    return entry;
  }

  #rest(entry: Http1Entry): void {
    if (this.#ended) return entry.connection.end();
    entry.idle.rest();
    this.#idle.push(entry);
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
}

function give(waiter: Waiter, { connection, idle }: Http2Entry): void {
  idle.wake();
  waiter.onStream(connection.open(waiter.listener));
}

function connect(options: PoolOptions, done: (error: ConnectError | null, socket: Socket) => void): void {
  let socket: Socket;
  try {
    socket = options.dial();
  } catch (error) {
    // Refused before it began: no valid certificate. Told later, as any other failure is.
    return queueMicrotask(() => done(error as ConnectError, null as never));
  }
  whenConnected(socket, options.connected, options.connectTimeoutMs, (error) => {
    enterTurn();
    if (!error) options.onOpened();
    done(error, socket);
    leaveTurn();
  });
}

function failAll(waiters: readonly Waiter[], error: ConnectError): void {
  for (const waiter of waiters) if (!waiter.cancelled) waiter.onUnavailable(error);
}
