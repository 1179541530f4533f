import { copyOf } from './copy-of.ts';
import * as flood from './flood-guard.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import * as write from './frame-writer.ts';
import {
  contentLength,
  type HeaderFault,
  readRequest,
  readResponse,
  requestFields,
  responseFields,
  trailersFault,
} from './header-rules.ts';
import { BlockMemo } from './hpack/block-memo.ts';
import { type DecodeLatin1, HPACK_BOMB, HPACK_TOO_LARGE, HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { Fields, RequestHead, ResponseHead, StreamListener, Wire } from './message.ts';
import { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import { type WindowBudget, WindowGrowth } from './window-growth.ts';
import * as h2 from './wire-vocabulary.ts';

/** Settings of our side. Each has a default with its reason. */
export interface ConnectionOptions {
  /** Header names keep their case (between our own proxies). */
  readonly keepCase: boolean;
  /** Streams that the peer may have open at once, 1 to 2^31-1. 250: with 64 KiB windows a connection holds 16 MiB at most. */
  readonly maxConcurrentStreams: number;
  /** Octets a peer may send on a stream before the reader has taken them; also what we hold at most, but for growth. */
  readonly streamWindow: number;
  /** What a stream's window may grow to. 2 MiB: 20 MB/s where a round trip takes 100 ms. */
  readonly maxStreamWindow: number;
  /** What windows may grow by in all, shared between connections; null: they do not grow. */
  readonly windowBudget: WindowBudget | null;
  /** Largest header list accepted (section 6.5.2). 64 KiB: what the largest known applications send. */
  readonly maxHeaderListSize: number;
  /** Fields of a header list. 256: common servers take 100 (Apache, Tomcat, Envoy), so nobody needs more. */
  readonly maxHeaderFields: number;
  /** See {@link flood.FloodGuard}. */
  readonly floodBudget: number;
  /** The peer was cut off just before, and begins with {@link flood.PROBATION_SHARE} of the budget. */
  readonly onProbation: boolean;
  /** Monotonic milliseconds; the engine has no clock of its own. */
  readonly nowMs: () => number;
}

export const DEFAULT_CONNECTION_OPTIONS: ConnectionOptions = {
  keepCase: false,
  maxConcurrentStreams: 250,
  streamWindow: 65_535,
  maxStreamWindow: 32 * 65_535,
  windowBudget: null,
  maxHeaderListSize: 65_536,
  maxHeaderFields: 256,
  floodBudget: flood.DEFAULT_FLOOD_BUDGET,
  onProbation: false,
  nowMs: () => 0,
};

/** What a peer can exceed; `header_list_too_large` and `stream_limit` cost it the stream alone. */
export type Http2Limit =
  | 'rapid_reset'
  | 'stream_error_flood'
  | 'continuation_flood'
  | 'empty_frame_flood'
  | 'ping_flood'
  | 'settings_flood'
  | 'priority_flood'
  | 'window_update_flood'
  | 'useless_frame_flood'
  | 'header_bomb'
  | 'header_list_too_large'
  | 'stream_limit'
  | 'header_timeout'
  | 'body_timeout'
  | 'stall_timeout';

/** Hears what concerns the connection as a whole. */
export interface ConnectionListener {
  /** Server: a request has arrived. Must return who listens to its stream. */
  onRequest(stream: Stream, head: RequestHead, end: boolean): StreamListener;
  /** The peer opens no more streams (GOAWAY), or takes no more. Client: open no more streams here. */
  onGoAway(): void;
  /** A stream has ended: there may be room for another, or the last one is gone. */
  onStreamEnd(): void;
  /** Our PING came back. @param roundTripMs how long it took, milliseconds */
  onPong(roundTripMs: number): void;
  /** The peer has exceeded a limit. Told once for each time, before what follows from it. */
  onLimit(limit: Http2Limit): void;
  /** The connection failed: GOAWAY was sent if it is our verdict. Every stream has been reset. */
  onFailed(code: number, reason: string): void;
}

/**
 * An HTTP/2 connection of either role, without I/O: octets in by `receive`, octets out through the wire.
 *
 * Client and server differ in who opens streams and in the preface. The connection's own receive window is granted as
 * soon as octets arrive, and only the streams' windows hold a sender back: one slow reader cannot stall the others
 * (the price: a connection may hold `maxConcurrentStreams * streamWindow` octets).
 *
 * Spec: RFC 9113.
 */
export class Connection implements FrameSink {
  readonly isClient: boolean;
  readonly #wire: Wire;
  readonly #listener: ConnectionListener;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #encoder = new HpackEncoder(4096);
  readonly #decoded = new BlockMemo<DecodedBlock>();
  readonly #guard: flood.FloodGuard;
  #blocksDecoded = 0;
  /** The head that was encoded last and, when it was encoded twice running, its block while the table is at a version. */
  #encodedHead: RequestHead | ResponseHead | null = null;
  #encodedVersion = -1;
  #encoded: Uint8Array | null = null;
  #encodedOctets = 0;
  readonly #streams = new StreamTable();
  /** Streams that wait for window or wire, served in turn. */
  #waiting: Stream[] = [];
  /** Streams that we reset: what is still under way for them is ignored (section 5.1). */
  readonly #resetByUs = new Set<number>();

  failed = false;
  #prefaceLeft: number;
  #settingsReceived = false;
  /** Highest stream identifier opened by the peer, and our next one. */
  #lastPeerStream = 0;
  #nextStream = 1;
  #sendWindow = h2.DEFAULT_WINDOW;
  /** Octets that the peer may send on all streams; those since the last grant, and when that was. */
  #window = CONNECTION_WINDOW;
  #receivedSinceGrant = 0;
  #grantedUs = 0;
  readonly #growth: WindowGrowth;
  /** The peer's settings. */
  #peerStreamWindow = h2.DEFAULT_WINDOW;
  #peerMaxFrame = h2.DEFAULT_MAX_FRAME_SIZE;
  #peerMaxStreams = 100;
  #goAwaySent = false;
  #goAwayReceived = false;
  #graceful = false;
  /** When our PING under way was sent; -1: none is. */
  #pingedMs = -1;

  /** The header block under way (HEADERS without END_HEADERS): its stream, or 0. */
  #blockStream = 0;
  #blockFlags = 0;
  #blockDependency = -1;
  #block: Uint8Array | null = null;
  /** Its first piece, which stays the same while the block grows. */
  #blockBegan: Uint8Array | null = null;
  #blockOctets = 0;

  constructor(
    role: 'client' | 'server',
    wire: Wire,
    listener: ConnectionListener,
    latin1: DecodeLatin1,
    options: ConnectionOptions = DEFAULT_CONNECTION_OPTIONS,
  ) {
    this.isClient = role === 'client';
    this.#wire = wire;
    this.#listener = listener;
    this.#options = options;
    const { floodBudget, nowMs, onProbation } = options;
    const start = onProbation ? Math.ceil(floodBudget * flood.PROBATION_SHARE) : floodBudget;
    this.#guard = new flood.FloodGuard(floodBudget, nowMs, start);
    this.#growth = new WindowGrowth(nowMs);
    this.#decoder = new HpackDecoder(latin1, 4096);
    this.#reader = new FrameReader(this, h2.DEFAULT_MAX_FRAME_SIZE);
    this.#prefaceLeft = this.isClient ? 0 : h2.PREFACE.length;
    this.#sendPreface();
  }

  /** Streams open now. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** The open streams, in no order. */
  get streams(): readonly Stream[] {
    return this.#streams.all();
  }

  /** The header block or the frame that has begun and not ended, or that SETTINGS is due: another object for each. */
  get unfinished(): object | null {
    if (!this.#settingsReceived) return this.#reader;
    return this.#block === null ? this.#reader.unfinished : this.#blockBegan;
  }

  /** Whether another stream may be opened now. Client only. */
  get hasRoom(): boolean {
    return (
      !this.failed &&
      !this.#goAwayReceived &&
      !this.#goAwaySent &&
      this.#streams.size < this.#peerMaxStreams &&
      this.#nextStream < 0x7fff_fff0
    );
  }

  /** No more streams can be opened here, ever. */
  get isEnding(): boolean {
    return this.failed || this.#goAwayReceived || this.#goAwaySent;
  }

  /** Takes what came from the peer. `bytes[start, end)` is not kept. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    for (; start < end && this.#prefaceLeft > 0; start++, this.#prefaceLeft--) {
      if (bytes[start] !== h2.PREFACE.charCodeAt(h2.PREFACE.length - this.#prefaceLeft)) {
        return this.fail(h2.PROTOCOL_ERROR, 'preface_invalid');
      }
    }
    this.#reader.receive(bytes, start, end);
  }

  /** The wire takes octets again. */
  onWritable(): void {
    this.#pumpWaiting();
  }

  /** The transport is gone: every stream ends. @param code given to the streams' listeners */
  onClosed(code: number): void {
    if (this.failed) return;
    this.failed = true;
    this.#abortStreams(0, code);
  }

  /** Opens a stream. Client only; `hasRoom` must hold. */
  open(listener: StreamListener): Stream {
    const stream = new Stream(this, this.#nextStream, listener, this.#peerStreamWindow, this.#options.streamWindow);
    this.#nextStream += 2;
    this.#streams.add(stream);
    return stream;
  }

  /** Sends a PING whose answer is told to `onPong`. */
  ping(): void {
    this.#pingedMs = this.#options.nowMs();
    write.writePing(this.#wire, false, PING_OPAQUE, 0);
    this.#wire.touch();
  }

  /**
   * Ends gently, in two steps (section 6.8): the peer learns first that it should open no more streams, and after its
   * round trip which ones were taken. The wire closes with the last stream.
   */
  shutdown(): void {
    if (this.#graceful || this.failed) return;
    this.#graceful = true;
    if (this.isClient) {
      this.#sendGoAway(h2.NO_ERROR, 0);
    } else {
      write.writeGoAway(this.#wire, h2.MAX_WINDOW, h2.NO_ERROR);
      write.writePing(this.#wire, false, SHUTDOWN_OPAQUE, 0);
      this.#wire.touch();
    }
    this.#closeIfDone();
  }

  /** Ends the connection with an error (section 5.4.1). Every stream is reset. */
  fail(code: number, reason: string): void {
    if (this.failed) return;
    this.#sendGoAway(code, this.#lastPeerStream);
    this.failed = true;
    this.#abortStreams(0, code === h2.NO_ERROR ? h2.CANCEL : code);
    this.#listener.onFailed(code, reason);
    this.#wire.close();
  }

  /** Ends the connection because its peer has exceeded a limit. */
  cut(limit: Http2Limit): void {
    if (this.failed) return;
    this.#listener.onLimit(limit);
    this.fail(h2.ENHANCE_YOUR_CALM, limit);
  }

  /** Ends a stream whose peer has exceeded a limit. */
  cutStream(stream: Stream, limit: Http2Limit): void {
    this.#listener.onLimit(limit);
    this.writeReset(stream, h2.ENHANCE_YOUR_CALM);
    stream.abort(h2.CANCEL);
  }

  // Writing, for Stream.

  /**
   * Writes a request's HEADERS, from memory where the same head was written before. Of the stream, like all up to
   * `forget`.
   */
  writeRequest(stream: Stream, head: RequestHead, last: boolean): void {
    if (this.#repeat(stream.id, head, last)) return;
    this.#writeBlock(stream.id, requestFields(head), last);
    this.#remember(head);
  }

  /** Writes an answer's HEADERS; 101 becomes the 200 of extended CONNECT (RFC 8441 section 5). */
  writeResponse(stream: Stream, head: ResponseHead, last: boolean): void {
    if (stream.isUpgrade) return this.#writeBlock(stream.id, responseFields(head, true), last);
    if (this.#repeat(stream.id, head, last)) return;
    this.#writeBlock(stream.id, responseFields(head, false), last);
    this.#remember(head);
  }

  /** Writes trailers, with END_STREAM. */
  writeTrailers(stream: Stream, fields: Fields): void {
    this.#writeBlock(stream.id, fields, true);
  }

  /** Writes as much of the body as windows and wire allow, in frames; returns the octets written. */
  writeBody(stream: Stream, bytes: Uint8Array, start: number, end: number, last: boolean): number {
    let at = start;
    while (at < end && !this.#wire.blocked) {
      const room = Math.min(stream.sendWindow, this.#sendWindow, this.#peerMaxFrame, h2.DEFAULT_MAX_FRAME_SIZE);
      if (room <= 0) break;
      const next = Math.min(end, at + room);
      write.writeData(this.#wire, stream.id, bytes, at, next, last && next === end);
      stream.sendWindow -= next - at;
      this.#sendWindow -= next - at;
      // A window of a few octets makes many frames of little: only what was not cut short is progress.
      if (next === end || next - at >= SHORT_FRAME) this.#guard.earn(flood.WORTH_OF_DATA);
      at = next;
    }
    if (at > start) this.#wire.touch();
    return at - start;
  }

  /** Ends our direction of a stream with an empty DATA frame. */
  writeEnd(stream: Stream): void {
    write.writeData(this.#wire, stream.id, PING_OPAQUE, 0, 0, true);
    this.#wire.touch();
  }

  /** Writes RST_STREAM. What still comes on the stream is expected for a while. */
  writeReset(stream: Stream, code: number): void {
    this.#noteReset(stream.id);
    write.writeReset(this.#wire, stream.id, code);
    this.#wire.touch();
  }

  /** Lets the peer send `octets` more on a stream. */
  writeGrant(stream: Stream, octets: number): void {
    write.writeWindowUpdate(this.#wire, stream.id, octets);
    this.#wire.touch();
  }

  /** By how much a stream's window grows with the grant of `octets` that is due. */
  windowGrowth(stream: Stream, octets: number): number {
    const { maxStreamWindow, windowBudget } = this.#options;
    const sinceUs = stream.grantedUs;
    stream.grantedUs = this.#growth.nowUs();
    const size = stream.windowSize;
    // A reader that lags holds the sender back on purpose.
    if (windowBudget === null || size >= maxStreamWindow || stream.lags) return 0;
    if (!this.#mayGrow(size, octets, sinceUs, stream.grantedUs)) return 0;
    return windowBudget.take(Math.min(size, maxStreamWindow - size));
  }

  /** A stream queues so many octets more, or fewer. */
  hold(octets: number): void {
    this.#wire.hold(octets);
  }

  /** The stream has octets queued. */
  wait(stream: Stream): void {
    if (stream.waiting) return;
    stream.waiting = true;
    this.#waiting.push(stream);
  }

  /** Takes out a stream that is over, and gives back what its window had grown. */
  forget(stream: Stream): void {
    this.#streams.remove(stream);
    const growth = stream.windowSize - this.#options.streamWindow;
    if (growth > 0) this.#options.windowBudget!.giveBack(growth);
    if (this.failed) return;
    // Not kept among those that wait: a connection without window would gather them.
    if (stream.waiting) this.#waiting = this.#waiting.filter((each) => each !== stream);
    this.#guard.earn(flood.WORTH_OF_STREAM);
    this.#listener.onStreamEnd();
    this.#closeIfDone();
  }

  // Frames, from FrameReader.

  onDataFrame(streamId: number, length: number, padding: number, last: boolean): void {
    if (!this.#mayReceive(streamId)) return;
    if (streamId === 0) return this.fail(h2.PROTOCOL_ERROR, 'data_on_stream_0');
    if (length === padding && !last && this.#guard.spend(flood.PRICE_OF_FRAME)) return this.cut('empty_frame_flood');
    // The connection's window is granted at once, half a window at a time.
    this.#receivedSinceGrant += length;
    if (this.#receivedSinceGrant * 2 >= this.#window) this.#grantConnection();
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (this.#isIdle(streamId)) this.fail(h2.PROTOCOL_ERROR, 'data_on_idle_stream');
      else if (!this.#resetByUs.has(streamId)) this.#refuse(streamId, h2.STREAM_CLOSED);
      else this.#useless(flood.PRICE_OF_FRAME);
      return;
    }
    if (stream.remoteClosed) return this.#streamError(stream, h2.STREAM_CLOSED);
    if (length > stream.receiveWindow) return this.#streamError(stream, h2.FLOW_CONTROL_ERROR);
    stream.receive(length);
    if (padding > 0) stream.grant(padding);
    if (stream.bodyLeft < 0) return;
    // Known before anything of the frame is delivered, so that nobody takes the beginning of a wrong body for a whole one.
    stream.bodyLeft -= length - padding;
    if (stream.bodyLeft < 0 || (last && stream.bodyLeft > 0)) this.#streamError(stream, h2.PROTOCOL_ERROR);
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    if (stream.awaitsResponse) return this.#streamError(stream, h2.PROTOCOL_ERROR);
    if (last) stream.endRemote();
    stream.listener.onData(bytes, start, end, last);
  }

  onHeaders(streamId: number, flags: number, dependency: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#mayReceive(streamId)) return;
    if (streamId === 0) return this.fail(h2.PROTOCOL_ERROR, 'headers_on_stream_0');
    this.#blockStream = streamId;
    this.#blockFlags = flags;
    this.#blockDependency = dependency;
    if (flags & h2.FLAG_END_HEADERS) this.#headerBlock(bytes, start, end);
    else {
      this.#block = copyOf(bytes, start, end);
      this.#blockBegan = this.#block;
      this.#blockOctets = end - start;
    }
  }

  onContinuation(streamId: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#blockStream === 0 || this.#blockStream !== streamId || this.#block === null) {
      return this.fail(h2.PROTOCOL_ERROR, 'continuation_unexpected');
    }
    const octets = this.#blockOctets + (end - start);
    // An empty CONTINUATION makes no progress; a block beyond this cannot be a header list that we accept.
    if (
      octets > this.#options.maxHeaderListSize + 16_384 ||
      (start === end && !(flags & h2.FLAG_END_HEADERS)) ||
      this.#guard.spend(flood.PRICE_OF_CONTINUATION)
    ) {
      return this.cut('continuation_flood');
    }
    if (octets > this.#block.length) {
      const grown = new Uint8Array(octets * 2);
      grown.set(this.#block.subarray(0, this.#blockOctets));
      this.#block = grown;
    }
    this.#block.set(bytes.subarray(start, end), this.#blockOctets);
    this.#blockOctets = octets;
    if (flags & h2.FLAG_END_HEADERS) this.#headerBlock(this.#block, 0, octets);
  }

  onPriority(streamId: number, dependency: number): void {
    if (!this.#mayReceive(streamId)) return;
    if (this.#guard.spend(flood.PRICE_OF_FRAME)) return this.cut('priority_flood');
    // Priorities of RFC 7540 are ignored, except that a frame of the wrong size or a self-dependency is an error.
    if (dependency !== -1 && dependency !== streamId) return;
    const stream = this.#streams.get(streamId);
    const code = dependency === -1 ? h2.FRAME_SIZE_ERROR : h2.PROTOCOL_ERROR;
    if (stream) this.#streamError(stream, code);
    else this.#refuse(streamId, code);
  }

  onReset(streamId: number, code: number): void {
    if (!this.#mayReceive(streamId)) return;
    const stream = this.#streams.get(streamId);
    if (stream) {
      // A server can only reset what we asked for.
      if (!this.isClient && this.#guard.spend(flood.PRICE_OF_RESET)) return this.cut('rapid_reset');
      stream.abort(code);
    } else if (this.#isIdle(streamId)) this.fail(h2.PROTOCOL_ERROR, 'rst_stream_on_idle_stream');
    else this.#useless(flood.PRICE_OF_FRAME);
  }

  onSettings(flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#blockStream !== 0) return this.fail(h2.PROTOCOL_ERROR, 'header_block_interrupted');
    if (flags & h2.FLAG_ACK) {
      if (start !== end) this.fail(h2.FRAME_SIZE_ERROR, 'settings_ack_size');
      else {
        this.#growth.settingsAnswered();
        this.#useless(flood.PRICE_OF_FRAME);
      }
      return;
    }
    const price = (this.#wire.blocked ? flood.PRICE_OF_UNREAD_REPLY : flood.PRICE_OF_SETTINGS) + (end - start) / 6;
    if (this.#guard.spend(price)) return this.cut('settings_flood');
    this.#settingsReceived = true;
    for (let at = start; at < end && !this.failed; at += 6) {
      this.#setting(
        (bytes[at]! << 8) | bytes[at + 1]!,
        bytes[at + 2]! * 0x100_0000 + ((bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!),
      );
    }
    if (this.failed) return;
    write.writeSettingsAck(this.#wire);
    this.#wire.touch();
    this.#pumpWaiting();
    this.#listener.onStreamEnd(); // the stream limit may have grown
  }

  onPing(flags: number, bytes: Uint8Array, start: number): void {
    if (!this.#mayReceive(0)) return;
    const unread = !(flags & h2.FLAG_ACK) && this.#wire.blocked;
    if (this.#guard.spend(unread ? flood.PRICE_OF_UNREAD_REPLY : flood.PRICE_OF_FRAME)) return this.cut('ping_flood');
    if (!(flags & h2.FLAG_ACK)) {
      write.writePing(this.#wire, true, bytes, start);
      this.#wire.touch();
    } else if (this.#graceful && !this.#goAwaySent && bytes[start] === SHUTDOWN_OPAQUE[0]) {
      this.#sendGoAway(h2.NO_ERROR, this.#lastPeerStream);
      this.#closeIfDone();
    } else if (bytes[start] === PROBE_OPAQUE[0]) {
      this.#growth.probeAnswered();
    } else if (this.#pingedMs >= 0) {
      // An answer that nobody asked for tells nothing.
      const roundTripMs = this.#options.nowMs() - this.#pingedMs;
      this.#pingedMs = -1;
      this.#listener.onPong(roundTripMs);
    }
  }

  onGoAway(lastStreamId: number, code: number): void {
    if (!this.#mayReceive(0)) return;
    if (this.#goAwayReceived) this.#useless(flood.PRICE_OF_SETTINGS);
    if (this.failed) return;
    this.#goAwayReceived = true;
    // Streams above the last one were not processed: they may be tried again elsewhere (section 6.8).
    if (this.isClient) this.#abortStreams(lastStreamId, h2.REFUSED_STREAM);
    if (code !== h2.NO_ERROR && lastStreamId === 0) this.#abortStreams(0, code);
    this.#listener.onGoAway();
    this.#closeIfDone();
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (!this.#mayReceive(streamId)) return;
    // The connection's window lets every stream that waits try again.
    const price = streamId === 0 ? flood.PRICE_OF_FRAME + (this.#waiting.length >> 5) : flood.PRICE_OF_FRAME;
    if (this.#guard.spend(price)) return this.cut('window_update_flood');
    if (streamId === 0) {
      if (increment === 0) return this.fail(h2.PROTOCOL_ERROR, 'window_update_zero');
      this.#sendWindow += increment;
      if (this.#sendWindow > h2.MAX_WINDOW) return this.fail(h2.FLOW_CONTROL_ERROR, 'window_overflow');
      return this.#pumpWaiting();
    }
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (this.#isIdle(streamId)) this.fail(h2.PROTOCOL_ERROR, 'window_update_on_idle_stream');
      return;
    }
    if (increment === 0) return this.#streamError(stream, h2.PROTOCOL_ERROR);
    stream.sendWindow += increment;
    if (stream.sendWindow > h2.MAX_WINDOW) return this.#streamError(stream, h2.FLOW_CONTROL_ERROR);
    // This stream alone; it stays in the list until the others are served.
    if (stream.waiting && this.#sendWindow > 0 && !this.#wire.blocked) stream.pump();
  }

  onUnknown(streamId: number): void {
    if (this.#mayReceive(streamId)) this.#useless(flood.PRICE_OF_FRAME);
  }

  // Private.

  #sendPreface(): void {
    const wire = this.#wire;
    const settings: [number, number][] = [
      [h2.SETTINGS_INITIAL_WINDOW_SIZE, this.#options.streamWindow],
      [h2.SETTINGS_MAX_HEADER_LIST_SIZE, this.#options.maxHeaderListSize],
    ];
    if (this.isClient) {
      wire.reserve(h2.PREFACE.length);
      for (let i = 0; i < h2.PREFACE.length; i++) wire.bytes[wire.end++] = h2.PREFACE.charCodeAt(i);
      settings.push([h2.SETTINGS_ENABLE_PUSH, 0]);
    } else {
      settings.push(
        [h2.SETTINGS_MAX_CONCURRENT_STREAMS, this.#options.maxConcurrentStreams],
        [h2.SETTINGS_ENABLE_CONNECT_PROTOCOL, 1],
      );
    }
    write.writeSettings(wire, settings);
    write.writeWindowUpdate(wire, 0, CONNECTION_WINDOW - h2.DEFAULT_WINDOW);
    wire.touch();
  }

  /** Grants what has come on all streams. Holds nothing by itself, so that its growth costs no budget. */
  #grantConnection(): void {
    const sinceUs = this.#grantedUs;
    this.#grantedUs = this.#growth.nowUs();
    const size = this.#window;
    const octets = this.#receivedSinceGrant;
    const canGrow = size < MAX_CONNECTION_WINDOW && this.#options.windowBudget !== null;
    if (canGrow && this.#mayGrow(size, octets, sinceUs, this.#grantedUs)) this.#window *= 2;
    write.writeWindowUpdate(this.#wire, 0, octets + this.#window - size);
    this.#wire.touch();
    this.#receivedSinceGrant = 0;
  }

  /** Whether a window holds the peer back; asks for the round trip once more where it seems so. */
  #mayGrow(size: number, granted: number, sinceUs: number, nowUs: number): boolean {
    const growth = this.#growth;
    if (!growth.holdsBack(size, granted, sinceUs, nowUs)) return false;
    if (!growth.isProbing) {
      growth.probeSent();
      write.writePing(this.#wire, false, PROBE_OPAQUE, 0);
      this.#wire.touch();
    }
    return growth.isProven;
  }

  /** SETTINGS comes first, and nothing may come between the frames of a header block (sections 3.4, 4.3). */
  #mayReceive(_streamId: number): boolean {
    if (!this.#settingsReceived) this.fail(h2.PROTOCOL_ERROR, 'settings_not_first');
    else if (this.#blockStream !== 0) this.fail(h2.PROTOCOL_ERROR, 'header_block_interrupted');
    return !this.failed;
  }

  #setting(id: number, value: number): void {
    switch (id) {
      case h2.SETTINGS_HEADER_TABLE_SIZE:
        this.#encoder.limit(value);
        break;
      case h2.SETTINGS_ENABLE_PUSH:
        if (value > 1 || (this.isClient && value === 1)) this.fail(h2.PROTOCOL_ERROR, 'enable_push_invalid');
        break;
      case h2.SETTINGS_MAX_CONCURRENT_STREAMS:
        this.#peerMaxStreams = Math.min(value, h2.MAX_WINDOW);
        break;
      case h2.SETTINGS_INITIAL_WINDOW_SIZE: {
        if (value > h2.MAX_WINDOW) return this.fail(h2.FLOW_CONTROL_ERROR, 'initial_window_invalid');
        const change = value - this.#peerStreamWindow;
        this.#peerStreamWindow = value;
        for (const stream of this.#streams.all()) {
          stream.sendWindow += change;
          if (stream.sendWindow > h2.MAX_WINDOW) return this.fail(h2.FLOW_CONTROL_ERROR, 'window_overflow');
        }
        break;
      }
      case h2.SETTINGS_MAX_FRAME_SIZE:
        if (value < 16_384 || value > 16_777_215) return this.fail(h2.PROTOCOL_ERROR, 'max_frame_size_invalid');
        this.#peerMaxFrame = value;
        break;
      case h2.SETTINGS_ENABLE_CONNECT_PROTOCOL:
        if (value > 1) this.fail(h2.PROTOCOL_ERROR, 'enable_connect_protocol_invalid');
        break;
    }
  }

  #headerBlock(bytes: Uint8Array, start: number, end: number): void {
    const streamId = this.#blockStream;
    const last = (this.#blockFlags & h2.FLAG_END_STREAM) !== 0;
    const dependency = this.#blockDependency;
    this.#blockStream = 0;
    this.#block = null;
    this.#blockBegan = null;

    const block = this.#decode(bytes, start, end);
    if (block === null) return;

    const stream = this.#streams.get(streamId);
    if (stream) {
      if (stream.remoteClosed) return this.#streamError(stream, h2.STREAM_CLOSED);
      if (dependency === streamId) return this.#streamError(stream, h2.PROTOCOL_ERROR);
      if (block.tooLarge) {
        if (this.#largeHeaders()) this.#streamError(stream, h2.ENHANCE_YOUR_CALM);
        return;
      }
      if (stream.awaitsResponse) this.#response(stream, block, last);
      else this.#trailers(stream, block.fields, last);
    } else if (!this.isClient && streamId % 2 === 1 && streamId > this.#lastPeerStream) {
      this.#request(streamId, block, last, dependency);
    } else if (!this.#resetByUs.has(streamId)) {
      if (this.isClient && streamId % 2 === 1 && streamId < this.#nextStream) this.#refuse(streamId, h2.STREAM_CLOSED);
      else if (!this.isClient && streamId % 2 === 1) this.fail(h2.STREAM_CLOSED, 'headers_on_closed_stream');
      else this.fail(h2.PROTOCOL_ERROR, 'stream_id_invalid');
    } else this.#useless(flood.PRICE_OF_REFUSAL);
  }

  /** What the block says, from memory where it can be; null: it cannot be decoded, and the connection has failed. */
  #decode(bytes: Uint8Array, start: number, end: number): DecodedBlock | null {
    const { version } = this.#decoder;
    const known = this.#decoded.find(bytes, start, end, version);
    if (known !== null) return known;
    const fields: string[] = [];
    const result = this.#decoder.decode(bytes, start, end, fields, this.#options.maxHeaderListSize);
    const tooLarge = result === HPACK_TOO_LARGE || fields.length > 2 * this.#options.maxHeaderFields;
    if (result < 0 && result !== HPACK_TOO_LARGE) {
      if (result === HPACK_BOMB) this.cut('header_bomb');
      else this.fail(h2.COMPRESSION_ERROR, 'header_block_invalid');
      return null;
    }
    const block: DecodedBlock = { fields, tooLarge, length: contentLength(fields), request: null, response: null };
    if (this.#decoder.version === version && !tooLarge && ++this.#blocksDecoded > BLOCKS_BEFORE_MEMORY)
      this.#decoded.keep(bytes, start, end, version, block);
    return block;
  }

  #request(streamId: number, block: DecodedBlock, last: boolean, dependency: number): void {
    const { fields, tooLarge } = block;
    this.#lastPeerStream = streamId;
    if (this.#goAwaySent) return this.#refuse(streamId, h2.REFUSED_STREAM);
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#listener.onLimit('stream_limit');
      return this.#refuse(streamId, h2.REFUSED_STREAM);
    }
    if (tooLarge && !this.#largeHeaders()) return;
    if (dependency === streamId) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
    block.request ??= readRequest(fields, this.#options.keepCase);
    const head = block.request;
    const stream = new Stream(this, streamId, SILENT, this.#peerStreamWindow, this.#options.streamWindow);
    if (tooLarge || typeof head === 'string') {
      // Too large gets its answer (RFC 6585 section 5), so that the client learns why; malformed is a stream error.
      if (!tooLarge) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
      this.#streams.add(stream);
      stream.remoteClosed = last;
      stream.sendResponse({ status: 431, fields: ['content-length', '0'] }, true);
      if (!last) stream.reset(h2.NO_ERROR);
      return;
    }
    const { length } = block;
    if (length === -2 || (last && length > 0)) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
    this.#streams.add(stream);
    stream.isUpgrade = head.protocol !== '';
    stream.isHead = head.method === 'HEAD';
    stream.bodyLeft = length;
    if (last) stream.endRemote();
    stream.listener = this.#listener.onRequest(stream, head, last);
  }

  #response(stream: Stream, block: DecodedBlock, last: boolean): void {
    const { fields } = block;
    // An upgrade's answer reads otherwise, and does not come twice.
    if (!stream.isUpgrade) block.response ??= readResponse(fields, this.#options.keepCase, false);
    const head = stream.isUpgrade ? readResponse(fields, this.#options.keepCase, true) : block.response!;
    if (typeof head === 'string') return this.#streamError(stream, h2.PROTOCOL_ERROR);
    if (head.status < 200 && head.status !== 101) {
      if (last) return this.#streamError(stream, h2.PROTOCOL_ERROR);
      return stream.listener.onInformational(head);
    }
    const { length } = block;
    const bodyless = stream.isHead || head.status === 204 || head.status === 304;
    if (length === -2 || (last && length > 0 && !bodyless)) return this.#streamError(stream, h2.PROTOCOL_ERROR);
    stream.awaitsResponse = false;
    stream.bodyLeft = bodyless && length >= 0 ? 0 : length;
    if (last) stream.endRemote();
    stream.listener.onResponse(head, last);
  }

  #trailers(stream: Stream, fields: Fields, last: boolean): void {
    if (!last || trailersFault(fields, this.#options.keepCase) || stream.bodyLeft > 0) {
      return this.#streamError(stream, h2.PROTOCOL_ERROR);
    }
    stream.endRemote();
    stream.listener.onTrailers(fields);
  }

  /** Ends a stream for the peer's fault; its listener hears the same code. */
  #streamError(stream: Stream, code: number): void {
    if (stream.closed) return this.#refuse(stream.id, code);
    if (this.#isFaultTooMany(flood.PRICE_OF_RESET)) return;
    this.writeReset(stream, code);
    stream.abort(code);
  }

  #refuse(streamId: number, code: number): void {
    if (this.#isFaultTooMany(flood.PRICE_OF_REFUSAL)) return;
    this.#noteReset(streamId);
    write.writeReset(this.#wire, streamId, code);
    this.#wire.touch();
  }

  /** Counts a reset that the peer has made us send. What servers do wrong is bounded by what we ask of them. */
  #isFaultTooMany(price: number): boolean {
    if (this.isClient || !this.#guard.spend(this.#wire.blocked ? flood.PRICE_OF_UNREAD_REPLY : price)) return false;
    this.cut('stream_error_flood');
    return true;
  }

  /** Counts a header list that is too large. @returns whether the connection goes on */
  #largeHeaders(): boolean {
    this.#listener.onLimit('header_list_too_large');
    if (this.#guard.spend(flood.PRICE_OF_LARGE_HEADERS)) this.cut('stream_error_flood');
    return !this.failed;
  }

  /** A frame that changes nothing. */
  #useless(price: number): void {
    if (this.#guard.spend(price)) this.cut('useless_frame_flood');
  }

  #noteReset(streamId: number): void {
    this.#resetByUs.add(streamId);
    if (this.#resetByUs.size > 256) {
      for (const oldest of this.#resetByUs) {
        this.#resetByUs.delete(oldest);
        break;
      }
    }
  }

  #isIdle(streamId: number): boolean {
    const ours = (streamId % 2 === 1) === this.isClient;
    return ours ? streamId >= this.#nextStream : streamId > this.#lastPeerStream;
  }

  #writeBlock(streamId: number, fields: Fields, last: boolean): void {
    const bound = this.#encoder.bound(fields);
    if (scratch.length < bound) scratch = new Uint8Array(bound * 2);
    scratchOctets = this.#encoder.encode(fields, scratch, 0);
    write.writeHeaders(this.#wire, streamId, scratch, scratchOctets, last, h2.DEFAULT_MAX_FRAME_SIZE);
    this.#wire.touch();
  }

  /** Writes the block of a head again that was the last one too. */
  #repeat(streamId: number, head: RequestHead | ResponseHead, last: boolean): boolean {
    if (head !== this.#encodedHead || this.#encoded === null || this.#encodedVersion !== this.#encoder.version)
      return false;
    write.writeHeaders(this.#wire, streamId, this.#encoded, this.#encodedOctets, last, h2.DEFAULT_MAX_FRAME_SIZE);
    this.#wire.touch();
    return true;
  }

  /** `head` was encoded, and its block is still in the scratch. */
  #remember(head: RequestHead | ResponseHead): void {
    const { version } = this.#encoder;
    // Encoded twice without a change of the table in between or by itself: the third time can be a copy.
    if (head === this.#encodedHead && version === this.#encodedVersion && scratchOctets <= MAX_REPEATED) {
      this.#encoded ??= new Uint8Array(MAX_REPEATED);
      for (let i = 0; i < scratchOctets; i++) this.#encoded[i] = scratch[i]!;
      this.#encodedOctets = scratchOctets;
    } else {
      this.#encoded = null;
      this.#encodedHead = head;
      this.#encodedVersion = version;
    }
  }

  #sendGoAway(code: number, lastStreamId: number): void {
    this.#goAwaySent = true;
    write.writeGoAway(this.#wire, lastStreamId, code);
    this.#wire.touch();
  }

  #abortStreams(above: number, code: number): void {
    for (const stream of this.#streams.all()) if (stream.id > above) stream.abort(code);
  }

  /** Serves the waiting streams in turn: one that the connection's window or the wire cut short comes last next time. */
  #pumpWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#sendWindow <= 0 || this.#wire.blocked) return;
    this.#waiting = [];
    let at = 0;
    for (; at < waiting.length && this.#sendWindow > 0 && !this.#wire.blocked; at++) {
      const stream = waiting[at]!;
      stream.waiting = false;
      if (!stream.closed && !stream.pump()) this.wait(stream);
    }
    if (at === waiting.length) return;
    const cutShort = this.#waiting;
    this.#waiting = waiting.slice(at).filter((stream) => !stream.closed);
    for (const stream of cutShort) this.#waiting.push(stream);
  }

  #closeIfDone(): void {
    if (this.failed || this.#streams.size > 0) return;
    if (this.#goAwaySent || (this.#goAwayReceived && this.isClient)) {
      this.failed = true;
      if (!this.#goAwaySent) this.#sendGoAway(h2.NO_ERROR, 0);
      this.#wire.close();
    }
  }
}

/** Our receive window for the connection, which grows: 1 MiB holds nobody back on paths below 10 ms. */
const CONNECTION_WINDOW = 1_048_576;
/** Eight streams' windows. */
const MAX_CONNECTION_WINDOW = 16_777_216;

/** Octets below which a DATA frame that the peer's window cut short is no progress. */
const SHORT_FRAME = 1024;

const PING_OPAQUE = Uint8Array.of(0x77, 0x65, 0x66, 0x74, 0x70, 0x69, 0x6e, 0x67);
const PROBE_OPAQUE = Uint8Array.of(0x67, 0x72, 0x6f, 0x77, 0x74, 0x68, 0x3f, 0x3f);
const SHUTDOWN_OPAQUE = Uint8Array.of(0x64, 0x72, 0x61, 0x69, 0x6e, 0x69, 0x6e, 0x67);

/** Where header blocks are encoded before they are framed; valid until the next block. */
let scratch = new Uint8Array(16_384);
let scratchOctets = 0;

/** A connection that has decoded this many blocks is worth memory for repeated ones. */
const BLOCKS_BEFORE_MEMORY = 16;
/** Longest block that is kept for repetition, octets. */
const MAX_REPEATED = 256;

/** A header block, decoded; read as a request or an answer when it is first needed as one. */
interface DecodedBlock {
  readonly fields: Fields;
  readonly tooLarge: boolean;
  /** What `content-length` says: -1: nothing, -2: nonsense. */
  readonly length: number;
  request: RequestHead | HeaderFault | null;
  response: ResponseHead | HeaderFault | null;
}

/** Listens to a stream until its owner is known. */
const SILENT: StreamListener = {
  onResponse() {},
  onInformational() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onSent() {},
};
