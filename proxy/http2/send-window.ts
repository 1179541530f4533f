import { type FloodGuard, WORTH_OF_DATA } from './flood-guard.ts';
import { writeData } from './frame-writer.ts';
import type { Wire } from './message.ts';
import { DEFAULT_MAX_FRAME_SIZE, DEFAULT_WINDOW } from './wire-vocabulary.ts';

/** A stream, as far as its body goes. */
interface SendingStream {
  readonly id: number;
  /** Octets that may be sent on it, before the connection's own window; 0 and less: none. */
  sendWindow: number;
  /** In the list of those that wait. Of the send window. */
  waiting: boolean;
  readonly closed: boolean;
  /** Sends what may leave; false: something is left. */
  pump(): boolean;
}

/**
 * What we may send on all streams of a connection, and the streams that wait for it, for a window of their own, or for the
 * wire. They are served in turn.
 *
 * Spec: RFC 9113 section 6.9.
 */
export class SendWindow {
  readonly #wire: Wire;
  readonly #guard: FloodGuard;
  /** Octets. */
  octets = DEFAULT_WINDOW;
  #waiting: SendingStream[] = [];

  /** @param guard earns with what was sent */
  constructor(wire: Wire, guard: FloodGuard) {
    this.#wire = wire;
    this.#guard = guard;
  }

  /** Something may leave now, as far as the connection goes. */
  get isOpen(): boolean {
    return this.octets > 0 && !this.#wire.blocked;
  }

  /** Writes as much of a stream's body as windows and wire allow, in DATA frames. @returns octets written */
  write(stream: SendingStream, bytes: Uint8Array, start: number, end: number, last: boolean): number {
    let at = start;
    while (at < end && this.isOpen && stream.sendWindow > 0) {
      // No peer may take smaller frames than these (section 4.2).
      const next = Math.min(end, at + Math.min(stream.sendWindow, this.octets, DEFAULT_MAX_FRAME_SIZE));
      writeData(this.#wire, stream.id, bytes, at, next, last && next === end);
      stream.sendWindow -= next - at;
      this.octets -= next - at;
      // A window of a few octets makes many frames of little: only what was not cut short is progress.
      if (next === end || next - at >= SHORT_FRAME) this.#guard.earn(WORTH_OF_DATA);
      at = next;
    }
    if (at > start) this.#wire.touch();
    return at - start;
  }

  /** Streams that wait. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** The stream has octets queued. */
  wait(stream: SendingStream): void {
    if (stream.waiting) return;
    stream.waiting = true;
    this.#waiting.push(stream);
  }

  /** A stream is over. Not kept among those that wait: a connection without window would gather them. */
  forget(stream: SendingStream): void {
    if (stream.waiting) this.#waiting = this.#waiting.filter((each) => each !== stream);
  }

  /** Serves the waiting streams in turn: one that the window or the wire cut short comes last next time. */
  pump(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || !this.isOpen) return;
    this.#waiting = [];
    let at = 0;
    for (; at < waiting.length && this.isOpen; at++) {
      const stream = waiting[at]!;
      stream.waiting = false;
      if (!stream.closed && !stream.pump()) this.wait(stream);
    }
    if (at === waiting.length) return;
    const cutShort = this.#waiting;
    this.#waiting = waiting.slice(at).filter((stream) => !stream.closed);
    for (const stream of cutShort) this.#waiting.push(stream);
  }
}

/** Octets below which a DATA frame that the peer's window cut short is no progress. */
const SHORT_FRAME = 1024;
