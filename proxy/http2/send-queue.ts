/**
 * Octets of a body that windows or wire do not let out yet, in order. Copies, because the octets handed in are not kept.
 *
 * Small pieces share a chunk: a stream of short messages that waits would otherwise hold an array of its own, some 300
 * octets beside its content, for each.
 */
export class SendQueue {
  readonly #chunks: Uint8Array[] = [];
  /** Where the octets of the first chunk begin, and where those of the last one end. */
  #start = 0;
  #end = 0;
  /** Octets that wait. */
  octets = 0;
  /** Octets that have left. */
  left = 0;

  /** The chunk to send next, its octets `[start, end)`; there must be one. */
  get bytes(): Uint8Array {
    return this.#chunks[0]!;
  }

  /** Offset of the first octet to send in {@link bytes}. */
  get start(): number {
    return this.#start;
  }

  /** Offset after the last one. */
  get end(): number {
    return this.#chunks.length === 1 ? this.#end : this.#chunks[0]!.length;
  }

  /** Takes a copy of `bytes[start, end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.octets += end - start;
    let at = start;
    const last = this.#chunks.at(-1);
    if (last !== undefined) {
      at = Math.min(end, start + last.length - this.#end);
      this.#fill(last, bytes, start, at);
    }
    if (at === end) return;
    const chunk = new Uint8Array(
      Math.max(this.left === 0 && last === undefined ? FIRST_OCTETS : CHUNK_OCTETS, end - at),
    );
    this.#chunks.push(chunk);
    this.#end = 0;
    this.#fill(chunk, bytes, at, end);
  }

  /** The first `octets` of the first chunk were sent. */
  take(octets: number): void {
    this.octets -= octets;
    this.left += octets;
    this.#start += octets;
    if (this.#start < this.end) return;
    this.#chunks.shift();
    this.#start = 0;
  }

  #fill(chunk: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
    chunk.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }
}

/** A short message: many streams may have just one that waits. */
const FIRST_OCTETS = 256;
/** As much as a common page. */
const CHUNK_OCTETS = 4096;
