import type { DecodedBlock } from './header-decoder.ts';
import { expectsContinue, readResponse, trailersFault } from './header-rules.ts';
import { DEAF, type Fields, type RequestHead, type ResponseHead, type StreamListener } from './message.ts';
import { SendQueue } from './send-queue.ts';
import { FLOW_CONTROL_ERROR, NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED } from './wire-vocabulary.ts';

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** Writes a request's HEADERS; `last`: with END_STREAM. */
  writeRequest(stream: Stream, head: RequestHead, last: boolean): void;
  /** Writes an answer's HEADERS; 101 becomes the 200 of extended CONNECT (RFC 8441 section 5). */
  writeResponse(stream: Stream, head: ResponseHead, last: boolean): void;
  /** Writes trailers, with END_STREAM. */
  writeTrailers(stream: Stream, fields: Fields): void;
  /** Writes as much of the body as windows and wire allow, in frames. @returns octets written */
  writeBody(stream: Stream, bytes: Uint8Array, start: number, end: number, last: boolean): number;
  /** Ends our direction with an empty DATA frame. */
  writeEnd(stream: Stream): void;
  /** Writes RST_STREAM. */
  writeReset(streamId: number, code: number): void;
  /** Lets the peer send `octets` more. */
  writeGrant(stream: Stream, octets: number): void;
  /** By how much the window grows with the grant of `octets` that is due. */
  windowGrowth(stream: Stream, octets: number): number;
  /** So many octets more are queued, or fewer. */
  hold(octets: number): void;
  /** The stream has octets queued: it is pumped when they may leave. */
  wait(stream: Stream): void;
  /** The stream is over. Called once. */
  forget(stream: Stream): void;
}

/**
 * One exchange on an HTTP/2 connection.
 *
 *     idle ──HEADERS──▶ open ──END_STREAM sent──▶ half-closed (local)  ──END_STREAM received──▶ closed
 *                        └────END_STREAM received─▶ half-closed (remote) ──END_STREAM sent────▶ closed
 *                        any ──RST_STREAM either way──▶ closed
 *
 * Spec: RFC 9113 section 5.1. Owned by its connection; nothing may be sent once `closed` is true.
 */
export class Stream {
  readonly id: number;
  readonly #owner: StreamOwner;
  listener: StreamListener;

  /** Octets that we may still send, before the connection's own window; below 0 after SETTINGS shrank it. */
  sendWindow: number;
  /** How many octets the peer may send before the listener has disposed of any; grows. */
  windowSize: number;
  /** Octets of them that the peer may still send, and those consumed but not yet granted again. */
  receiveWindow: number;
  #ungranted = 0;
  /** Since the last grant more than half a window waited for the listener. Of the connection. */
  lags = false;
  /** When the window was granted last, by the clock of `WindowGrowth`; 0: never. Of the connection. */
  grantedUs = 0;

  /** Server: when the request came, whole milliseconds modulo 2^32. Of the connection. */
  openedMs = 0;

  localClosed = false;
  remoteClosed = false;
  /** Reset by either side, or both sides are done. */
  closed = false;
  /** Client: waiting for a final answer. Server: the request was an extended CONNECT. */
  awaitsResponse = false;
  isUpgrade = false;
  /** HEAD, or a request whose answer has no body. */
  isHead = false;
  /** Octets of body still to come by content-length; -1: not declared. */
  bodyLeft = -1;
  /** Server: the body comes when we ask for it (`Expect: 100-continue`), and is not late before. */
  awaitsContinue = false;

  /** Null until something has to wait: most streams never queue. */
  #queue: SendQueue | null = null;
  #queuedLast = false;
  #restRefused = false;
  #queuedTrailers: Fields | null = null;
  /** In the connection's list of streams that wait for window or for the wire. */
  waiting = false;

  /** @param listener null: nobody yet */
  constructor(
    owner: StreamOwner,
    id: number,
    listener: StreamListener | null,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.#owner = owner;
    this.id = id;
    this.listener = listener ?? DEAF;
    this.sendWindow = sendWindow;
    this.windowSize = receiveWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Octets that had to wait and have left since; -1: none wait now. */
  get leftQueue(): number {
    return this.#queue !== null && this.#queue.octets > 0 ? this.#queue.left : -1;
  }

  /** Sends a request's head. Client only, once, first. */
  sendRequest(head: RequestHead, last: boolean): void {
    this.awaitsResponse = true;
    this.isUpgrade = head.protocol !== '';
    this.isHead = head.method === 'HEAD';
    this.#owner.writeRequest(this, head, last);
    if (last) this.#endLocal();
  }

  /** Sends an answer's head: any number of 1xx, then one final one (101 accepts an upgrade). Server only. */
  sendResponse(head: ResponseHead, last: boolean): void {
    if (this.closed || this.localClosed) return;
    if (head.status === 100) this.awaitsContinue = false;
    this.#owner.writeResponse(this, head, last);
    if (last) this.#endLocal();
  }

  /**
   * Sends `bytes[start, end)`, copying what the windows or the wire do not let out yet.
   *
   * @returns octets that left at once; the rest is reported to `onSent` as it leaves
   */
  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    if (this.closed || this.localClosed) return end - start;
    if (this.#queue !== null && this.#queue.octets > 0) {
      if (end > start) this.#enqueue(this.#queue, bytes, start, end);
      if (last) this.#queuedLast = true;
      return 0;
    }
    if (end === start) {
      // An empty END_STREAM frame needs no window.
      if (last) {
        this.#owner.writeEnd(this);
        this.#endLocal();
      }
      return 0;
    }
    const sent = this.#owner.writeBody(this, bytes, start, end, last);
    if (sent < end - start) {
      this.#queue ??= new SendQueue();
      this.#enqueue(this.#queue, bytes, start + sent, end);
      this.#queuedLast = last;
      this.#owner.wait(this);
    } else if (last) this.#endLocal();
    return sent;
  }

  /** Ends our direction with trailers. */
  sendTrailers(fields: Fields): void {
    if (this.closed || this.localClosed) return;
    if (this.#queue !== null && this.#queue.octets > 0) {
      this.#queuedTrailers = fields;
      return;
    }
    this.#owner.writeTrailers(this, fields);
    this.#endLocal();
  }

  /** Ends the peer's direction, too, as soon as ours has ended: with NO_ERROR, so that the answer counts (section 8.1). */
  refuseRest(): void {
    if (this.closed || this.remoteClosed) return;
    this.#restRefused = true;
    if (this.localClosed) this.reset(NO_ERROR);
  }

  /** Ends the stream both ways with RST_STREAM; its listener hears nothing more. */
  reset(code: number): void {
    if (this.closed) return;
    this.#owner.writeReset(this.id, code);
    this.#close();
  }

  // Called by the connection, as are all that follow but `grant`. What comes is judged; NO_ERROR: it is right.

  /** A request's head has come. @param length what its `content-length` says; -1: nothing */
  receiveRequest(head: RequestHead, length: number, last: boolean): void {
    this.isUpgrade = head.protocol !== '';
    this.isHead = head.method === 'HEAD';
    this.bodyLeft = length;
    if (length > 0) this.awaitsContinue = expectsContinue(head.fields);
    if (last) this.endRemote();
  }

  /** An answer's head has come, or trailers. @returns code of the stream error (section 8.1.1) */
  receiveHeaders(block: DecodedBlock, last: boolean, keepCase: boolean): number {
    if (this.awaitsResponse) return this.#receiveResponse(block, last, keepCase);
    if (!last || trailersFault(block.fields, keepCase) || this.bodyLeft > 0) return PROTOCOL_ERROR;
    this.endRemote();
    this.listener.onTrailers(block.fields);
    return NO_ERROR;
  }

  /** A DATA frame of `length` octets begins, `padding` of which are no body. @returns code of the stream error */
  receive(length: number, padding: number, last: boolean): number {
    if (this.remoteClosed) return STREAM_CLOSED;
    this.awaitsContinue = false;
    if (length > this.receiveWindow) return FLOW_CONTROL_ERROR;
    if ((this.windowSize - this.receiveWindow - this.#ungranted) * 2 > this.windowSize) this.lags = true;
    this.receiveWindow -= length;
    if (padding > 0) this.grant(padding);
    if (this.bodyLeft < 0) return NO_ERROR;
    // Known before anything of the frame is delivered, so that nobody takes the beginning of a wrong body for a whole one.
    this.bodyLeft -= length - padding;
    return this.bodyLeft < 0 || (last && this.bodyLeft > 0) ? PROTOCOL_ERROR : NO_ERROR;
  }

  /** The listener has disposed of `octets` of body: the peer may send as many more (section 6.9). */
  grant(octets: number): void {
    if (this.remoteClosed || this.closed) return;
    this.#ungranted += octets;
    // One WINDOW_UPDATE for half a window rather than one for every frame.
    if (this.#ungranted * 2 < this.windowSize) return;
    const growth = this.#owner.windowGrowth(this, this.#ungranted);
    this.lags = false;
    this.windowSize += growth;
    this.receiveWindow += this.#ungranted + growth;
    this.#owner.writeGrant(this, this.#ungranted + growth);
    this.#ungranted = 0;
  }

  /** Sends of the queue what windows and wire let out; false while something is left. */
  pump(): boolean {
    const queue = this.#queue;
    while (queue !== null && queue.octets > 0) {
      const { bytes, start, end } = queue;
      const isEnd = this.#queuedLast && queue.octets === end - start;
      const sent = this.#owner.writeBody(this, bytes, start, end, isEnd);
      queue.take(sent);
      if (sent > 0) this.#owner.hold(-sent);
      const isDone = sent === end - start;
      if (isDone && isEnd) this.#endLocal();
      if (sent > 0) this.listener.onSent(sent);
      if (this.closed) return true;
      if (!isDone) return false;
    }
    if (this.#queuedTrailers) {
      const trailers = this.#queuedTrailers;
      this.#queuedTrailers = null;
      this.#owner.writeTrailers(this, trailers);
      this.#endLocal();
    }
    return true;
  }

  /** The peer has ended its direction; before the listener hears of it. */
  endRemote(): void {
    this.remoteClosed = true;
    if (this.localClosed) this.#close();
  }

  /** The stream is over before its time: tells the listener. */
  abort(code: number): void {
    if (this.closed) return;
    this.#close();
    this.listener.onReset(code);
  }

  #receiveResponse(block: DecodedBlock, last: boolean, keepCase: boolean): number {
    // An upgrade's answer reads otherwise, and does not come twice.
    if (!this.isUpgrade) block.response ??= readResponse(block.fields, keepCase, false);
    const head = this.isUpgrade ? readResponse(block.fields, keepCase, true) : block.response!;
    if (typeof head === 'string') return PROTOCOL_ERROR;
    if (head.status < 200 && head.status !== 101) {
      if (last) return PROTOCOL_ERROR;
      this.listener.onInformational(head);
      return NO_ERROR;
    }
    const { length } = block;
    const bodyless = this.isHead || head.status === 204 || head.status === 304;
    if (length === -2 || (last && length > 0 && !bodyless)) return PROTOCOL_ERROR;
    this.awaitsResponse = false;
    this.bodyLeft = bodyless && length >= 0 ? 0 : length;
    if (last) this.endRemote();
    this.listener.onResponse(head, last);
    return NO_ERROR;
  }

  #enqueue(queue: SendQueue, bytes: Uint8Array, start: number, end: number): void {
    queue.add(bytes, start, end);
    this.#owner.hold(end - start);
  }

  #endLocal(): void {
    this.localClosed = true;
    if (this.remoteClosed) this.#close();
    else if (this.#restRefused) this.reset(NO_ERROR);
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.localClosed = true;
    this.remoteClosed = true;
    if (this.#queue !== null && this.#queue.octets > 0) this.#owner.hold(-this.#queue.octets);
    this.#queue = null;
    this.#owner.forget(this);
  }
}
