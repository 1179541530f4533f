import { DynamicTable } from './dynamic-table.ts';
import { HUFFMAN_ERROR, huffmanDecode } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** Negated results of {@link HpackDecoder.decode}. */
export const HPACK_COMPRESSION_ERROR = -1;
export const HPACK_TOO_LARGE = -2;
/** So much larger than accepted that it is not even decoded to its end: an octet of block can stand for 4 KiB of list. */
export const HPACK_BOMB = -3;

/** Turns octets into a string, one char an octet. The host gives it; the engine has no decoder of its own. */
export type DecodeLatin1 = (bytes: Uint8Array, start: number, end: number) => string;

/**
 * Decodes the header blocks of one direction of a connection, in order (RFC 7541).
 *
 * A field is delivered as two strings; strings that come from a table are shared. A block is a list of these, told apart by
 * the first bits of an octet; `n+` is an integer with a prefix of n bits (section 5.1), which may go on in further octets:
 *
 *       0   1   2   3   4   5   6   7
 *     +---+---+---+---+---+---+---+---+
 *     | 1 |        Index (7+)         |    6.1    indexed field, name and value from a table
 *     +---+---------------------------+
 *     | 0 | 1 |      Index (6+)       |    6.2.1  literal with incremental indexing
 *     +---+---+-----------------------+
 *     | 0 | 0 | 0 | 0 |  Index (4+)   |    6.2.2  literal without indexing
 *     +---+---+---+---+---------------+
 *     | 0 | 0 | 0 | 1 |  Index (4+)   |    6.2.3  literal never indexed, by anybody on the way
 *     +---+---+---+---+---------------+
 *     | 0 | 0 | 1 |   Max size (5+)   |    6.3    dynamic table size update
 *     +---+---+---+-------------------+
 *
 * The name of a literal is that of its index, or, with index 0, a string that follows. Its value is a string that comes last
 * (section 5.2). Indices 1 to 61 are the static table's, 62 is the newest entry of the dynamic one (section 2.3.3); 0 is none.
 */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #latin1: DecodeLatin1;
  /** The table size that we announced: the peer may not go above it (RFC 7541 section 4.2). */
  readonly #limit: number;
  #bytes: Uint8Array = EMPTY;
  #at = 0;
  #end = 0;

  constructor(latin1: DecodeLatin1, tableSize: number) {
    this.#table = new DynamicTable(tableSize);
    this.#limit = tableSize;
    this.#latin1 = latin1;
  }

  /** Grows with every change of the table: between equal versions equal octets mean equal fields. */
  get version(): number {
    return this.#table.version;
  }

  /**
   * Decodes the whole block `bytes[start, end)` into `fields`, alternating names and values.
   *
   * @param maxSize largest header list accepted, in octets with 32 a field (RFC 9113 section 6.5.2). A larger one is
   *   decoded to its end, so that the table stays in step, and reported; four times that is given up
   * @returns 0, {@link HPACK_TOO_LARGE}, or what ends the connection: {@link HPACK_COMPRESSION_ERROR}, {@link HPACK_BOMB}
   */
  decode(bytes: Uint8Array, start: number, end: number, fields: string[], maxSize: number): number {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let size = 0;
    let updates = true;
    while (this.#at < end) {
      const octet = bytes[this.#at]!;
      let name: string;
      let value: string;
      if (octet & 0x80) {
        // 1iiiiiii: indexed field, section 6.1.
        const index = this.#integer(7);
        if (index <= 0 || !this.#has(index)) return HPACK_COMPRESSION_ERROR;
        name = this.#name(index);
        value = this.#value(index);
      } else if ((octet & 0xe0) === 0x20) {
        // 001sssss: table size update, section 6.3: only at the beginning of a block (section 4.2).
        const tableSize = this.#integer(5);
        if (tableSize < 0 || tableSize > this.#limit || !updates) return HPACK_COMPRESSION_ERROR;
        this.#table.resize(tableSize);
        continue;
      } else {
        // Literal: 01iiiiii with indexing (6.2.1), 0000iiii without (6.2.2), 0001iiii never indexed (6.2.3). Fields do not
        // carry which it was, although 6.2.3 demands that the last be forwarded as such: the encoder decides by name alone.
        const indexed = (octet & 0x40) !== 0;
        const index = this.#integer(indexed ? 6 : 4);
        if (index < 0 || !this.#has(index)) return HPACK_COMPRESSION_ERROR;
        const literal = index === 0 ? this.#string() : this.#name(index);
        if (literal === null) return HPACK_COMPRESSION_ERROR;
        const text = this.#string();
        if (text === null) return HPACK_COMPRESSION_ERROR;
        name = literal;
        value = text;
        if (indexed) this.#table.add(name, value);
      }
      updates = false;
      size += name.length + value.length + 32;
      if (size <= maxSize) fields.push(name, value);
      else if (size > 4 * maxSize) return HPACK_BOMB;
    }
    return size <= maxSize ? 0 : HPACK_TOO_LARGE;
  }

  #has(index: number): boolean {
    return index < STATIC_TABLE.length + this.#table.length;
  }

  #name(index: number): string {
    return index < STATIC_TABLE.length ? STATIC_TABLE[index]![0] : this.#table.name(index - STATIC_TABLE.length);
  }

  #value(index: number): string {
    return index < STATIC_TABLE.length ? STATIC_TABLE[index]![1] : this.#table.value(index - STATIC_TABLE.length);
  }

  /**
   * An integer with an `n`-bit prefix (section 5.1), or -1 when it is cut off or has more than three further octets: it may be
   * 2^21 more than the prefix holds, far above any index, length or table size that is accepted.
   *
   *       0   1   2   3   4   5   6   7                0   1   2   3   4   5   6   7
   *     +---+---+---+---+---+---+---+---+            +---+---+---+---+---+---+---+---+
   *     | ? | ? | ? |       Value       |            | ? | ? | ? | 1   1   1   1   1 |
   *     +---+---+---+-------------------+            +---+---+---+-------------------+
   *       below 2^n - 1, here n = 5                  | 1 |    Value-(2^N-1) LSB      |
   *                                                  +---+---------------------------+
   *                                                                 ...
   *                                                  +---+---------------------------+
   *                                                  | 0 |    Value-(2^N-1) MSB      |
   *                                                  +---+---------------------------+
   */
  #integer(n: number): number {
    const bytes = this.#bytes;
    const mask = (1 << n) - 1;
    let value = bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 14; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const octet = bytes[this.#at++]!;
      value += (octet & 0x7f) << shift;
      if ((octet & 0x80) === 0) return value;
    }
    return -1;
  }

  /**
   * A string literal (section 5.2), or null when it is cut off or wrongly coded. H: its octets are Huffman-coded.
   *
   *       0   1   2   3   4   5   6   7
   *     +---+---+---+---+---+---+---+---+
   *     | H |    String Length (7+)     |
   *     +---+---------------------------+
   *     |  String Data (Length octets)  |
   *     +-------------------------------+
   */
  #string(): string | null {
    if (this.#at >= this.#end) return null;
    const huffman = (this.#bytes[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    if (length < 0 || length > this.#end - start) return null;
    this.#at = start + length;
    if (length === 0) return '';
    if (!huffman) return this.#latin1(this.#bytes, start, start + length);
    if (scratch.length < length * 2) scratch = new Uint8Array(length * 2);
    const octets = huffmanDecode(this.#bytes, start, start + length, scratch);
    return octets === HUFFMAN_ERROR ? null : this.#latin1(scratch, 0, octets);
  }
}

const EMPTY = new Uint8Array(0);

/** Where Huffman strings are decoded; valid until the next string. Grows to twice the longest string seen. */
let scratch = new Uint8Array(8192);
