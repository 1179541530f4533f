import { writeGoAway } from './frame-writer.ts';
import type { Wire } from './message.ts';
import type { Pings } from './pings.ts';
import { MAX_WINDOW, NO_ERROR } from './wire-vocabulary.ts';

/**
 * How a connection comes to an end by GOAWAY, of either side.
 *
 *     open ──drain──▶ draining ──answer to PING──▶ last told ──last stream ends──▶ closed
 *
 * The drain has two steps (RFC 9113 section 6.8): the peer learns first that it should open no more streams, and after its
 * round trip which ones were taken.
 */
export class GoingAway {
  readonly #wire: Wire;
  /** The peer sent one. */
  received = false;
  /** We have told our last stream. */
  sent = false;
  /** The connection ends gently, by our wish. */
  isDraining = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** No more streams can be opened, ever. */
  get isEnding(): boolean {
    return this.received || this.sent;
  }

  /** Tells the peer the last stream that was taken, and why the connection ends. */
  send(code: number, lastStreamId: number): void {
    this.sent = true;
    writeGoAway(this.#wire, lastStreamId, code);
    this.#wire.touch();
  }

  /** Begins the drain: a client tells at once that it took no stream, a server when the answer to its PING comes. */
  drain(pings: Pings, isClient: boolean): void {
    this.isDraining = true;
    if (isClient) return this.send(NO_ERROR, 0);
    writeGoAway(this.#wire, MAX_WINDOW, NO_ERROR);
    pings.send('drain');
  }
}
