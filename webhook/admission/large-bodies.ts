import type { IncomingMessage, ServerResponse } from 'node:http';

import { FairShare } from '../../core/program/fair-share.ts';

/**
 * Large bodies of reviews: one is read at a time, and clients take turns. The rest wait unread, in the kernel, where they cost
 * us nothing, for as long as a body may take. One that does not come loses its place to another client's after a second.
 */
export class LargeBodies {
  readonly #places = new FairShare(LARGE_AT_ONCE, Infinity);
  /** Tries of those that wait to get a place, by the address of their client; whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<() => boolean>>();
  readonly #onExceeded: () => void;
  #retry: NodeJS.Timeout | null = null;

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
        if (!this.#places.enter(holder, performance.now())) return false;
        this.#forget(holder.address, enter);
        resolve();
        return true;
      };
      response.once('close', () => {
        this.#forget(holder.address, enter);
        this.#places.leave(holder);
        this.#tryAgain();
      });
      if (!enter()) this.#wait(holder.address, enter);
    });
  }

  #wait(address: string, enter: () => boolean): void {
    const queue = this.#waiting.get(address);
    if (queue) queue.add(enter);
    else this.#waiting.set(address, new Set([enter]));
    this.#retry ??= setInterval(() => this.#tryAgain(), RETRY_MS).unref();
  }

  /** One that waits no more; the next of its address has its turn after all others. */
  #forget(address: string, enter: () => boolean): void {
    const queue = this.#waiting.get(address);
    if (!queue?.delete(enter)) return;
    this.#waiting.delete(address);
    if (queue.size > 0) this.#waiting.set(address, queue);
  }

  #tryAgain(): void {
    for (const [enter] of [...this.#waiting.values()]) enter?.();
    if (this.#waiting.size > 0 || !this.#retry) return;
    clearInterval(this.#retry);
    this.#retry = null;
  }
}

/** Ordinary reviews have a few thousand octets; so many of each connection fit 32 MiB. */
const LARGE_OCTETS = 64 * 1024;
/** What 3 MiB of JSON become takes up to 43 MiB, and 0.15 s, in which others wait. */
export const LARGE_AT_ONCE = 1;
/** A place may be taken from who has had it for a second. */
const RETRY_MS = 250;
