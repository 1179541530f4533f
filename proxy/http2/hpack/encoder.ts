import { DynamicTable } from './dynamic-table.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** Fields whose values guessing attacks aim at: never put into a table (RFC 7541 section 7.1.3). */
const NEVER_INDEXED = new Set(['authorization', 'cookie', 'set-cookie', 'proxy-authorization']);

/** Values that hardly repeat: indexing them would only push out what does. */
const NOT_WORTH_INDEXING = new Set([':path', 'content-length', 'date', 'etag', 'age', 'x-request-id', 'traceparent']);

/** Longer values are sent as they are, so that one large header does not empty the table. */
const MAX_INDEXED_VALUE = 256;

/**
 * Encodes the header blocks of one direction of a connection, in order (RFC 7541).
 */
export class HpackEncoder {
  readonly #table: DynamicTable;
  /** name, then value → absolute number of the entry. Entries that were evicted are found out by number. */
  readonly #exact = new Map<string, Map<string, number>>();
  /** A size that the peer demanded and that the next block has to announce; -1: none. And the smallest one before it. */
  #announce = -1;
  #smallest = 0;

  constructor(tableSize: number) {
    this.#table = new DynamicTable(tableSize);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; more than 4,096 octets are not made use of. */
  limit(octets: number): void {
    const size = Math.min(octets, 4096);
    if (size === this.#table.maxSize) return;
    this.#table.resize(size);
    this.#smallest = this.#announce < 0 ? size : Math.min(size, this.#smallest);
    this.#announce = size;
  }

  /** Grows with every change of the table, and while one is to be announced: between equal versions blocks can be repeated. */
  get version(): number {
    return this.#announce >= 0 ? -1 : this.#table.version;
  }

  /** Octets that `fields` may take at most when encoded. */
  bound(fields: readonly string[]): number {
    let octets = 16;
    for (let i = 0; i < fields.length; i++) octets += fields[i]!.length + 6;
    return octets;
  }

  /**
   * Writes the block of `fields` (alternating names and values) from `out[at]`; `out` has room for `bound(fields)`.
   *
   * @returns the offset after the block
   */
  encode(fields: readonly string[], out: Uint8Array, at: number): number {
    if (this.#announce >= 0) {
      // The peer has evicted down to the smallest since the last block (section 4.2).
      if (this.#smallest < this.#announce) at = writeInteger(out, at, 0x20, 5, this.#smallest);
      at = writeInteger(out, at, 0x20, 5, this.#announce);
      this.#announce = -1;
    }
    for (let i = 0; i < fields.length; i += 2) at = this.#field(fields[i]!, fields[i + 1]!, out, at);
    return at;
  }

  #field(name: string, value: string, out: Uint8Array, at: number): number {
    const statics = STATIC_INDEX.get(name);
    const exactStatic = statics?.values.get(value);
    if (exactStatic !== undefined) return writeInteger(out, at, 0x80, 7, exactStatic);

    const nameIndex = statics?.first ?? 0;
    if (NEVER_INDEXED.has(name)) {
      at = writeInteger(out, at, 0x10, 4, nameIndex);
    } else if (NOT_WORTH_INDEXING.has(name) || value.length > MAX_INDEXED_VALUE) {
      at = writeInteger(out, at, 0x00, 4, nameIndex);
    } else {
      const known = this.#exact.get(name)?.get(value);
      if (known !== undefined && this.#table.holds(known)) {
        return writeInteger(out, at, 0x80, 7, STATIC_TABLE.length + (this.#table.next - 1 - known));
      }
      at = writeInteger(out, at, 0x40, 6, nameIndex);
      this.#remember(name, value);
    }
    if (nameIndex === 0) at = writeString(out, at, name);
    return writeString(out, at, value);
  }

  #remember(name: string, value: string): void {
    let values = this.#exact.get(name);
    if (!values) {
      if (this.#exact.size > 256) this.#exact.clear();
      values = new Map();
      this.#exact.set(name, values);
    } else if (values.size > 128) values.clear();
    values.set(value, this.#table.next);
    this.#table.add(name, value);
  }
}

/** Writes `value` with an `n`-bit prefix below `pattern` (RFC 7541 section 5.1). */
function writeInteger(out: Uint8Array, at: number, pattern: number, n: number, value: number): number {
  const mask = (1 << n) - 1;
  if (value < mask) {
    out[at++] = pattern | value;
    return at;
  }
  out[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>= 7;
  }
  out[at++] = rest;
  return at;
}

/** Longer strings are not Huffman-coded: a quarter fewer octets is not worth 15 ns an octet here and as much at the reader. */
const MAX_CODED = 64;

/** Writes a string literal, Huffman-coded where that is shorter (RFC 7541 section 5.2) and the string is short. */
function writeString(out: Uint8Array, at: number, text: string): number {
  const coded = text.length > MAX_CODED ? text.length : huffmanLength(text);
  if (coded < text.length) {
    at = writeInteger(out, at, 0x80, 7, coded);
    return huffmanEncode(text, out, at);
  }
  at = writeInteger(out, at, 0x00, 7, text.length);
  for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
  return at;
}

/** name → first static index of the name, and value → index. */
const STATIC_INDEX = new Map<string, { first: number; values: Map<string, number> }>();
for (let index = 1; index < STATIC_TABLE.length; index++) {
  const [name, value] = STATIC_TABLE[index]!;
  let entry = STATIC_INDEX.get(name);
  if (!entry) {
    entry = { first: index, values: new Map() };
    STATIC_INDEX.set(name, entry);
  }
  // An empty value in the table means "name only", except that an empty value is then an exact match too.
  if (!entry.values.has(value)) entry.values.set(value, index);
}
