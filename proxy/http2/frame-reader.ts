import {
  CONTINUATION,
  DATA,
  FLAG_END_STREAM,
  FLAG_PADDED,
  FLAG_PRIORITY,
  FRAME_HEADER_BYTES,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './wire-vocabulary.ts';

/**
 * Hears the frames of a connection in order. `bytes[start, end)` is valid only during the call.
 *
 * A method that fails the connection makes `failed` true; nothing is delivered after that.
 */
export interface FrameSink {
  readonly failed: boolean;
  /** Ends the connection with an error code and a reason token. */
  fail(code: number, reason: string): void;
  /** A DATA frame begins; `length` octets with padding count against flow control; `last` ends the stream. */
  onDataFrame(streamId: number, length: number, padding: number, last: boolean): void;
  /** A piece of a DATA frame's payload; `last` ends the stream. An empty last piece is delivered too. */
  onData(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void;
  /** The first fragment of a header block, without padding and priority. `dependency`: stream or -1. */
  onHeaders(streamId: number, flags: number, dependency: number, bytes: Uint8Array, start: number, end: number): void;
  onContinuation(streamId: number, flags: number, bytes: Uint8Array, start: number, end: number): void;
  onPriority(streamId: number, dependency: number): void;
  onReset(streamId: number, code: number): void;
  onSettings(flags: number, bytes: Uint8Array, start: number, end: number): void;
  onPing(flags: number, bytes: Uint8Array, start: number): void;
  onGoAway(lastStreamId: number, code: number): void;
  onWindowUpdate(streamId: number, increment: number): void;
  /** A frame of an unknown type, skipped (section 5.5). */
  onUnknown(streamId: number): void;
}

/**
 * Splits octets into frames, whatever the chunks they come in.
 *
 *     +-----------------------------------------------+
 *     |                 Length (24)                   |
 *     +---------------+---------------+---------------+
 *     |   Type (8)    |   Flags (8)   |
 *     +-+-------------+---------------+-------------------------------+
 *     |R|                 Stream Identifier (31)                      |
 *     +=+=============================================================+
 *
 * DATA is delivered piece by piece as it comes, so that no body is held; other frames are whole. Spec: RFC 9113
 * section 4.1 and 6.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxPayloadBytes: number;
  /** The beginning of a frame that is not whole yet; null while there is none, so that an idle connection holds nothing. */
  #carry: Uint8Array | null = null;
  #carried = 0;
  /** The DATA frame under way: payload and padding octets still to come. */
  #dataStream = 0;
  #dataLeft = 0;
  #paddingLeft = 0;
  #dataLast = false;

  /** @param maxPayloadBytes the SETTINGS_MAX_FRAME_SIZE that we announced, 2^14 to 2^24-1 octets */
  constructor(sink: FrameSink, maxPayloadBytes: number) {
    this.#sink = sink;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** What has come of a frame that is not whole, DATA's payload apart; null: nothing. */
  get unfinished(): object | null {
    return this.#carry;
  }

  /** Delivers every frame that `bytes[start, end)` completes and keeps the rest. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#sink.failed) {
      if (this.#dataLeft > 0 || this.#paddingLeft > 0) at = this.#data(bytes, at, end);
      else if (this.#carry !== null) at = this.#complete(bytes, at, end);
      else {
        const next = this.#frame(bytes, at, end);
        if (next < 0) return this.#keep(bytes, at, end);
        at = next;
      }
    }
  }

  /** Adds to the carried beginning until the frame (or, of DATA, its header) is whole, and delivers it. */
  #complete(bytes: Uint8Array, at: number, end: number): number {
    const carry = this.#carry!;
    const wanted = this.#wanted(carry, this.#carried);
    if (wanted < 0) return end;
    const taken = Math.min(wanted - this.#carried, end - at);
    carry.set(bytes.subarray(at, at + taken), this.#carried);
    this.#carried += taken;
    at += taken;
    if (this.#wanted(carry, this.#carried) > this.#carried) {
      if (this.#wanted(carry, this.#carried) > carry.length) this.#grow(this.#wanted(carry, this.#carried));
      return at;
    }
    const whole = this.#carried;
    this.#carry = null;
    this.#carried = 0;
    if (!this.#sink.failed) this.#frame(carry, 0, whole);
    return at;
  }

  /** Octets that must be there before anything of the frame can be delivered; `carried` are. */
  #wanted(carry: Uint8Array, carried: number): number {
    if (carried < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const length = u24(carry, 0);
    if (length > this.#maxPayloadBytes) {
      this.#sink.fail(FRAME_SIZE_ERROR, 'frame_too_large');
      return -1;
    }
    if (carry[3] === DATA) return FRAME_HEADER_BYTES + (carry[4]! & FLAG_PADDED && length > 0 ? 1 : 0);
    return FRAME_HEADER_BYTES + length;
  }

  #keep(bytes: Uint8Array, at: number, end: number): void {
    this.#carried = end - at;
    this.#carry = new Uint8Array(Math.max(64, this.#carried));
    this.#carry.set(bytes.subarray(at, end));
    const wanted = this.#wanted(this.#carry, this.#carried);
    if (wanted > this.#carry.length) this.#grow(wanted);
  }

  #grow(octets: number): void {
    const grown = new Uint8Array(octets);
    grown.set(this.#carry!.subarray(0, this.#carried));
    this.#carry = grown;
  }

  /** Delivers the frame at `at`; returns the offset after what was consumed, or -1 when the frame is not whole. */
  #frame(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < FRAME_HEADER_BYTES) return -1;
    const length = u24(bytes, at);
    const sink = this.#sink;
    if (length > this.#maxPayloadBytes) {
      sink.fail(FRAME_SIZE_ERROR, 'frame_too_large');
      return end;
    }
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const streamId = u31(bytes, at + 5);
    const payload = at + FRAME_HEADER_BYTES;
    if (type === DATA) return this.#dataFrame(bytes, payload, end, length, flags, streamId);

    const next = payload + length;
    if (next > end) return -1;
    switch (type) {
      case HEADERS:
        this.#headers(bytes, payload, next, flags, streamId);
        break;
      case PRIORITY:
        if (streamId === 0) sink.fail(PROTOCOL_ERROR, 'priority_on_stream_0');
        else if (length !== 5) sink.onPriority(streamId, -1);
        else sink.onPriority(streamId, u31(bytes, payload));
        break;
      case RST_STREAM:
        if (length !== 4) sink.fail(FRAME_SIZE_ERROR, 'rst_stream_size');
        else if (streamId === 0) sink.fail(PROTOCOL_ERROR, 'rst_stream_on_stream_0');
        else sink.onReset(streamId, u32(bytes, payload));
        break;
      case SETTINGS:
        if (streamId !== 0) sink.fail(PROTOCOL_ERROR, 'settings_on_a_stream');
        else if (length % 6 !== 0) sink.fail(FRAME_SIZE_ERROR, 'settings_size');
        else sink.onSettings(flags, bytes, payload, next);
        break;
      case PUSH_PROMISE:
        sink.fail(PROTOCOL_ERROR, 'push_promise'); // we never enable push, section 8.4
        break;
      case PING:
        if (length !== 8) sink.fail(FRAME_SIZE_ERROR, 'ping_size');
        else if (streamId !== 0) sink.fail(PROTOCOL_ERROR, 'ping_on_a_stream');
        else sink.onPing(flags, bytes, payload);
        break;
      case GOAWAY:
        if (length < 8) sink.fail(FRAME_SIZE_ERROR, 'goaway_size');
        else if (streamId !== 0) sink.fail(PROTOCOL_ERROR, 'goaway_on_a_stream');
        else sink.onGoAway(u31(bytes, payload), u32(bytes, payload + 4));
        break;
      case WINDOW_UPDATE:
        if (length !== 4) sink.fail(FRAME_SIZE_ERROR, 'window_update_size');
        else sink.onWindowUpdate(streamId, u31(bytes, payload));
        break;
      case CONTINUATION:
        sink.onContinuation(streamId, flags, bytes, payload, next);
        break;
      default:
        sink.onUnknown(streamId);
        break;
    }
    return next;
  }

  #headers(bytes: Uint8Array, start: number, end: number, flags: number, streamId: number): void {
    let padding = 0;
    let dependency = -1;
    if (flags & FLAG_PADDED) {
      if (start === end) return this.#sink.fail(FRAME_SIZE_ERROR, 'headers_size');
      padding = bytes[start++]!;
    }
    if (flags & FLAG_PRIORITY) {
      if (end - start < 5) return this.#sink.fail(FRAME_SIZE_ERROR, 'headers_size');
      dependency = u31(bytes, start);
      start += 5;
    }
    if (padding > end - start) return this.#sink.fail(PROTOCOL_ERROR, 'headers_padding_too_large');
    this.#sink.onHeaders(streamId, flags, dependency, bytes, start, end - padding);
  }

  #dataFrame(bytes: Uint8Array, payload: number, end: number, length: number, flags: number, streamId: number): number {
    let padding = 0;
    let at = payload;
    let left = length;
    if (flags & FLAG_PADDED) {
      if (length === 0) {
        this.#sink.fail(FRAME_SIZE_ERROR, 'data_size');
        return end;
      }
      if (at >= end) return -1;
      padding = bytes[at++]!;
      left = length - 1 - padding;
      if (left < 0) {
        this.#sink.fail(PROTOCOL_ERROR, 'data_padding_too_large');
        return end;
      }
    }
    this.#sink.onDataFrame(streamId, length, length - left, (flags & FLAG_END_STREAM) !== 0);
    if (this.#sink.failed) return end;
    this.#dataStream = streamId;
    this.#dataLeft = left;
    this.#paddingLeft = padding;
    this.#dataLast = (flags & FLAG_END_STREAM) !== 0;
    if (left > 0) return this.#data(bytes, at, end);
    this.#sink.onData(streamId, bytes, at, at, this.#dataLast);
    return this.#data(bytes, at, end);
  }

  /** Delivers what is there of the DATA frame under way and skips its padding. */
  #data(bytes: Uint8Array, at: number, end: number): number {
    if (this.#dataLeft > 0) {
      const piece = Math.min(this.#dataLeft, end - at);
      if (piece === 0) return at;
      this.#dataLeft -= piece;
      this.#sink.onData(this.#dataStream, bytes, at, at + piece, this.#dataLast && this.#dataLeft === 0);
      at += piece;
    }
    if (this.#dataLeft === 0 && this.#paddingLeft > 0) {
      const skipped = Math.min(this.#paddingLeft, end - at);
      this.#paddingLeft -= skipped;
      at += skipped;
    }
    return at;
  }
}

function u24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** The reserved bit is ignored (section 4.1). */
function u31(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function u32(bytes: Uint8Array, at: number): number {
  return u31(bytes, at) + (bytes[at]! & 0x80 ? 0x8000_0000 : 0);
}
