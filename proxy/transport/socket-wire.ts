import type { Socket } from 'node:net';

import { hearLastWords } from './last-words.ts';
import { readIntoStaticBuffer } from './native-handle.ts';
import { SLAB_BYTES, slabs } from './slab-pool.ts';
import { resetConnection } from './tcp-reset.ts';
import { enterRead, enterTurn, leaveRead, leaveTurn, touch } from './turn.ts';
import { windowBudget } from './window-budget.ts';

/** What a connection hears from its socket. */
export interface WireOwner {
  /** `bytes[start, end)` is valid only during the call. */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** The peer ended its direction. */
  onEnd(): void;
  /** Octets can be written again after `blocked`. */
  onWritable(): void;
  /** The socket is gone; nothing is called after it. */
  onClosed(error: Error | null): void;
}

/**
 * A socket as the engines see it: a slab to write into, one write per turn, back-pressure.
 *
 * Plain and TLS sockets alike. Exactly one write a turn matters most on TLS, where a second one costs 1.28 to 1.41 times
 * the CPU (Node reports a TLS write as done only in the next turn of the loop).
 */
export class SocketWire {
  readonly socket: Socket;
  #owner: WireOwner | null = null;
  bytes: Buffer = NONE;
  end = 0;
  /** Slabs filled in this turn before the current one. */
  #full: Buffer[] = [];
  #touched = false;
  #closing = false;
  #finishing = false;
  #destroyed = false;
  #wasBlocked = false;
  #paused = false;
  /** Octets that the engine above holds for this connection. */
  #held = 0;
  /** Octets read and written since the connection began. */
  readOctets = 0;
  writtenOctets = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Begins to read. The owner hears everything from here on. */
  attach(owner: WireOwner): void {
    this.#owner = owner;
    const { socket } = this;
    hearLastWords(socket, () => this.readOctets);
    const onRead = (octets: number, bytes: Buffer) => {
      this.readOctets += octets;
      enterRead();
      owner.receive(bytes, 0, octets);
      leaveRead();
    };
    socket.on('end', () => {
      enterTurn();
      owner.onEnd();
      leaveTurn();
    });
    let failure: Error | null = null;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      this.#destroyed = true;
      this.#release();
      enterTurn();
      owner.onClosed(failure);
      leaveTurn();
      this.hold(-this.#held);
    });
    // Not at once: whoever attaches an owner is not done with it.
    process.nextTick(() => {
      if (socket.readableEnded) {
        // Whoever looked at the socket before has met its end, which is not told twice.
        enterTurn();
        owner.onEnd();
        return leaveTurn();
      }
      if (!readIntoStaticBuffer(socket, onRead))
        return socket.on('data', (chunk: Buffer) => onRead(chunk.length, chunk));
      // What a peek has put back comes first.
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read())
        onRead(chunk.length, chunk);
      if (this.#paused) socket.pause();
      else socket.resume();
    });
  }

  /** Makes `bytes[end, end + octets)` writable; `octets` is at most 20,000. */
  reserve(octets: number): void {
    if (this.end + octets <= this.bytes.length) return;
    if (this.end > 0) this.#full.push(this.bytes.subarray(0, this.end) as Buffer);
    this.bytes = slabs.borrow();
    this.end = 0;
  }

  /** Copies `bytes[start, end)` to `this.bytes[at, …)`. Unlike `set` this needs no view, which would be 104 octets a frame. */
  copy(bytes: Uint8Array, start: number, end: number, at: number): void {
    copyOctets.call(bytes, this.bytes, at, start, end);
  }

  /** Writes a few octets (at most 20,000). */
  write(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.reserve(octets.length);
    this.bytes.set(octets, this.end);
    this.end += octets.length;
    this.touch();
  }

  /** Copies `bytes[start, end)`, as many as they are, to be sent at the end of this turn. */
  append(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.end === this.bytes.length) this.reserve(1);
      const next = Math.min(end, at + this.bytes.length - this.end);
      this.copy(bytes, at, next, this.end);
      this.end += next - at;
      at = next;
    }
    this.touch();
  }

  /** The socket holds more unsent octets than it should. */
  get blocked(): boolean {
    const unsent = this.socket.writableLength + this.#full.length * SLAB_BYTES + this.end;
    if (unsent < MAX_UNSENT) return false;
    this.#wasBlocked = true;
    return true;
  }

  /** The engine above holds so many octets more (below 0: fewer) until window or wire take them. */
  hold(octets: number): void {
    this.#held += octets;
    windowBudget.held += octets;
  }

  /** Octets were written: they are sent at the end of this turn. */
  touch(): void {
    if (this.#touched) return;
    this.#touched = true;
    touch(this);
  }

  /** Sends what was written, then ends our direction; the socket goes away when the peer has ended its own, or soon. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.touch();
  }

  /** Sends what was written, then ends our direction; the other one goes on. */
  finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.touch();
  }

  /** Drops the connection at once, as a reset. */
  reset(): void {
    this.destroy(true);
  }

  /** Drops the connection at once. @param reset send RST rather than FIN, as the other side did */
  destroy(reset = false): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    if (reset) resetConnection(this.socket);
    else this.socket.destroy();
  }

  /** Stops reading from the peer, so that the kernel's window holds it back. */
  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
  }

  /** One write (or one gathered write) of everything since the last flush. Called at the end of a turn. */
  flush(): void {
    this.#touched = false;
    if (this.#destroyed) return this.#release();
    const { socket } = this;
    const full = this.#full;
    const last = this.bytes;
    const lastEnd = this.end;
    this.#full = NO_SLABS;
    this.bytes = NONE;
    this.end = 0;
    if (lastEnd > 0 || full.length > 0) {
      if (full.length > 0) {
        this.#full = [];
        socket.cork();
        for (const slab of full) {
          this.writtenOctets += slab.length;
          socket.write(slab, () => slabs.give(wholeSlab(slab)));
        }
      }
      if (lastEnd > 0) {
        this.writtenOctets += lastEnd;
        socket.write(last.subarray(0, lastEnd), () => this.#written(last));
      }
      if (full.length > 0) socket.uncork();
    } else if (last.length > 0) slabs.give(last);
    if (this.#full === NO_SLABS) this.#full = [];
    if (this.#finishing && !socket.writableEnded) socket.end();
    if (this.#closing && !socket.writableEnded) {
      socket.end();
      this.#linger(LINGER_LONGEST_MS);
      this.resume();
    }
  }

  /**
   * Waits until the peer ends its own direction, too. One that is still sending is listened to for a while, because it
   * reads what it was told when it is done; gone before that, it would lose it to a reset. @param leftMs how long at most
   */
  #linger(leftMs: number): void {
    const { readOctets } = this;
    const timer = setTimeout(() => {
      if (this.readOctets === readOctets || leftMs <= LINGER_MS) this.destroy();
      else this.#linger(leftMs - LINGER_MS);
    }, LINGER_MS).unref();
    this.socket.once('close', () => clearTimeout(timer));
  }

  #written(slab: Buffer): void {
    slabs.give(slab);
    if (!this.#wasBlocked || this.blocked) return;
    this.#wasBlocked = false;
    enterTurn();
    this.#owner?.onWritable();
    leaveTurn();
  }

  #release(): void {
    if (this.bytes.length > 0) slabs.give(this.bytes);
    for (const slab of this.#full) slabs.give(wholeSlab(slab));
    this.bytes = NONE;
    this.end = 0;
    this.#full = [];
  }
}

/** Above this many unsent octets a connection holds DATA back: four slabs keep a fast socket busy. */
const MAX_UNSENT = 4 * SLAB_BYTES;

/** How long a closing connection waits for its peer to end too, where it is silent, and where it is not. As nginx. */
const LINGER_MS = 5000;
const LINGER_LONGEST_MS = 30_000;

const NONE = Buffer.alloc(0);
const copyOctets = Buffer.prototype.copy;
const NO_SLABS: Buffer[] = [];

function wholeSlab(view: Buffer): Buffer {
  return Buffer.from(view.buffer as ArrayBuffer, 0, SLAB_BYTES);
}
