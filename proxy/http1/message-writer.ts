import { CONNECTION_FIELD, type Fields, type StreamListener, UPGRADE_FIELD, type Wire } from './message.ts';

/** How a body is framed: by `content-length` among the fields (or by the end of the connection), in chunks, or not at all. */
export type Framing = 'plain' | 'chunked' | 'none';

/**
 * Writes the messages of a connection one after another: a head, then a body in the framing that the head announced.
 *
 * Octets that the wire does not take are copied and follow when it does. A head that the layers above share and that was
 * the last one too is written by copying what was written then.
 */
export class MessageWriter {
  readonly #wire: Wire;
  #chunked = false;
  #queue: Uint8Array[] = NO_QUEUE;
  #queuedLast = false;
  #queuedTrailers: Fields | null = null;
  /** The whole message has been written. */
  done = false;
  /** The shared head that was written last and how, and, when it was written so twice, its octets. */
  #lastHead: object | null = null;
  #lastVariant = -1;
  #lastOctets = 0;
  #last: Uint8Array | null = null;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Begins a message: nothing is left of the one before it. */
  begin(): void {
    this.#chunked = false;
    this.done = false;
    this.#queue = NO_QUEUE;
    this.#queuedLast = false;
    this.#queuedTrailers = null;
  }

  /**
   * Writes a head as it was written before, if it was the last one.
   *
   * @param head the shared object that the head is made of @param variant whatever else its octets depend on
   * @returns false: it has to be written anew
   */
  repeatHead(head: object, variant: number, framing: Framing): boolean {
    if (head !== this.#lastHead || variant !== this.#lastVariant || this.#lastOctets === 0) return false;
    this.#frame(framing);
    const wire = this.#wire;
    const octets = this.#lastOctets;
    wire.reserve(octets);
    const { bytes } = wire;
    const last = this.#last!;
    for (let i = 0, at = wire.end; i < octets; i++) bytes[at++] = last[i]!;
    wire.end += octets;
    wire.touch();
    return true;
  }

  /** Writes the head of a shared object, and keeps its octets where it is the second time. */
  writeSharedHead(
    head: object,
    variant: number,
    startLine: string,
    fields: Fields,
    extra: string,
    framing: Framing,
  ): void {
    const wire = this.#wire;
    wire.reserve(MAX_REPEATED);
    const { bytes, end: start } = wire;
    this.writeHead(startLine, fields, extra, framing);
    this.#lastOctets = 0;
    const isAgain = head === this.#lastHead && variant === this.#lastVariant;
    this.#lastHead = head;
    this.#lastVariant = variant;
    const octets = wire.end - start;
    // In one piece, and not too long.
    if (!isAgain || wire.bytes !== bytes || octets > MAX_REPEATED) return;
    this.#last ??= new Uint8Array(MAX_REPEATED);
    for (let i = 0; i < octets; i++) this.#last[i] = bytes[start + i]!;
    this.#lastOctets = octets;
  }

  /**
   * Writes a head. @param startLine with its CR LF @param extra whole lines that are no fields of the message, such as
   * `Connection`
   */
  writeHead(startLine: string, fields: Fields, extra: string, framing: Framing): void {
    this.#frame(framing);
    this.#text(startLine);
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i]!;
      if (name !== CONNECTION_FIELD && name !== UPGRADE_FIELD) this.#text(`${name}: ${fields[i + 1]}\r\n`);
    }
    this.#text(framing === 'chunked' ? `${extra}Transfer-Encoding: chunked\r\n\r\n` : `${extra}\r\n`);
    this.#wire.touch();
  }

  /** What follows is octets without framing: an upgrade was accepted. */
  openTunnel(): void {
    this.#chunked = false;
    this.done = false;
  }

  /** Writes body octets; returns those that left at once, the rest is queued. */
  writeBody(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    if (this.done) return end - start;
    if (this.#queue.length > 0 || (this.#wire.blocked && end > start)) {
      if (end > start) {
        if (this.#queue === NO_QUEUE) this.#queue = [];
        this.#queue.push(copyOf(bytes, start, end));
        this.#wire.hold(end - start);
      }
      if (last) this.#queuedLast = true;
      return 0;
    }
    this.#chunk(bytes, start, end);
    if (last) this.#finish(NO_FIELDS);
    this.#wire.touch();
    return end - start;
  }

  /** Ends the body with trailers, after what waits; without chunks they are dropped. */
  writeTrailers(fields: Fields): void {
    if (this.done) return;
    if (this.#queue.length > 0) this.#queuedTrailers = fields;
    else {
      this.#finish(fields);
      this.#wire.touch();
    }
  }

  /** The wire takes octets again. @returns whether the queue is empty */
  pump(listener: StreamListener): boolean {
    while (this.#queue.length > 0 && !this.#wire.blocked) {
      const bytes = this.#queue.shift()!;
      this.#wire.hold(-bytes.length);
      this.#chunk(bytes, 0, bytes.length);
      listener.onSent(bytes.length);
    }
    this.#wire.touch();
    if (this.#queue.length > 0) return false;
    if (this.#queuedTrailers || this.#queuedLast) {
      const trailers = this.#queuedTrailers ?? NO_FIELDS;
      this.#queuedTrailers = null;
      this.#queuedLast = false;
      this.#finish(trailers);
    }
    return true;
  }

  #frame(framing: Framing): void {
    this.#chunked = framing === 'chunked';
    this.done = framing === 'none';
  }

  #finish(trailers: Fields): void {
    this.done = true;
    if (!this.#chunked) return;
    this.#text('0\r\n');
    for (let i = 0; i < trailers.length; i += 2) this.#text(`${trailers[i]}: ${trailers[i + 1]}\r\n`);
    this.#text('\r\n');
  }

  #chunk(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (this.#chunked) this.#text(`${(end - start).toString(16)}\r\n`);
    for (let at = start; at < end; at += PIECE) {
      const next = Math.min(end, at + PIECE);
      this.#wire.reserve(next - at);
      this.#wire.bytes.set(bytes.subarray(at, next), this.#wire.end);
      this.#wire.end += next - at;
    }
    if (this.#chunked) this.#text('\r\n');
  }

  #text(text: string): void {
    for (let from = 0; from < text.length; from += PIECE) {
      const to = Math.min(text.length, from + PIECE);
      this.#wire.reserve(to - from);
      const bytes = this.#wire.bytes;
      let at = this.#wire.end;
      for (let i = from; i < to; i++) bytes[at++] = text.charCodeAt(i);
      this.#wire.end = at;
    }
  }
}

/** A copy that shares no memory with `bytes`: where that is a Buffer, its `slice` is a view and keeps the whole chunk. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** Octets reserved at once; the wire promises 20,000. */
const PIECE = 16_384;
const NO_FIELDS: Fields = [];
/** The queue of a message that waits for nothing. */
const NO_QUEUE: Uint8Array[] = [];
/** Longest head that is kept to be repeated, octets. */
const MAX_REPEATED = 768;

/** The value of a field, by its lower-case name; null when it is absent. */
export function fieldValue(fields: Fields, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    const each = fields[i]!;
    if (each.length === name.length && each.toLowerCase() === name) return fields[i + 1]!;
  }
  return null;
}
