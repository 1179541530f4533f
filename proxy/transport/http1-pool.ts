import type { Socket } from 'node:net';

import { ClientConnection as Http1Connection } from '../http1/client-connection.ts';
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
import { IdleTimer } from './idle-timer.ts';
import { decodeLatin1 } from './latin1.ts';
import { SocketWire } from './socket-wire.ts';
import { afterReads } from './turn.ts';

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
      const { connection, idle } = entry;
      // Its server may have ended it by now, for the same reason.
      if (idle.isOverdue) connection.end();
      idle.wake();
      if (!connection.isIdle) continue;
      if (performance.now() - entry.givenMs < DOUBTED_AFTER_MS) return this.#give(waiter, entry);
      return afterReads(() => this.#giveHeard(waiter, entry));
    }
    if (mayConnect(this.#options.bounds, this.#connections)) this.#connect(waiter);
    else this.#waiting.push(waiter);
  }

  /** What its server has said is read: that may have been its end. */
  #giveHeard(waiter: Waiter, entry: Http1Entry): void {
    if (!entry.connection.isIdle) {
      if (!waiter.cancelled) this.acquire(waiter);
    } else if (waiter.cancelled || this.#ended) {
      this.#rest(entry);
      if (!waiter.cancelled) waiter.onUnavailable(gone());
    } else this.#give(waiter, entry);
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
    entry.givenMs = performance.now();
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
      givenMs: 0,
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
  /** When it was last given to somebody, monotonic milliseconds. */
  givenMs: number;
  isExpired: boolean;
  readonly expiry: NodeJS.Timeout | undefined;
}
