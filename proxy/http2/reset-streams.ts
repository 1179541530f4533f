/**
 * Streams that we have reset: what is still under way for them is ignored (RFC 9113 section 5.1). The newest
 * {@link REMEMBERED} are known.
 */
export class ResetStreams {
  readonly #ids = new Set<number>();

  has(streamId: number): boolean {
    return this.#ids.has(streamId);
  }

  add(streamId: number): void {
    this.#ids.add(streamId);
    if (this.#ids.size <= REMEMBERED) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }
}

/** As many as a connection has streams, by default. */
const REMEMBERED = 256;
