/**
 * The beginning of a request's body, kept so that it can be sent, or sent again.
 *
 * Holds at most `limit` octets; a longer body is let go of and can no longer be sent again. Until an endpoint takes the
 * request, flow control keeps the sender within one stream window, which is less.
 */
export class ReplayBuffer {
  #chunks: Buffer[] = [];
  #octets = 0;
  readonly #limit: number;
  /** The body was too long, or the buffer was let go of: what is left is only what was not sent yet. */
  #released = false;
  /** It was too long before any of it was sent. */
  #isTooLong = false;
  /** The whole body has come. */
  complete = false;
  trailers: readonly string[] | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The body could be sent again from its beginning. */
  get canReplay(): boolean {
    return !this.#released && !this.#isTooLong;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** Takes a copy of `bytes[start, end)`. @param sent they have left already, and are wanted only for a replay */
  add(bytes: Uint8Array, start: number, end: number, sent: boolean): void {
    if (end === start) return;
    if (this.#released && sent) return;
    if (sent && this.#octets + end - start > this.#limit) return this.release();
    this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
    this.#octets += end - start;
    if (this.#octets > this.#limit) this.#isTooLong = true;
  }

  /** Nothing will be sent again. */
  release(): void {
    this.#released = true;
    this.#chunks = [];
    this.#octets = 0;
  }
}
