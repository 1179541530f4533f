import { contentLength, type HeaderFault } from './header-rules.ts';
import { BlockMemo } from './hpack/block-memo.ts';
import { type DecodeLatin1, HPACK_BOMB, HPACK_TOO_LARGE, HpackDecoder } from './hpack/decoder.ts';
import type { Fields, RequestHead, ResponseHead } from './message.ts';
import { DEFAULT_HEADER_TABLE_SIZE } from './wire-vocabulary.ts';

/** A header block, decoded; read as a request or an answer when it is first needed as one. Shared where it repeats. */
export interface DecodedBlock {
  readonly fields: Fields;
  /** Beyond what is accepted: its fields are not all there. */
  readonly tooLarge: boolean;
  /** What `content-length` says: -1: nothing, -2: nonsense. */
  readonly length: number;
  request: RequestHead | HeaderFault | null;
  response: ResponseHead | HeaderFault | null;
}

/** Why a block cannot be decoded, so that the connection cannot go on: the tables of the two ends differ from here. */
export type DecodingFault = 'header_bomb' | 'header_block_invalid';

/**
 * Decodes header blocks, from memory where the same octets came before.
 *
 * Spec: RFC 9113 section 4.3, RFC 7541.
 */
export class HeaderDecoder {
  readonly #hpack: HpackDecoder;
  readonly #memo = new BlockMemo<DecodedBlock>();
  readonly #maxListSize: number;
  readonly #maxFields: number;
  #blocksDecoded = 0;

  /**
   * @param maxListSize SETTINGS_MAX_HEADER_LIST_SIZE, octets
   * @param maxFields fields that a list may have
   */
  constructor(latin1: DecodeLatin1, maxListSize: number, maxFields: number) {
    this.#hpack = new HpackDecoder(latin1, DEFAULT_HEADER_TABLE_SIZE);
    this.#maxListSize = maxListSize;
    this.#maxFields = maxFields;
  }

  decode(bytes: Uint8Array, start: number, end: number): DecodedBlock | DecodingFault {
    const { version } = this.#hpack;
    const known = this.#memo.find(bytes, start, end, version);
    if (known !== null) return known;
    const fields: string[] = [];
    const result = this.#hpack.decode(bytes, start, end, fields, this.#maxListSize);
    if (result === HPACK_BOMB) return 'header_bomb';
    if (result < 0 && result !== HPACK_TOO_LARGE) return 'header_block_invalid';
    const tooLarge = result === HPACK_TOO_LARGE || fields.length > 2 * this.#maxFields;
    const block: DecodedBlock = { fields, tooLarge, length: contentLength(fields), request: null, response: null };
    if (this.#hpack.version === version && !tooLarge && ++this.#blocksDecoded > BLOCKS_BEFORE_MEMORY)
      this.#memo.keep(bytes, start, end, version, block);
    return block;
  }
}

/** A connection that has decoded this many blocks is worth memory for repeated ones. */
const BLOCKS_BEFORE_MEMORY = 16;
