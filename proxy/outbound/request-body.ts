import type { ClientStream, Fields, ServerStream } from '../http.ts';

/** What a body goes to: an attempt. */
export interface BodySink {
  /** null: it has none yet, and what comes is held. */
  readonly stream: Pick<ClientStream, 'sendData' | 'sendTrailers'> | null;
  /** Trailers as its endpoint is to get them. */
  fieldsFor(fields: Fields): Fields;
}

/** What gets a copy of it: a mirror. */
export interface BodyMirror {
  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  sendTrailers(fields: Fields): void;
  cancel(): void;
}

/**
 * The body of a request on its way from the application to an attempt and to mirrors; its beginning is kept so that it can
 * be sent, or sent again.
 *
 * Keeps at most `limit` octets; a longer body is let go of and can no longer be sent again. Until an endpoint takes the
 * request, flow control keeps the sender within one stream window, which is less.
 *
 * Octets are granted to the sender once, when an attempt has passed on more than any attempt before it.
 */
export class RequestBody {
  readonly #downstream: Pick<ServerStream, 'grant'>;
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #octets = 0;
  #trailers: Fields | null = null;
  /** The body was too long, or was let go of: what is left is only what was not sent yet. */
  #released = false;
  /** It was too long before any of it was sent. */
  #isTooLong = false;
  /** Octets that the attempt under way has passed on. */
  #passed = 0;
  /** Octets for which the sender was granted others. */
  #granted = 0;
  #mirrors: readonly BodyMirror[] = [];
  /** The whole body has come. */
  isComplete = false;

  constructor(downstream: Pick<ServerStream, 'grant'>, limit: number) {
    this.#downstream = downstream;
    this.#limit = limit;
  }

  /** The body could be sent again from its beginning. */
  get canReplay(): boolean {
    return !this.#released && !this.#isTooLong;
  }

  /** Copies the body to mirrors from now on, and what has come of it at once. Called before any attempt. */
  copyTo(mirrors: readonly BodyMirror[]): void {
    this.#mirrors = mirrors;
    for (const mirror of mirrors) {
      for (let i = 0; i < this.#chunks.length; i++) {
        const chunk = this.#chunks[i]!;
        mirror.sendData(chunk, 0, chunk.length, this.#isLast(i));
      }
      if (this.#trailers) mirror.sendTrailers(this.#trailers);
      else if (this.isEmpty) mirror.sendData(NOTHING, 0, 0, true);
    }
  }

  /** @param attempt under way; null: none */
  onData(bytes: Uint8Array, start: number, end: number, last: boolean, attempt: BodySink | null): void {
    if (last) this.isComplete = true;
    const stream = attempt?.stream ?? null;
    this.#keep(bytes, start, end, stream !== null);
    for (const mirror of this.#mirrors) mirror.sendData(bytes, start, end, last);
    if (stream) this.onPassed(stream.sendData(bytes, start, end, last));
  }

  /** The body ends with trailers. @param attempt under way; null: none */
  onTrailers(fields: Fields, attempt: BodySink | null): void {
    this.isComplete = true;
    this.#trailers = fields;
    for (const mirror of this.#mirrors) mirror.sendTrailers(fields);
    attempt?.stream?.sendTrailers(attempt.fieldsFor(fields));
  }

  /** Whether a head that goes out now is all that there is to send. */
  get isEmpty(): boolean {
    return this.isComplete && !this.#trailers && this.#chunks.length === 0;
  }

  /** Sends what has come so far to an attempt whose stream has just opened. */
  sendTo(attempt: BodySink): void {
    const stream = attempt.stream!;
    this.#passed = 0;
    const chunks = this.#chunks;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]!;
      this.onPassed(stream.sendData(chunk, 0, chunk.length, this.#isLast(i)));
    }
    if (this.#trailers) stream.sendTrailers(attempt.fieldsFor(this.#trailers));
    if (!this.canReplay) this.release();
  }

  /** The attempt has passed on octets that its server had to make room for. */
  onPassed(octets: number): void {
    this.#passed += octets;
    const due = this.#passed - this.#granted;
    if (due <= 0) return;
    this.#granted += due;
    this.#downstream.grant(due);
  }

  /** Nothing will be sent again. */
  release(): void {
    this.#released = true;
    this.#chunks = [];
    this.#octets = 0;
  }

  /** The client has given up. */
  cancel(): void {
    for (const mirror of this.#mirrors) mirror.cancel();
  }

  /** Whether nothing follows the chunk at `index`. */
  #isLast(index: number): boolean {
    return this.isComplete && !this.#trailers && index === this.#chunks.length - 1;
  }

  /** Keeps a copy of `bytes[start, end)`. @param sent they leave now, and are wanted only to be sent again */
  #keep(bytes: Uint8Array, start: number, end: number, sent: boolean): void {
    if (end === start) return;
    if (this.#released && sent) return;
    if (sent && this.#octets + end - start > this.#limit) return this.release();
    this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
    this.#octets += end - start;
    if (this.#octets > this.#limit) this.#isTooLong = true;
  }
}

const NOTHING = Buffer.alloc(0);
