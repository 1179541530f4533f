import { writeHeaders } from './frame-writer.ts';
import { requestFields, responseFields } from './header-rules.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { Fields, RequestHead, ResponseHead, Wire } from './message.ts';
import { DEFAULT_HEADER_TABLE_SIZE, DEFAULT_MAX_FRAME_SIZE } from './wire-vocabulary.ts';

/**
 * Writes header blocks, in HEADERS and CONTINUATION frames; from memory where the same head was written just before.
 *
 * Spec: RFC 9113 section 4.3, RFC 7541.
 */
export class HeaderEncoder {
  readonly #wire: Wire;
  readonly #hpack = new HpackEncoder(DEFAULT_HEADER_TABLE_SIZE);
  /** The head that was encoded last and, when it was encoded twice running, its block while the table is at a version. */
  #head: RequestHead | ResponseHead | null = null;
  #version = -1;
  #block: Uint8Array | null = null;
  #octets = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The peer's table holds so many octets. @param octets SETTINGS_HEADER_TABLE_SIZE, 0 to 2^32-1 */
  limit(octets: number): void {
    this.#hpack.limit(octets);
  }

  /** Writes a request's head. @param last END_STREAM */
  writeRequest(streamId: number, head: RequestHead, last: boolean): void {
    if (this.#repeat(streamId, head, last)) return;
    this.writeFields(streamId, requestFields(head), last);
    this.#remember(head);
  }

  /** Writes an answer's head. @param isUpgrade 101 becomes the 200 of extended CONNECT (RFC 8441 section 5) */
  writeResponse(streamId: number, head: ResponseHead, isUpgrade: boolean, last: boolean): void {
    if (isUpgrade) return this.writeFields(streamId, responseFields(head, true), last);
    if (this.#repeat(streamId, head, last)) return;
    this.writeFields(streamId, responseFields(head, false), last);
    this.#remember(head);
  }

  /** Writes fields as they are: trailers, with `last`. */
  writeFields(streamId: number, fields: Fields, last: boolean): void {
    const bound = this.#hpack.bound(fields);
    if (scratch.length < bound) scratch = new Uint8Array(bound * 2);
    scratchOctets = this.#hpack.encode(fields, scratch, 0);
    writeHeaders(this.#wire, streamId, scratch, scratchOctets, last, DEFAULT_MAX_FRAME_SIZE);
    this.#wire.touch();
  }

  /** Writes the block of a head again that was the last one too. */
  #repeat(streamId: number, head: RequestHead | ResponseHead, last: boolean): boolean {
    if (head !== this.#head || this.#block === null || this.#version !== this.#hpack.version) return false;
    writeHeaders(this.#wire, streamId, this.#block, this.#octets, last, DEFAULT_MAX_FRAME_SIZE);
    this.#wire.touch();
    return true;
  }

  /** `head` was encoded, and its block is still in the scratch. */
  #remember(head: RequestHead | ResponseHead): void {
    const { version } = this.#hpack;
    // Encoded twice without a change of the table in between or by itself: the third time can be a copy.
    if (head === this.#head && version === this.#version && scratchOctets <= MAX_REPEATED) {
      this.#block ??= new Uint8Array(MAX_REPEATED);
      for (let i = 0; i < scratchOctets; i++) this.#block[i] = scratch[i]!;
      this.#octets = scratchOctets;
    } else {
      this.#block = null;
      this.#head = head;
      this.#version = version;
    }
  }
}

/** Where header blocks are encoded before they are framed; valid until the next block. */
let scratch = new Uint8Array(16_384);
let scratchOctets = 0;

/** Longest block that is kept for repetition, octets. */
const MAX_REPEATED = 256;
