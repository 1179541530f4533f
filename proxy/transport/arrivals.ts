import type { Socket } from 'node:net';

import { FairShare } from '../../core/program/fair-share.ts';
import { resetConnection } from './tcp-reset.ts';

/**
 * The connections of an inbound listener, which addresses share fairly (see `FairShare`). Until it is known what one
 * carries it may be ended for another's sake; such ones have a smaller bound of their own, because octets of theirs are held.
 */
export class Arrivals {
  readonly #all: FairShare;
  readonly #opening = new FairShare(MOST_OPENING);
  readonly #onRefused: () => void;

  /** @param most connections at once @param onRefused called for each that is refused or ended */
  constructor(most: number, onRefused: () => void) {
    this.#all = new FairShare(most);
    this.#onRefused = onRefused;
  }

  /** @returns how to say that it is known what the connection carries; null: there was no place, and it is closed */
  take(socket: Socket): (() => void) | null {
    const refuse = () => {
      this.#onRefused();
      resetConnection(socket);
    };
    const arrival = { address: socket.remoteAddress ?? '', evict: refuse };
    const nowMs = performance.now();
    if (!this.#all.enter(arrival, nowMs)) return this.#refused(refuse);
    if (!this.#opening.enter(arrival, nowMs)) {
      this.#all.leave(arrival);
      return this.#refused(refuse);
    }
    socket.once('close', () => {
      this.#opening.leave(arrival);
      this.#all.leave(arrival);
    });
    return () => {
      this.#opening.leave(arrival);
      this.#all.keep(arrival);
    };
  }

  #refused(refuse: () => void): null {
    refuse();
    return null;
  }
}

/** Each holds up to 23 KiB, a ClientHello of 16 among them: 46 MiB in all. */
export const MOST_OPENING = 2048;
