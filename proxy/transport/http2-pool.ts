import type { Socket } from 'node:net';

import { Connection as Http2Connection } from '../http2/connection.ts';
import { DEFAULT_CONNECTION_OPTIONS } from '../http2/connection-options.ts';
import { INTERNAL_ERROR } from '../http2/wire-vocabulary.ts';
import { ConnectError } from './dialer.ts';
import { nowMs } from './engine-clock.ts';
import {
  connect,
  DOUBTED_AFTER_MS,
  expiryOf,
  failAll,
  gone,
  type HttpPool,
  mayConnect,
  type PoolOptions,
  type Waiter,
} from './http-pool.ts';
import { http2Owner } from './http2-owner.ts';
import { IdleTimer } from './idle-timer.ts';
import { decodeLatin1 } from './latin1.ts';
import { ServerWatch } from './server-watch.ts';
import { SocketWire } from './socket-wire.ts';
import { afterReads } from './turn.ts';
import { windowBudget } from './window-budget.ts';

/**
 * HTTP/2: one connection until its stream limit asks for another.
 *
 * How many streams a server takes is not known before its SETTINGS come: the first waiter goes ahead, the others wait for them.
 */
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
    if (free && performance.now() - free.givenMs < DOUBTED_AFTER_MS) return this.#give(waiter, free);
    if (free) return afterReads(() => this.#join(waiter));
    this.#join(waiter);
  }

  #join(waiter: Waiter): void {
    if (waiter.cancelled) return;
    if (this.#ended) return waiter.onUnavailable(gone());
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

  /** There may be room soon on a connection that is being opened, or whose server has not said yet how much it takes. */
  get #isOpening(): boolean {
    return this.#connecting || this.#open.some(({ connection }) => !connection.isSettled && !connection.isEnding);
  }

  #withRoom(): Http2Entry | null {
    const { maxConcurrentStreams = Number.POSITIVE_INFINITY } = this.#options.bounds.limits;
    for (let i = 0; i < this.#open.length; i++) {
      const { connection, idle } = this.#open[i]!;
      if (connection.hasRoom && connection.streamCount < maxConcurrentStreams && !idle.isOverdue) return this.#open[i]!;
    }
    return null;
  }

  #give(waiter: Waiter, entry: Http2Entry): void {
    entry.idle.wake();
    const { maxRequestsPerConnection = 0 } = this.#options.bounds.limits;
    entry.requests++;
    entry.givenMs = performance.now();
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
    if (this.#ended || this.#isOpening || !mayConnect(this.#options.bounds, this.#open.length)) return;
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
        },
        onRoom: () => {
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
      givenMs: 0,
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
        if (!connection.isSettled) failAll(this.#waiting.splice(0), unsettled());
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
      connection.onClosed(INTERNAL_ERROR);
      wire.destroy();
    };
    return new ServerWatch(connection, wire, { ...signsOfLife, onDead }).start();
  }
}

interface Http2Entry {
  readonly connection: Http2Connection;
  readonly idle: IdleTimer;
  requests: number;
  /** When a stream of it was last given to somebody, monotonic milliseconds. */
  givenMs: number;
  readonly expiry: NodeJS.Timeout | undefined;
}

function unsettled(): ConnectError {
  return new ConnectError('connect_failed', 'the connection ended before the server had said anything');
}
