import { copyOf } from './copy-of.ts';

/**
 * The header block that a peer is sending: HEADERS, and CONTINUATION frames until END_HEADERS. Nothing else may come
 * between them on the connection.
 *
 * Spec: RFC 9113 section 4.3.
 */
export class HeaderBlock {
  /** Of HEADERS; 0: no block is under way. */
  streamId = 0;
  /** Of HEADERS: END_STREAM is among them. */
  flags = 0;
  /** Stream that HEADERS depends on; -1: none. */
  dependency = -1;
  /** What has come, where it came in pieces: `bytes[0, octets)`. */
  bytes: Uint8Array | null = null;
  octets = 0;
  #firstPiece: Uint8Array | null = null;

  /** Its first piece, which stays the same object while the block grows; null: no block is kept. */
  get begun(): object | null {
    return this.#firstPiece;
  }

  /** HEADERS has come. */
  begin(streamId: number, flags: number, dependency: number): void {
    this.streamId = streamId;
    this.flags = flags;
    this.dependency = dependency;
  }

  /** Keeps the piece that came with HEADERS: others follow. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = copyOf(bytes, start, end);
    this.#firstPiece = this.bytes;
    this.octets = end - start;
  }

  /** Adds the piece of a CONTINUATION. There must be a block. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const octets = this.octets + (end - start);
    if (octets > this.bytes!.length) {
      const grown = new Uint8Array(octets * 2);
      grown.set(this.bytes!.subarray(0, this.octets));
      this.bytes = grown;
    }
    this.bytes!.set(bytes.subarray(start, end), this.octets);
    this.octets = octets;
  }

  /** END_HEADERS has come. */
  end(): void {
    this.streamId = 0;
    this.bytes = null;
    this.#firstPiece = null;
  }
}
