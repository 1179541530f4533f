import type { Connection as Http2Connection } from '../http2/connection.ts';
import { DeadlineSweep, type Watched } from './deadline-sweep.ts';
import type { SocketWire } from './socket-wire.ts';
import type { Stillness } from './stillness.ts';

/** Connections that are watched: they are fewer than those that the process serves, and looked at more often. */
const servers = new DeadlineSweep();

/** When a server that is silent while requests are open is asked for a sign of life, and given up. Milliseconds. */
export interface KeepAlive {
  readonly quietMs: number;
  readonly answerMs: number;
}

/** linkerd2-proxy's. A proxy answers within a round trip, whatever its application does. */
export const DEFAULT_KEEP_ALIVE: KeepAlive = { quietMs: 10_000, answerMs: 3000 };

/** A silent server is asked for the first time after this long, milliseconds, and doubted where it takes as long to answer. */
const DOUBT_MS = 1000;
/** Octets of the answer to a PING (RFC 9113, 6.7). */
const PONG_OCTETS = 17;

/** How a server is watched, and who wants to know how it is. */
export interface SignsOfLife {
  readonly keepAlive: KeepAlive;
  /** True: it does not even answer a PING. False: it is heard again. */
  onSilence(isSilent: boolean): void;
  /** Nothing came in the time that it was given: the server, or the way to it, is gone. */
  onDead(): void;
  /** It answered a PING after so many milliseconds. */
  onRoundTrip(ms: number): void;
}

/**
 * Watches a client's connection of HTTP/2. Any octet is a sign of life, so that a busy connection is never asked; nor is
 * one without requests, whose end nobody waits for. A server that is slow, and answers PINGs, is asked half as often each
 * time.
 */
export class ServerWatch implements Watched {
  readonly #connection: Http2Connection;
  readonly #wire: SocketWire;
  readonly #signs: SignsOfLife;
  /** Octets read, and the time, when it was asked last; -1: never. */
  #askedAt = -1;
  #askedMs = 0;
  #askAfterMs: number;
  #isSilent = false;

  constructor(connection: Http2Connection, wire: SocketWire, signs: SignsOfLife) {
    this.#connection = connection;
    this.#wire = wire;
    this.#signs = signs;
    this.#askAfterMs = this.#firstMs;
  }

  look(stillness: Stillness): void {
    const { streamCount, failed } = this.#connection;
    const { readOctets } = this.#wire;
    if (readOctets !== this.#askedAt) this.#setSilent(false);
    if ((streamCount === 0 && !this.#isSilent) || failed) return;
    const stillMs = stillness.of(this.#connection, 'quiet', readOctets);
    if (stillMs < this.#firstMs) return;
    if (readOctets !== this.#askedAt) return this.#ask(stillMs, readOctets);
    // By the time since it was asked: we may have been stopped ourselves.
    const waitedMs = performance.now() - this.#askedMs;
    const { quietMs, answerMs } = this.#signs.keepAlive;
    if (waitedMs >= Math.min(DOUBT_MS, answerMs)) this.#setSilent(true);
    if (stillMs >= quietMs + answerMs && waitedMs >= answerMs) this.#signs.onDead();
  }

  /** @returns how to end that, when the connection has closed */
  start(): () => void {
    const forget = servers.add(this, 2 * this.#firstMs);
    return () => {
      forget();
      this.#setSilent(false);
    };
  }

  get #firstMs(): number {
    return Math.min(DOUBT_MS, this.#signs.keepAlive.quietMs);
  }

  #ask(stillMs: number, readOctets: number): void {
    if (readOctets - this.#askedAt > PONG_OCTETS) this.#askAfterMs = this.#firstMs;
    if (stillMs < this.#askAfterMs) return;
    this.#askAfterMs = Math.min(this.#askAfterMs * 2, this.#signs.keepAlive.quietMs);
    this.#askedAt = readOctets;
    this.#askedMs = performance.now();
    this.#connection.ping();
  }

  #setSilent(isSilent: boolean): void {
    if (isSilent === this.#isSilent) return;
    this.#isSilent = isSilent;
    this.#signs.onSilence(isSilent);
  }
}
