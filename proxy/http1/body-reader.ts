import {
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  type DecodeLatin1,
  type HeadFault,
  MAX_HEAD_BYTES,
} from './head-reader.ts';
import type { Fields } from './message.ts';
import { isForbiddenTrailer } from './trailer.ts';

/**
 * Hears a body as it comes. `bytes[start, end)` is valid only during the call. `last`: it is over; one that ends with
 * trailers has them instead.
 */
export interface BodySink {
  onBody(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  onBodyTrailers(fields: Fields): void;
}

/** Octets of a body that may be in the listener's hands before reading stops. */
export const UNREAD_LIMIT = 65_536;

/** Octets that chunk extensions of one chunk may take: they carry nothing that is in use. */
export const MAX_EXTENSION_BYTES = 256;

/** Octets that all chunk extensions of one body may take, so that they do not outweigh it. */
export const MAX_EXTENSIONS_BYTES = 16_384;

/**
 * Delivers the body of one message, whatever its framing (RFC 9112 section 6.3 and 7.1).
 *
 *     size [;ext] CR LF │ data … CR LF │ … │ 0 CR LF │ trailers │ CR LF
 *        SIZE     EXT     DATA   DATA_END                TRAILERS
 *
 * Of an answer blanks after a size are passed over, and a bare LF ends a line.
 */
export class BodyReader {
  readonly #sink: BodySink;
  readonly #latin1: DecodeLatin1;
  readonly #isAnswer: boolean;
  #framing = BODY_NONE;
  #left = 0;
  #state = SIZE;
  #digits = 0;
  /** The extensions or the trailer line under way. */
  #line: number[] = NO_OCTETS;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailers: string[] = NO_TRAILERS;
  done = true;

  constructor(sink: BodySink, latin1: DecodeLatin1, isAnswer = false) {
    this.#isAnswer = isAnswer;
    this.#sink = sink;
    this.#latin1 = latin1;
  }

  get framing(): number {
    return this.#framing;
  }

  /** Begins a body. @param length octets, for {@link BODY_LENGTH} */
  begin(framing: number, length = 0): void {
    this.#framing = framing;
    this.#left = length;
    this.done = framing === BODY_NONE || (framing === BODY_LENGTH && length === 0);
    this.#state = SIZE;
    this.#digits = 0;
    this.#line = NO_OCTETS;
    this.#trailers = NO_TRAILERS;
    this.#trailerBytes = 0;
    this.#extensionBytes = 0;
  }

  /** Delivers what `bytes[start, end)` holds of the body. @returns the offset after it, or why it is refused */
  read(bytes: Uint8Array, start: number, end: number): number | HeadFault {
    if (this.#framing === BODY_UNTIL_CLOSE) {
      if (end > start) this.#sink.onBody(bytes, start, end, false);
      return end;
    }
    if (this.#framing === BODY_LENGTH) {
      const piece = Math.min(this.#left, end - start);
      if (piece === 0) return start;
      this.#left -= piece;
      this.done = this.#left === 0;
      this.#sink.onBody(bytes, start, start + piece, this.done);
      return start + piece;
    }
    return this.#chunked(bytes, start, end);
  }

  #chunked(bytes: Uint8Array, start: number, end: number): number | HeadFault {
    let at = start;
    while (at < end && !this.done) {
      const octet = bytes[at]!;
      switch (this.#state) {
        case SIZE: {
          const digit = hexDigit(octet);
          if (digit >= 0) {
            // Eleven digits are 16 TiB: more cannot be meant, and would lose precision. Some servers write zeros before them.
            this.#left = this.#left * 16 + digit;
            if (++this.#digits > MAX_SIZE_DIGITS || this.#left >= 2 ** 44) return 'chunk_size_invalid';
          } else if (this.#digits === 0 || !this.#endSize(octet)) return 'chunk_size_invalid';
          at++;
          break;
        }
        case SIZE_BLANK:
          if (!this.#endSize(octet)) return 'chunk_size_invalid';
          if (this.#state === SIZE_BLANK && ++this.#digits > MAX_SIZE_DIGITS) return 'chunk_size_invalid';
          at++;
          break;
        case EXTENSION:
          if (octet === CR) {
            if (!isExtension(String.fromCharCode(...this.#line))) return 'chunk_extension_invalid';
            this.#line = NO_OCTETS;
            this.#state = SIZE_LF;
          } else if (octet === LF || octet === 0) return 'chunk_size_invalid';
          else if (this.#line.length > MAX_EXTENSION_BYTES || ++this.#extensionBytes > MAX_EXTENSIONS_BYTES)
            return 'chunk_extension_too_large';
          else this.#line.push(octet);
          at++;
          break;
        case SIZE_LF:
          if (octet !== LF) return 'chunk_size_invalid';
          at++;
          this.#beginChunk();
          break;
        case CHUNK: {
          const piece = Math.min(this.#left, end - at);
          this.#left -= piece;
          if (this.#left === 0) this.#state = CHUNK_CR;
          this.#sink.onBody(bytes, at, at + piece, false);
          at += piece;
          break;
        }
        case CHUNK_CR:
          if (octet === CR) this.#state = CHUNK_LF;
          else if (octet === LF && this.#isAnswer) this.#state = SIZE;
          else return 'chunk_end_invalid';
          at++;
          break;
        case CHUNK_LF:
          if (octet !== LF) return 'chunk_end_invalid';
          this.#state = SIZE;
          at++;
          break;
        default: {
          const fault = this.#trailer(octet);
          if (fault) return fault;
          at++;
        }
      }
    }
    return at;
  }

  /** Takes what follows the digits of a size. @returns false: it may not follow */
  #endSize(octet: number): boolean {
    if (octet === CR) this.#state = SIZE_LF;
    else if (octet === SEMICOLON) {
      this.#line = [SEMICOLON];
      this.#state = EXTENSION;
    } else if (!this.#isAnswer) return false;
    else if (octet === LF) this.#beginChunk();
    else if (octet === SPACE || octet === TAB) this.#state = SIZE_BLANK;
    else return false;
    return true;
  }

  #beginChunk(): void {
    this.#digits = 0;
    this.#state = this.#left > 0 ? CHUNK : TRAILERS;
  }

  /** Takes one octet of the trailer section; trailers are rare and short, so octet by octet is fine. */
  #trailer(octet: number): HeadFault | null {
    if (++this.#trailerBytes > MAX_HEAD_BYTES) return 'head_too_large';
    if (octet !== LF) {
      if (this.#line.length > 0 && this.#line.at(-1) === CR) return 'bare_cr';
      if (this.#line === NO_OCTETS) this.#line = [];
      this.#line.push(octet);
      return null;
    }
    if (this.#line.at(-1) === CR) this.#line.pop();
    else if (!this.#isAnswer) return 'bare_lf';
    if (this.#line.length === 0) {
      this.done = true;
      if (this.#trailers.length > 0) this.#sink.onBodyTrailers(this.#trailers);
      else this.#sink.onBody(NOTHING, 0, 0, true);
      return null;
    }
    const line = Uint8Array.from(this.#line);
    this.#line = NO_OCTETS;
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(
      this.#latin1(line, 0, line.length),
    );
    if (!match) return 'trailer_invalid';
    if (isForbiddenTrailer(match[1]!.toLowerCase())) return null;
    if (this.#trailers === NO_TRAILERS) this.#trailers = [];
    this.#trailers.push(match[1]!, match[2]!);
    return null;
  }
}

/** Whether `text` is chunk extensions (RFC 9112 section 7.1.1), which are passed over; where they end must be beyond doubt. */
function isExtension(text: string): boolean {
  return /^(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)+$/.test(
    text,
  );
}

const NOTHING = new Uint8Array(0);
/** Lists before their first entry: most bodies need neither. */
const NO_OCTETS: number[] = [];
const NO_TRAILERS: string[] = [];

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const CHUNK = 3;
const CHUNK_CR = 4;
const CHUNK_LF = 5;
const TRAILERS = 6;
const SIZE_BLANK = 7;

/** Digits of a chunk size, zeros before it included, and blanks after it. */
const MAX_SIZE_DIGITS = 64;

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const SEMICOLON = 59;

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const lower = octet | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
