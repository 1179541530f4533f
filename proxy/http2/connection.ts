import type { ConnectionListener, Http2Limit } from './connection-listener.ts';
import { type ConnectionOptions, DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import * as flood from './flood-guard.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { writeSettingsAck } from './frame-writer.ts';
import { GoingAway } from './going-away.ts';
import { HeaderBlock } from './header-block.ts';
import { type DecodedBlock, HeaderDecoder } from './header-decoder.ts';
import { readRequest } from './header-rules.ts';
import type { DecodeLatin1 } from './hpack/decoder.ts';
import type { StreamListener, Wire } from './message.ts';
import { PeerSettings } from './peer-settings.ts';
import { Pings } from './pings.ts';
import { writePreface } from './preface.ts';
import { ReceiveWindows } from './receive-windows.ts';
import { Sender } from './sender.ts';
import { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import * as h2 from './wire-vocabulary.ts';

/**
 * An HTTP/2 connection of either role, without I/O: octets in by `receive`, octets out through the wire.
 *
 * Client and server differ in who opens streams and in the preface. The connection's own receive window is granted as
 * soon as octets arrive, and only the streams' windows hold a sender back: one slow reader cannot stall the others
 * (the price: a connection may hold `maxConcurrentStreams * streamWindow` octets).
 *
 * What has states of its own has a type of its own: the header block that comes, the tables of both directions, windows,
 * PINGs, what the peer has set, and how the connection goes away. Here frames meet streams.
 *
 * Spec: RFC 9113.
 */
export class Connection implements FrameSink {
  readonly isClient: boolean;
  readonly #wire: Wire;
  readonly #listener: ConnectionListener;
  readonly #options: ConnectionOptions;
  readonly #guard: flood.FloodGuard;
  readonly #reader: FrameReader;
  readonly #block = new HeaderBlock();
  readonly #decoder: HeaderDecoder;
  readonly #pings: Pings;
  readonly #receiveWindows: ReceiveWindows;
  readonly #sender: Sender;
  readonly #peer: PeerSettings;
  readonly #goingAway: GoingAway;
  readonly #streams = new StreamTable();

  failed = false;
  #prefaceLeft: number;
  /** Highest stream identifier opened by the peer, and our next one. */
  #lastPeerStream = 0;
  #nextStream = 1;

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
    this.#reader = new FrameReader(this, h2.DEFAULT_MAX_FRAME_SIZE);
    this.#decoder = new HeaderDecoder(latin1, options.maxHeaderListSize, options.maxHeaderFields);
    this.#pings = new Pings(wire, nowMs);
    this.#receiveWindows = new ReceiveWindows(wire, options, this.#pings);
    this.#sender = new Sender(wire, this.#guard, this.#receiveWindows, (stream) => this.#forget(stream));
    this.#peer = new PeerSettings(this.isClient);
    this.#goingAway = new GoingAway(wire);
    this.#prefaceLeft = this.isClient ? 0 : h2.PREFACE.length;
    writePreface(wire, this.isClient, options);
    this.#receiveWindows.open();
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
    return this.#peer.received ? (this.#block.begun ?? this.#reader.unfinished) : this.#reader;
  }

  /** The peer's SETTINGS have come: until then it is not known how many streams it takes, and one alone may be open. */
  get isSettled(): boolean {
    return this.#peer.received;
  }

  /** Whether another stream may be opened now. Client only. */
  get hasRoom(): boolean {
    return !this.isEnding && this.#streams.size < this.#peer.maxConcurrentStreams && this.#nextStream < 0x7fff_fff0;
  }

  /** No more streams can be opened here, ever. */
  get isEnding(): boolean {
    return this.failed || this.#goingAway.isEnding;
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
    this.#sender.window.pump();
  }

  /** The transport is gone: every stream ends. @param code given to the streams' listeners */
  onClosed(code: number): void {
    if (this.failed) return;
    this.failed = true;
    this.#abortStreams(0, code);
  }

  /** Opens a stream. Client only; `hasRoom` must hold. */
  open(listener: StreamListener): Stream {
    const stream = new Stream(
      this.#sender,
      this.#nextStream,
      listener,
      this.#peer.initialWindow,
      this.#options.streamWindow,
    );
    this.#nextStream += 2;
    this.#streams.add(stream);
    return stream;
  }

  /** Sends a PING whose answer is told to `onPong`. */
  ping(): void {
    this.#pings.send('round-trip');
  }

  /** Ends gently: the wire closes with the last stream, and no more are opened. */
  shutdown(): void {
    if (this.failed || this.#goingAway.isDraining) return;
    this.#goingAway.drain(this.#pings, this.isClient);
    this.#closeIfDone();
  }

  /** Ends the connection with an error (section 5.4.1). Every stream is reset. */
  fail(code: number, reason: string): void {
    if (this.failed) return;
    this.#goingAway.send(code, this.#lastPeerStream);
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
    this.#sender.writeReset(stream.id, h2.ENHANCE_YOUR_CALM);
    stream.abort(h2.CANCEL);
  }

  // Frames, from FrameReader.

  onDataFrame(streamId: number, length: number, padding: number, last: boolean): void {
    if (!this.#mayReceive()) return;
    if (streamId === 0) return this.fail(h2.PROTOCOL_ERROR, 'data_on_stream_0');
    if (length === padding && !last && this.#guard.spend(flood.PRICE_OF_FRAME)) return this.cut('empty_frame_flood');
    this.#receiveWindows.receive(length);
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (this.#isIdle(streamId)) this.fail(h2.PROTOCOL_ERROR, 'data_on_idle_stream');
      else if (!this.#sender.resetStreams.has(streamId)) this.#refuse(streamId, h2.STREAM_CLOSED);
      else this.#useless(flood.PRICE_OF_FRAME);
      return;
    }
    const fault = stream.receive(length, padding, last);
    if (fault !== h2.NO_ERROR) this.#streamError(stream, fault);
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    if (stream.awaitsResponse) return this.#streamError(stream, h2.PROTOCOL_ERROR);
    if (last) stream.endRemote();
    stream.listener.onData(bytes, start, end, last);
  }

  onHeaders(streamId: number, flags: number, dependency: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#mayReceive()) return;
    if (streamId === 0) return this.fail(h2.PROTOCOL_ERROR, 'headers_on_stream_0');
    this.#block.begin(streamId, flags, dependency);
    if (flags & h2.FLAG_END_HEADERS) this.#headerBlock(bytes, start, end);
    else this.#block.keep(bytes, start, end);
  }

  onContinuation(streamId: number, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const block = this.#block;
    if (block.bytes === null || block.streamId !== streamId) {
      return this.fail(h2.PROTOCOL_ERROR, 'continuation_unexpected');
    }
    // An empty CONTINUATION makes no progress; a block beyond this cannot be a header list that we accept.
    if (
      block.octets + (end - start) > this.#options.maxHeaderListSize + 16_384 ||
      (start === end && !(flags & h2.FLAG_END_HEADERS)) ||
      this.#guard.spend(flood.PRICE_OF_CONTINUATION)
    ) {
      return this.cut('continuation_flood');
    }
    block.add(bytes, start, end);
    if (flags & h2.FLAG_END_HEADERS) this.#headerBlock(block.bytes, 0, block.octets);
  }

  onPriority(streamId: number, dependency: number): void {
    if (!this.#mayReceive()) return;
    if (this.#guard.spend(flood.PRICE_OF_FRAME)) return this.cut('priority_flood');
    // Priorities of RFC 7540 are ignored, except that a frame of the wrong size or a self-dependency is an error.
    if (dependency !== -1 && dependency !== streamId) return;
    const stream = this.#streams.get(streamId);
    const code = dependency === -1 ? h2.FRAME_SIZE_ERROR : h2.PROTOCOL_ERROR;
    if (stream) this.#streamError(stream, code);
    else this.#refuse(streamId, code);
  }

  onReset(streamId: number, code: number): void {
    if (!this.#mayReceive()) return;
    const stream = this.#streams.get(streamId);
    if (stream) {
      // A server can only reset what we asked for.
      if (!this.isClient && this.#guard.spend(this.#priceOfReset(stream))) return this.cut('rapid_reset');
      stream.abort(code);
    } else if (this.#isIdle(streamId)) this.fail(h2.PROTOCOL_ERROR, 'rst_stream_on_idle_stream');
    else this.#useless(flood.PRICE_OF_FRAME);
  }

  onSettings(flags: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#block.streamId !== 0) return this.fail(h2.PROTOCOL_ERROR, 'header_block_interrupted');
    if (flags & h2.FLAG_ACK) {
      if (start !== end) this.fail(h2.FRAME_SIZE_ERROR, 'settings_ack_size');
      else {
        this.#receiveWindows.settingsAnswered();
        this.#useless(flood.PRICE_OF_FRAME);
      }
      return;
    }
    const price = (this.#wire.blocked ? flood.PRICE_OF_UNREAD_REPLY : flood.PRICE_OF_SETTINGS) + (end - start) / 6;
    if (this.#guard.spend(price)) return this.cut('settings_flood');
    this.#peer.begin();
    for (let at = start; at < end && !this.failed; at += 6) {
      this.#setting(
        (bytes[at]! << 8) | bytes[at + 1]!,
        bytes[at + 2]! * 0x100_0000 + ((bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!),
      );
    }
    if (this.failed) return;
    writeSettingsAck(this.#wire);
    this.#wire.touch();
    this.#sender.window.pump();
    this.#listener.onRoom();
  }

  onPing(flags: number, bytes: Uint8Array, start: number): void {
    if (!this.#mayReceive()) return;
    const unread = !(flags & h2.FLAG_ACK) && this.#wire.blocked;
    if (this.#guard.spend(unread ? flood.PRICE_OF_UNREAD_REPLY : flood.PRICE_OF_FRAME)) return this.cut('ping_flood');
    if (!(flags & h2.FLAG_ACK)) return this.#pings.answer(bytes, start);
    const purpose = this.#pings.purposeOf(bytes, start);
    if (purpose === 'growth') return this.#receiveWindows.probeAnswered();
    if (purpose === 'drain') return this.#drained();
    const roundTripMs = this.#pings.answered();
    if (roundTripMs >= 0) this.#listener.onPong(roundTripMs);
  }

  onGoAway(lastStreamId: number, code: number): void {
    if (!this.#mayReceive()) return;
    if (this.#goingAway.received) this.#useless(flood.PRICE_OF_SETTINGS);
    if (this.failed) return;
    this.#goingAway.received = true;
    // Streams above the last one were not processed: they may be tried again elsewhere (section 6.8).
    if (this.isClient) this.#abortStreams(lastStreamId, h2.REFUSED_STREAM);
    if (code !== h2.NO_ERROR && lastStreamId === 0) this.#abortStreams(0, code);
    this.#listener.onGoAway();
    this.#closeIfDone();
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (!this.#mayReceive()) return;
    // The connection's window lets every stream that waits try again.
    const price =
      streamId === 0 ? flood.PRICE_OF_FRAME + (this.#sender.window.waitingCount >> 5) : flood.PRICE_OF_FRAME;
    if (this.#guard.spend(price)) return this.cut('window_update_flood');
    if (streamId === 0) {
      if (increment === 0) return this.fail(h2.PROTOCOL_ERROR, 'window_update_zero');
      this.#sender.window.octets += increment;
      if (this.#sender.window.octets > h2.MAX_WINDOW) return this.fail(h2.FLOW_CONTROL_ERROR, 'window_overflow');
      return this.#sender.window.pump();
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
    if (stream.waiting && this.#sender.window.isOpen) stream.pump();
  }

  onUnknown(): void {
    if (this.#mayReceive()) this.#useless(flood.PRICE_OF_FRAME);
  }

  // Private.

  /** SETTINGS comes first, and nothing may come between the frames of a header block (sections 3.4, 4.3). */
  #mayReceive(): boolean {
    if (!this.#peer.received) this.fail(h2.PROTOCOL_ERROR, 'settings_not_first');
    else if (this.#block.streamId !== 0) this.fail(h2.PROTOCOL_ERROR, 'header_block_interrupted');
    return !this.failed;
  }

  #setting(id: number, value: number): void {
    if (id === h2.SETTINGS_HEADER_TABLE_SIZE) return this.#sender.encoder.limit(value);
    const before = this.#peer.initialWindow;
    const fault = this.#peer.take(id, value);
    if (fault !== null) return this.fail(fault.code, fault.reason);
    const change = this.#peer.initialWindow - before;
    if (change === 0) return;
    for (const stream of this.#streams.all()) {
      stream.sendWindow += change;
      if (stream.sendWindow > h2.MAX_WINDOW) return this.fail(h2.FLOW_CONTROL_ERROR, 'window_overflow');
    }
  }

  #headerBlock(bytes: Uint8Array, start: number, end: number): void {
    const { streamId, flags, dependency } = this.#block;
    const last = (flags & h2.FLAG_END_STREAM) !== 0;
    this.#block.end();

    const block = this.#decoder.decode(bytes, start, end);
    if (block === 'header_bomb') return this.cut(block);
    if (block === 'header_block_invalid') return this.fail(h2.COMPRESSION_ERROR, block);

    const stream = this.#streams.get(streamId);
    if (stream) {
      if (stream.remoteClosed) return this.#streamError(stream, h2.STREAM_CLOSED);
      if (dependency === streamId) return this.#streamError(stream, h2.PROTOCOL_ERROR);
      if (block.tooLarge) {
        if (this.#largeHeaders()) this.#streamError(stream, h2.ENHANCE_YOUR_CALM);
        return;
      }
      const fault = stream.receiveHeaders(block, last, this.#options.keepCase);
      if (fault !== h2.NO_ERROR) this.#streamError(stream, fault);
    } else if (!this.isClient && streamId % 2 === 1 && streamId > this.#lastPeerStream) {
      this.#request(streamId, block, last, dependency);
    } else if (!this.#sender.resetStreams.has(streamId)) {
      if (this.isClient && streamId % 2 === 1 && streamId < this.#nextStream) this.#refuse(streamId, h2.STREAM_CLOSED);
      else if (!this.isClient && streamId % 2 === 1) this.fail(h2.STREAM_CLOSED, 'headers_on_closed_stream');
      else this.fail(h2.PROTOCOL_ERROR, 'stream_id_invalid');
    } else this.#useless(flood.PRICE_OF_REFUSAL);
  }

  #request(streamId: number, block: DecodedBlock, last: boolean, dependency: number): void {
    const { fields, tooLarge } = block;
    this.#lastPeerStream = streamId;
    if (this.#goingAway.sent) return this.#refuse(streamId, h2.REFUSED_STREAM);
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#listener.onLimit('stream_limit');
      return this.#refuse(streamId, h2.REFUSED_STREAM);
    }
    if (tooLarge && !this.#largeHeaders()) return;
    if (dependency === streamId) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
    block.request ??= readRequest(fields, this.#options.keepCase);
    const head = block.request;
    const stream = new Stream(this.#sender, streamId, null, this.#peer.initialWindow, this.#options.streamWindow);
    stream.openedMs = this.#options.nowMs() | 0;
    if (tooLarge || typeof head === 'string') {
      // Too large gets its answer (RFC 6585 section 5), so that the client learns why; malformed is a stream error.
      if (!tooLarge) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
      this.#streams.add(stream);
      stream.remoteClosed = last;
      stream.refuseRest();
      stream.sendResponse({ status: 431, fields: ['content-length', '0'] }, true);
      return;
    }
    const { length } = block;
    if (length === -2 || (last && length > 0)) return this.#refuse(streamId, h2.PROTOCOL_ERROR);
    this.#streams.add(stream);
    stream.receiveRequest(head, length, last);
    stream.listener = this.#listener.onRequest(stream, head, last);
  }

  #priceOfReset({ openedMs }: Stream): number {
    const { nowMs, keepCase } = this.#options;
    // Modulo 2^32, as it was noted.
    return flood.priceOfReset(((nowMs() | 0) - openedMs) | 0, keepCase ? flood.RIPE_OF_PEER_MS : flood.RIPE_MS);
  }

  /** Ends a stream for the peer's fault; its listener hears the same code, or that the answer cannot be read. */
  #streamError(stream: Stream, code: number): void {
    if (stream.closed) return this.#refuse(stream.id, code);
    if (this.#isFaultTooMany(flood.PRICE_OF_RESET)) return;
    this.#sender.writeReset(stream.id, code);
    stream.abort(this.isClient && code === h2.PROTOCOL_ERROR ? h2.MALFORMED_ANSWER : code);
  }

  #refuse(streamId: number, code: number): void {
    if (this.#isFaultTooMany(flood.PRICE_OF_REFUSAL)) return;
    this.#sender.writeReset(streamId, code);
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

  #isIdle(streamId: number): boolean {
    const ours = (streamId % 2 === 1) === this.isClient;
    return ours ? streamId >= this.#nextStream : streamId > this.#lastPeerStream;
  }

  /** A stream is over. */
  #forget(stream: Stream): void {
    this.#streams.remove(stream);
    this.#receiveWindows.giveBack(stream);
    if (this.failed) return;
    this.#sender.window.forget(stream);
    this.#guard.earn(flood.WORTH_OF_STREAM);
    this.#listener.onStreamEnd();
    this.#listener.onRoom();
    this.#closeIfDone();
  }

  #abortStreams(above: number, code: number): void {
    for (const stream of this.#streams.all()) if (stream.id > above) stream.abort(code);
  }

  /** The answer to the PING of a drain: the peer knows that it ends, and opens no more streams. */
  #drained(): void {
    if (!this.#goingAway.isDraining || this.#goingAway.sent) return;
    this.#goingAway.send(h2.NO_ERROR, this.#lastPeerStream);
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.failed || this.#streams.size > 0) return;
    const { sent, received } = this.#goingAway;
    if (!sent && !(received && this.isClient)) return;
    this.failed = true;
    if (!sent) this.#goingAway.send(h2.NO_ERROR, 0);
    this.#wire.close();
  }
}
