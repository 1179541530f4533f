import { type Blanks, NARROW_BLANKS, RequestLine, WIDE_BLANKS } from './request-line.ts';

/** What a connection speaks, by the octets that its client says first. */
export type Detected = 'http1' | 'http2' | 'opaque';

/**
 * Tells by the first octets of a client what its connection speaks, one octet after another, and keeps none.
 *
 * HTTP is the preface of HTTP/2 (RFC 9113 section 3.4), and whatever some server may take for a request (see
 * {@link RequestLine}), however its blanks are read. All else is octets.
 */
export class Detector {
  /** Octets of the preface that have come; -1: it is none. */
  #preface = 0;
  readonly #lines = READINGS.map((blanks) => new RequestLine(blanks));
  /** Octets fed so far. */
  octets = 0;

  /** null: more octets are needed. Octets that were to be octets may still turn into HTTP while not {@link isSettled}. */
  get decided(): Detected | null {
    if (this.#preface === PREFACE.length) return 'http2';
    return this.#preface > 0 ? null : this.#line;
  }

  /** What is decided is final. */
  get isSettled(): boolean {
    const { decided } = this;
    return decided !== null && (decided !== 'opaque' || this.#lines.every(({ isSettled }) => isSettled));
  }

  /** What the octets are when no more come, or no more are waited for. */
  get otherwise(): Detected {
    return this.decided ?? this.#line ?? 'opaque';
  }

  /** Takes of `bytes`, which are all that has come, what it has not had. @returns {@link decided} */
  decide(bytes: Uint8Array): Detected | null {
    return this.feed(bytes, this.octets, bytes.length);
  }

  /** Takes `bytes[start, end)`, which follow what it has had. @returns {@link decided} */
  feed(bytes: Uint8Array, start: number, end: number): Detected | null {
    for (let at = start; at < end && !this.isSettled; at++) {
      const octet = bytes[at]!;
      if (this.#preface >= 0) this.#preface = octet === PREFACE.charCodeAt(this.#preface) ? this.#preface + 1 : -1;
      this.octets++;
      for (const line of this.#lines) line.take(octet);
    }
    return this.decided;
  }

  get #line(): 'http1' | 'opaque' | null {
    if (this.#lines.some(({ verdict }) => verdict === 'http1')) return 'http1';
    return this.#lines.every(({ verdict }) => verdict === 'opaque') ? 'opaque' : null;
  }
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const READINGS: readonly Blanks[] = [WIDE_BLANKS, NARROW_BLANKS];
