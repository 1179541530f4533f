import type { IncomingMessage, ServerResponse } from 'node:http';

import { FairShare } from '../../core/program/fair-share.ts';

/**
 * Large bodies of reviews: a few are read at a time, which clients share fairly. The rest wait unread, in the kernel, where
 * they cost us nothing, for as long as a body may take.
 */
export class LargeBodies {
  readonly #places = new FairShare(LARGE_AT_ONCE, Infinity);
  /** Tries again to get a place; in the order in which they came. */
  readonly #waiting = new Set<() => void>();
  readonly #onExceeded: () => void;

  /** @param onExceeded called for each body that is cut off for another's sake */
  constructor(onExceeded: () => void) {
    this.#onExceeded = onExceeded;
  }

  /** Resolves when the body may be read, never where its client goes before. It has its place until its answer is over. */
  admit({ headers, socket }: IncomingMessage, response: ServerResponse): Promise<void> {
    const isLarge = headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > LARGE_OCTETS;
    if (!isLarge) return Promise.resolve();
    const holder = {
      address: socket.remoteAddress ?? '',
      evict: () => {
        this.#onExceeded();
        socket.destroy();
      },
    };
    return new Promise((resolve) => {
      const enter = () => {
        if (!this.#places.enter(holder, performance.now())) return;
        this.#waiting.delete(enter);
        resolve();
      };
      this.#waiting.add(enter);
      response.once('close', () => {
        this.#waiting.delete(enter);
        this.#places.leave(holder);
        for (const next of this.#waiting) next();
      });
      enter();
    });
  }
}

/** Ordinary reviews have a few thousand octets; so many of each connection fit 32 MiB. */
const LARGE_OCTETS = 64 * 1024;
/** What 3 MiB of JSON become takes up to 43 MiB, and 0.15 s, in which others wait; more than one, so that a slow one holds up none. */
export const LARGE_AT_ONCE = 2;
