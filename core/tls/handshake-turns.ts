import type { Socket } from 'node:net';

/**
 * When the handshakes of a server begin: one in a turn of the event loop, and addresses take turns.
 *
 * A handshake takes a millisecond of ours, so a thousand that come at once would keep whoever has his connection already
 * waiting for a second. So the loop serves everybody between two of them, and a client that comes alone does not wait for
 * those of another address. A turn also accepts one connection of each descriptor and no more (libuv 1.45), so while there is
 * other work half of the time is left to it; otherwise those whom no handshake keeps waiting would wait to be accepted. Where
 * there is none, the next handshake begins at once.
 *
 * Source: fair queueing, Nagle, RFC 970.
 */
export class HandshakeTurns {
  /** Sockets that wait, by the address of the client; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** The loop has not come round since one began. */
  #isTaken = false;
  /** When the last began, and when the loop came round last, monotonic milliseconds. */
  #begunMs = 0;
  #turnMs = 0;
  readonly #loop: Loop;

  constructor(loop: Loop = EVENT_LOOP) {
    this.#loop = loop;
  }

  /** Resolves when the handshake may begin; for one whose socket has closed at the latest when its turn would have come. */
  next(socket: Socket): Promise<void> {
    if (!this.#isTaken) {
      this.#take();
      return Promise.resolve();
    }
    const address = socket.remoteAddress ?? '';
    return new Promise((begin) => {
      const queue = this.#waiting.get(address);
      if (queue) queue.push({ socket, begin });
      else this.#waiting.set(address, [{ socket, begin }]);
    });
  }

  #take(): void {
    this.#isTaken = true;
    this.#begunMs = this.#loop.now();
    this.#turnMs = 0;
    this.#loop.nextTurn(() => this.#advance());
  }

  #advance(): void {
    const nowMs = this.#loop.now();
    const hasOtherWork = this.#turnMs === 0 || nowMs - this.#turnMs > EMPTY_TURN_MS;
    this.#turnMs = nowMs;
    if (this.#waiting.size > 0 && hasOtherWork && nowMs - this.#begunMs < 2 * HANDSHAKE_MS) {
      this.#loop.nextTurn(() => this.#advance());
      return;
    }
    this.#isTaken = false;
    for (const [address, queue] of this.#waiting) {
      this.#waiting.delete(address);
      const next = firstOpen(queue);
      if (queue.length > 0) this.#waiting.set(address, queue);
      if (!next) continue;
      this.#take();
      return next.begin();
    }
  }
}

/** The event loop, as far as it matters here. */
export interface Loop {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back once the loop has come round. */
  nextTurn(callback: () => void): void;
}

const EVENT_LOOP: Loop = { now: () => performance.now(), nextTurn: (callback) => void setImmediate(callback) };

interface Waiting {
  readonly socket: Socket;
  readonly begin: () => void;
}

/** Takes out the first whose socket is open, and those before it, whose wait is over as well. */
function firstOpen(queue: Waiting[]): Waiting | null {
  for (;;) {
    const next = queue.shift();
    if (!next) return null;
    if (!next.socket.destroyed) return next;
    next.begin();
  }
}

/** What a handshake takes of the loop's time. */
const HANDSHAKE_MS = 1;
/** A turn in which nothing was read and nobody accepted is over sooner. */
const EMPTY_TURN_MS = 0.05;
