import { BodyReader, UNREAD_LIMIT } from './body-reader.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_UNTIL_CLOSE,
  type DecodeLatin1,
  type Head,
  type HeadFault,
} from './head-reader.ts';
import {
  CANCEL,
  CONNECTION_FIELD,
  DEAF,
  type Fields,
  type ResponseHead,
  type StreamListener,
  UPGRADE_FIELD,
  type Wire,
} from './message.ts';
import { type Framing, fieldValue, MessageWriter } from './message-writer.ts';
import { statusLine } from './status-text.ts';

/** What a stream needs of its connection. */
export interface ServerStreamOwner {
  /** Nothing is read any more. */
  closed: boolean;
  /** The client has ended its direction. */
  readonly hasPeerEnded: boolean;
  /** No request is taken after the one under way. */
  readonly isDraining: boolean;
  /** An upgrade was accepted: what the client sent ahead goes into the tunnel. */
  onTunnel(): void;
  /** The exchange is over. @param reusable the next request may follow on this connection */
  onExchangeEnd(reusable: boolean): void;
}

/** One request and its answer. */
export class ServerStream {
  readonly #owner: ServerStreamOwner;
  readonly #wire: Wire;
  readonly #body: BodyReader;
  readonly #writer: MessageWriter;
  readonly #head: Head;
  listener: StreamListener = DEAF;
  /** The final head has been sent. */
  hasAnswered = false;
  #closes: boolean;
  #tunnel = false;
  #tunnelEnded = false;
  /** Nothing but the end of the connection ends the answer. */
  #endsByClose = false;
  /** The answer is a stream of events, which ends when its client has gone. */
  #isEndless = false;
  #restRefused = false;
  /** Some of the body has come, or the client was told to send it. */
  #hasBodyBegun = false;
  #unread = 0;
  #over = false;

  constructor(owner: ServerStreamOwner, wire: Wire, writer: MessageWriter, head: Head, latin1: DecodeLatin1) {
    this.#owner = owner;
    this.#wire = wire;
    this.#head = head;
    this.#writer = writer;
    this.#body = new BodyReader(this, latin1);
    this.#closes = head.close || (head.minor === 0 && !head.keepAlive);
    if (head.chunked) this.#body.begin(BODY_CHUNKED);
    else if (head.contentLength > 0) this.#body.begin(BODY_LENGTH, head.contentLength);
  }

  /** The whole request has come; a tunnel has no end here. */
  get requestDone(): boolean {
    return this.#body.done && !this.#tunnel;
  }

  /** Octets of a body of declared length are missing, we are reading, and the client does not wait to be asked for them. */
  get awaitsBody(): boolean {
    if (this.#body.framing !== BODY_LENGTH || this.#body.done || this.#unread > UNREAD_LIMIT) return false;
    return this.#hasBodyBegun || fieldValue(this.#head.fields, 'expect')?.toLowerCase() !== '100-continue';
  }

  /** The answer may turn the connection into a tunnel, so the request has no end yet. */
  get mayTunnel(): boolean {
    return this.#head.method === 'CONNECT' || this.#head.upgrade !== '';
  }

  /** Sends an answer's head: any number of 1xx, then one final one. 101 (or 2xx to CONNECT) begins a tunnel. */
  sendResponse(head: ResponseHead, last: boolean): void {
    if (this.#over || this.hasAnswered) return;
    const { status, fields } = head;
    if (status < 200 && status !== 101) {
      // HTTP/1.0 knows no 1xx (RFC 9110 section 15.2).
      if (status === 100) this.#hasBodyBegun = true;
      if (this.#head.minor === 1) new MessageWriter(this.#wire).writeHead(statusLine(status), fields, '', 'none');
      return;
    }
    this.hasAnswered = true;
    if (status === 101 || (this.#head.method === 'CONNECT' && status >= 200 && status < 300)) {
      const extra = status === 101 ? upgradeTo(fieldValue(fields, UPGRADE_FIELD) ?? this.#head.upgrade) : '';
      this.#tunnel = true;
      this.#endsByClose = true;
      this.#closes = true;
      this.#body.begin(BODY_UNTIL_CLOSE);
      this.#writer.writeHead(statusLine(status), fields, extra, 'plain');
      this.#owner.onTunnel();
      // The client may have ended its direction before there was a tunnel.
      if (this.#owner.hasPeerEnded) this.onPeerEnd(true);
      return;
    }
    // No tunnel after all: now the request has its end.
    if (this.mayTunnel && this.#body.done) this.listener.onData(NOTHING, 0, 0, true);
    const bodyless = this.#head.method === 'HEAD' || status === 204 || status === 304;
    const hasLength = fieldValue(fields, 'content-length') !== null;
    let framing: Framing = bodyless || last ? 'none' : 'plain';
    if (framing === 'plain' && !hasLength) {
      if (this.#head.minor === 1) framing = 'chunked';
      else {
        this.#closes = true;
        this.#endsByClose = true;
      }
    }
    if (framing === 'chunked') this.#isEndless = ENDLESS.test(fieldValue(fields, 'content-type') ?? '');
    if (fieldValue(fields, CONNECTION_FIELD) === 'close' || this.#owner.isDraining) this.#closes = true;
    const isEmpty = last && !bodyless && !hasLength;
    const { minor } = this.#head;
    const variant = (this.#closes ? 1 : 0) | (minor << 1) | (isEmpty ? 4 : 0) | (framing === 'chunked' ? 8 : 0);
    if (!this.#writer.repeatHead(head, variant, framing)) {
      const wanted = status === 426 ? fieldValue(fields, UPGRADE_FIELD) : null;
      const extra =
        (wanted === null ? '' : upgradeTo(wanted)) +
        (isEmpty ? 'Content-Length: 0\r\n' : '') +
        (this.#closes ? 'Connection: close\r\n' : minor === 0 ? 'Connection: keep-alive\r\n' : '');
      this.#writer.writeSharedHead(head, variant, statusLine(status), fields, extra, framing);
    }
    if (last) this.#endIfDone(true);
  }

  /**
   * Sends `bytes[start, end)`, copying what has to wait. @returns octets that left at once; the rest is reported to
   * `onSent` as it leaves
   */
  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    if (this.#over) return end - start;
    const sent = this.#writer.writeBody(bytes, start, end, last);
    this.#endIfDone(last);
    return sent;
  }

  /** Ends the answer with trailers, which only content in chunks can have: otherwise they are dropped. */
  sendTrailers(fields: Fields): void {
    if (this.#over) return;
    this.#writer.writeTrailers(fields);
    this.#endIfDone(true);
  }

  /** The connection closes when the answer is written; until its client has read that, what it sends is thrown away. */
  refuseRest(): void {
    if (this.#over || this.#body.done) return;
    this.#closes = true;
    this.#restRefused = true;
    this.#endIfDone(this.#writer.done);
  }

  /**
   * The answer cannot be completed: HTTP/1 can say that only by closing. What has no other end than that, as a tunnel, must
   * not seem to have come to it.
   */
  reset(_code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.closed = true;
    if (this.#endsByClose) this.#wire.reset();
    else this.#wire.close();
  }

  /** The listener has disposed of `octets` of the request's body. */
  grant(octets: number): void {
    this.#unread -= octets;
    if (this.#unread <= UNREAD_LIMIT / 2) this.#wire.resume();
  }

  // From the connection.

  /** Takes what came of the request's body. @returns the offset after what was used, or why it is refused */
  receive(bytes: Uint8Array, start: number, end: number): number | HeadFault {
    return this.#body.read(bytes, start, end);
  }

  /**
   * The client has ended its direction: that of a tunnel alone; or it has gone, and whoever works for it is told. One that
   * waits for an answer all the same gets it where it is `kept`, where the answer has begun, and where it may be a tunnel.
   */
  onPeerEnd(kept: boolean): void {
    if (this.#tunnel && !this.#tunnelEnded) {
      this.#tunnelEnded = true;
      this.listener.onData(NOTHING, 0, 0, true);
      this.#endIfDone(this.#writer.done);
    } else if (!this.#body.done || (!kept && this.#isOnlyWaitedFor)) {
      this.abort(CANCEL);
      this.#owner.closed = true;
      this.#wire.close();
    }
  }

  /** Nothing of the answer has begun that has an end. */
  get #isOnlyWaitedFor(): boolean {
    return this.hasAnswered ? this.#isEndless : !this.mayTunnel;
  }

  /** Sends what had to wait. */
  pump(): void {
    if (this.#over) return;
    if (this.#writer.pump(this.listener)) this.#endIfDone(this.#writer.done);
  }

  /** Tells the listener that the exchange failed. The connection is the caller's to end. */
  abort(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.listener.onReset(code);
  }

  // From BodyReader.

  onBody(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#hasBodyBegun = true;
    this.#unread += end - start;
    if (this.#unread > UNREAD_LIMIT) this.#wire.pause();
    if (this.#over) return;
    this.listener.onData(bytes, start, end, last);
    if (last) this.#endIfDone(this.#writer.done);
  }

  onBodyTrailers(fields: Fields): void {
    if (this.#over) return;
    this.listener.onTrailers(fields);
    this.#endIfDone(this.#writer.done);
  }

  /** Ends the exchange once the answer is written and the request has come, as far as anybody wants it. */
  #endIfDone(answered: boolean): void {
    if (this.#over || !answered || !this.hasAnswered || !this.#writer.done) return;
    if (this.#tunnel) {
      // Our direction is over, and the client is told; its own goes on until it ends that.
      if (!this.#tunnelEnded) return this.#wire.finish();
    } else if (!this.#body.done && !this.#restRefused) return;
    this.#over = true;
    this.#owner.onExchangeEnd(this.#body.done && !this.#closes);
  }
}

function upgradeTo(protocol: string): string {
  return `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
}

const NOTHING = new Uint8Array(0);
/** Types of content that goes on for as long as there are events. */
const ENDLESS = /^(?:text\/event-stream|multipart\/x-mixed-replace|application\/(?:x-ndjson|stream\+json))\b/i;
