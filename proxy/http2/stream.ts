import type { Connection } from './connection.ts';
import type { Fields, RequestHead, ResponseHead, StreamListener } from './message.ts';
import { SendQueue } from './send-queue.ts';

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
  readonly #connection: Connection;
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

  /** Null until something has to wait: most streams never queue. */
  #queue: SendQueue | null = null;
  #queuedLast = false;
  #queuedTrailers: Fields | null = null;
  /** In the connection's list of streams that wait for window or for the wire. */
  waiting = false;

  constructor(connection: Connection, id: number, listener: StreamListener, sendWindow: number, receiveWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.listener = listener;
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
    this.#connection.writeRequest(this, head, last);
    if (last) this.#endLocal();
  }

  /** Sends an answer's head: any number of 1xx, then one final one (101 accepts an upgrade). Server only. */
  sendResponse(head: ResponseHead, last: boolean): void {
    if (this.closed || this.localClosed) return;
    this.#connection.writeResponse(this, head, last);
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
        this.#connection.writeEnd(this);
        this.#endLocal();
      }
      return 0;
    }
    const sent = this.#connection.writeBody(this, bytes, start, end, last);
    if (sent < end - start) {
      this.#queue ??= new SendQueue();
      this.#enqueue(this.#queue, bytes, start + sent, end);
      this.#queuedLast = last;
      this.#connection.wait(this);
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
    this.#connection.writeTrailers(this, fields);
    this.#endLocal();
  }

  /** Ends the stream both ways with RST_STREAM; its listener hears nothing more. */
  reset(code: number): void {
    if (this.closed) return;
    this.#connection.writeReset(this, code);
    this.#close();
  }

  /** A DATA frame of `length` octets begins. Called by the connection. */
  receive(length: number): void {
    if ((this.windowSize - this.receiveWindow - this.#ungranted) * 2 > this.windowSize) this.lags = true;
    this.receiveWindow -= length;
  }

  /** The listener has disposed of `octets` of body: the peer may send as many more (section 6.9). */
  grant(octets: number): void {
    if (this.remoteClosed || this.closed) return;
    this.#ungranted += octets;
    // One WINDOW_UPDATE for half a window rather than one for every frame.
    if (this.#ungranted * 2 < this.windowSize) return;
    const growth = this.#connection.windowGrowth(this, this.#ungranted);
    this.lags = false;
    this.windowSize += growth;
    this.receiveWindow += this.#ungranted + growth;
    this.#connection.writeGrant(this, this.#ungranted + growth);
    this.#ungranted = 0;
  }

  /** Sends of the queue what windows and wire let out; false while something is left. Called by the connection. */
  pump(): boolean {
    const queue = this.#queue;
    while (queue !== null && queue.octets > 0) {
      const { bytes, start, end } = queue;
      const isEnd = this.#queuedLast && queue.octets === end - start;
      const sent = this.#connection.writeBody(this, bytes, start, end, isEnd);
      queue.take(sent);
      if (sent > 0) this.#connection.hold(-sent);
      const isDone = sent === end - start;
      if (isDone && isEnd) this.#endLocal();
      if (sent > 0) this.listener.onSent(sent);
      if (this.closed) return true;
      if (!isDone) return false;
    }
    if (this.#queuedTrailers) {
      const trailers = this.#queuedTrailers;
      this.#queuedTrailers = null;
      this.#connection.writeTrailers(this, trailers);
      this.#endLocal();
    }
    return true;
  }

  /** The peer has ended its direction. Called by the connection, before the listener hears of it. */
  endRemote(): void {
    this.remoteClosed = true;
    if (this.localClosed) this.#close();
  }

  /** The stream is over before its time: tells the listener. Called by the connection. */
  abort(code: number): void {
    if (this.closed) return;
    this.#close();
    this.listener.onReset(code);
  }

  #enqueue(queue: SendQueue, bytes: Uint8Array, start: number, end: number): void {
    queue.add(bytes, start, end);
    this.#connection.hold(end - start);
  }

  #endLocal(): void {
    this.localClosed = true;
    if (this.remoteClosed) this.#close();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.localClosed = true;
    this.remoteClosed = true;
    if (this.#queue !== null && this.#queue.octets > 0) this.#connection.hold(-this.#queue.octets);
    this.#queue = null;
    this.#connection.forget(this);
  }
}
