import { isAuthority } from './authority.ts';
import { BodyReader } from './body-reader.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_UNTIL_CLOSE,
  type DecodeLatin1,
  type Head,
  type HeadFault,
  HeadReader,
} from './head-reader.ts';
import {
  CANCEL,
  CONNECTION_FIELD,
  type Fields,
  PROTOCOL_ERROR,
  type RequestHead,
  type ResponseHead,
  type StreamListener,
  type Wire,
} from './message.ts';
import { type Framing, fieldValue, MessageWriter } from './message-writer.ts';
import { statusText } from './status-text.ts';

/** Hears what concerns the connection. */
export interface ServerListener {
  /** A request has arrived; returns who listens to its body. */
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): StreamListener;
  /** A request is refused as malformed; returns fields to add to the 400 (or 408, 431, 505) that is sent. */
  onMalformed(reason: HeadFault): Fields;
  /** The client has exceeded a limit; what follows from it comes after. */
  onLimit(limit: Http1Limit): void;
}

/** What a client can exceed: bounds of heads and times, each answered with a status of its own. */
export type Http1Limit = Extract<HeadFault, keyof typeof LIMIT_STATUS>;

/**
 * The server's side of an HTTP/1 connection, without I/O.
 *
 * Requests are taken one at a time: a pipelined one waits, unread, until the answer before it has been sent. Reading
 * stops while the listener has more than {@link UNREAD_LIMIT} octets in hand. Spec: RFC 9112.
 */
export class ServerConnection {
  readonly #wire: Wire;
  readonly #listener: ServerListener;
  readonly #heads: HeadReader;
  readonly #latin1: DecodeLatin1;
  readonly #writer: MessageWriter;
  #stream: ServerStream | null = null;
  /** What came after the request under way (pipelining). */
  #rest: Uint8Array | null = null;
  #peerEnded = false;
  #draining = false;
  closed = false;

  constructor(wire: Wire, listener: ServerListener, latin1: DecodeLatin1) {
    this.#wire = wire;
    this.#listener = listener;
    this.#latin1 = latin1;
    this.#writer = new MessageWriter(wire);
    this.#heads = new HeadReader('request', latin1);
  }

  /** No request is under way and none has begun. */
  get isIdle(): boolean {
    return this.#stream === null && !this.#heads.hasBegun && this.#rest === null;
  }

  /** Requests taken so far. */
  taken = 0;

  /** Some of a request's head has come, but not all. */
  get isReadingHead(): boolean {
    return this.#stream === null && this.#heads.hasBegun;
  }

  /** The body of the request under way has a length, and the client may send what is missing. */
  get awaitsBody(): boolean {
    return this.#stream?.awaitsBody ?? false;
  }

  /** Ends the connection because its client is too slow. */
  timeOut(limit: 'header_timeout' | 'body_timeout'): void {
    if (!this.closed) this.#malformed(limit);
  }

  /** Takes what came from the client. `bytes[start, end)` is not kept. */
  receive(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.closed) {
      if (this.#stream) {
        if (this.#stream.requestDone) return this.#hold(bytes, at, end);
        const next = this.#stream.receive(bytes, at, end);
        if (typeof next === 'string') return this.#malformed(next);
        at = next;
        continue;
      }
      const head = this.#heads.read(bytes, at, end);
      if (head === null) return;
      if (typeof head === 'string') return this.#malformed(head);
      at = this.#heads.next;
      this.#request(head);
    }
  }

  /** The client ended its direction. A request under way is still answered. */
  onEnd(): void {
    this.#peerEnded = true;
    if (!this.#stream) this.#close();
    else this.#stream.onPeerEnd();
  }

  /** The transport is gone. */
  onClosed(): void {
    this.closed = true;
    this.#stream?.abort(CANCEL);
  }

  /** The wire takes octets again. */
  onWritable(): void {
    this.#stream?.pump();
  }

  /** Ends after the request under way, or now when there is none. */
  shutdown(): void {
    this.#draining = true;
    if (this.#stream === null && !this.#heads.hasBegun) this.#close();
  }

  /** The client has ended its direction. */
  get hasPeerEnded(): boolean {
    return this.#peerEnded;
  }

  /** No request is taken after the one under way. */
  get isDraining(): boolean {
    return this.#draining || this.#peerEnded;
  }

  /** An upgrade was accepted: what the client sent ahead goes into the tunnel. */
  onTunnel(): void {
    this.#wire.resume();
    this.#takeRest();
  }

  /** The exchange is over. @param reusable the next request may follow on this connection */
  onExchangeEnd(reusable: boolean): void {
    this.#stream = null;
    if (!reusable || this.isDraining) return this.#close();
    this.#wire.resume();
    this.#takeRest();
  }

  #takeRest(): void {
    const rest = this.#rest;
    if (!rest) return;
    this.#rest = null;
    this.receive(rest, 0, rest.length);
  }

  #request(head: Head): void {
    head.request ??= requestOf(head);
    const { request } = head;
    if (typeof request === 'string') return this.#malformed(request);
    this.#writer.begin();
    const stream = new ServerStream(this, this.#wire, this.#writer, head, this.#latin1);
    this.#stream = stream;
    this.taken++;
    stream.listener = this.#listener.onRequest(stream, request, stream.requestDone && !stream.mayTunnel);
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#rest;
    const held = new Uint8Array((before?.length ?? 0) + end - start);
    if (before) held.set(before);
    held.set(bytes.subarray(start, end), before?.length ?? 0);
    this.#rest = held;
    this.#wire.pause();
  }

  #malformed(reason: HeadFault): void {
    const limit = reason in LIMIT_STATUS ? (reason as Http1Limit) : null;
    if (limit) this.#listener.onLimit(limit);
    const status = limit ? LIMIT_STATUS[limit] : reason === 'version_unsupported' ? 505 : 400;
    const fields = this.#listener.onMalformed(reason);
    const stream = this.#stream;
    if (!stream?.hasAnswered) {
      new MessageWriter(this.#wire).writeHead(
        statusLine(status),
        fields,
        'Content-Length: 0\r\nConnection: close\r\n',
        'none',
      );
    }
    this.closed = true;
    stream?.abort(PROTOCOL_ERROR);
    this.#wire.close();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#wire.close();
  }
}

/** One request and its answer. */
export class ServerStream {
  readonly #connection: ServerConnection;
  readonly #wire: Wire;
  readonly #body: BodyReader;
  readonly #writer: MessageWriter;
  readonly #head: Head;
  listener: StreamListener = SILENT;
  /** The final head has been sent. */
  hasAnswered = false;
  #closes: boolean;
  #tunnel = false;
  #tunnelEnded = false;
  #unread = 0;
  #over = false;

  constructor(connection: ServerConnection, wire: Wire, writer: MessageWriter, head: Head, latin1: DecodeLatin1) {
    this.#connection = connection;
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

  /** Octets of a body of declared length are missing, and we are reading. */
  get awaitsBody(): boolean {
    return this.#body.framing === BODY_LENGTH && !this.#body.done && this.#unread <= UNREAD_LIMIT;
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
      if (this.#head.minor === 1) new MessageWriter(this.#wire).writeHead(statusLine(status), fields, '', 'none');
      return;
    }
    this.hasAnswered = true;
    if (status === 101 || (this.#head.method === 'CONNECT' && status >= 200 && status < 300)) {
      const extra = status === 101 ? `Connection: Upgrade\r\nUpgrade: ${this.#head.upgrade}\r\n` : '';
      this.#tunnel = true;
      this.#closes = true;
      this.#body.begin(BODY_UNTIL_CLOSE);
      this.#writer.writeHead(statusLine(status), fields, extra, 'plain');
      this.#connection.onTunnel();
      // The client may have ended its direction before there was a tunnel.
      if (this.#connection.hasPeerEnded) this.onPeerEnd();
      return;
    }
    // No tunnel after all: now the request has its end.
    if (this.mayTunnel && this.#body.done) this.listener.onData(NOTHING, 0, 0, true);
    const bodyless = this.#head.method === 'HEAD' || status === 204 || status === 304;
    const hasLength = fieldValue(fields, 'content-length') !== null;
    let framing: Framing = bodyless || last ? 'none' : 'plain';
    if (framing === 'plain' && !hasLength) {
      if (this.#head.minor === 1) framing = 'chunked';
      else this.#closes = true;
    }
    if (fieldValue(fields, CONNECTION_FIELD) === 'close' || this.#connection.isDraining) this.#closes = true;
    const isEmpty = last && !bodyless && !hasLength;
    const { minor } = this.#head;
    const variant = (this.#closes ? 1 : 0) | (minor << 1) | (isEmpty ? 4 : 0) | (framing === 'chunked' ? 8 : 0);
    if (!this.#writer.repeatHead(head, variant, framing)) {
      const extra =
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

  /** The answer cannot be completed: HTTP/1 can say that only by closing. A tunnel that is cut off must not seem to end. */
  reset(_code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.closed = true;
    if (this.#tunnel) this.#wire.reset();
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

  onPeerEnd(): void {
    if (this.#tunnel && !this.#tunnelEnded) {
      this.#tunnelEnded = true;
      this.listener.onData(NOTHING, 0, 0, true);
      this.#endIfDone(this.#writer.done);
    } else if (!this.#body.done) {
      this.abort(CANCEL);
      this.#connection.closed = true;
      this.#wire.close();
    }
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
    this.#unread += end - start;
    if (this.#unread > UNREAD_LIMIT) this.#wire.pause();
    if (!this.#over) this.listener.onData(bytes, start, end, last);
  }

  onBodyTrailers(fields: Fields): void {
    if (!this.#over) this.listener.onTrailers(fields);
  }

  /** Ends the exchange once the answer is written. A body that is still coming costs the connection. */
  #endIfDone(answered: boolean): void {
    if (this.#over || !answered || !this.#writer.done) return;
    if (this.#tunnel) {
      // Our direction is over, and the client is told; its own goes on until it ends that.
      if (!this.#tunnelEnded) return this.#wire.finish();
    } else if (!this.hasAnswered) return;
    this.#over = true;
    const requestDone = this.#body.done;
    if (!requestDone && !this.#tunnel) this.listener.onReset(CANCEL);
    this.#connection.onExchangeEnd(requestDone && !this.#closes);
  }
}

/** The request that a head means, or why it is refused (RFC 9112 section 3.2, RFC 9110 section 7.2). */
export function requestOf(head: Head): RequestHead | HeadFault {
  const { method, target, minor } = head;
  let version = minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  let authority = head.host ?? '';
  let path = target;
  let scheme = 'http';
  if (method === 'CONNECT') {
    if (!/^.+:\d+$/.test(target) || !isAuthority(target)) return 'target_invalid';
    authority = target;
    path = '';
  } else if (target.charCodeAt(0) !== SLASH && !(target === '*' && method === 'OPTIONS')) {
    const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)(\/[^#]*|\?[^#]*)?$/.exec(target);
    if (!match || !isAuthority(match[2]!)) return 'target_invalid';
    scheme = match[1]!.toLowerCase();
    authority = match[2]!;
    path = match[3] ?? (method === 'OPTIONS' ? '*' : '/');
    if (path.charCodeAt(0) === QUESTION) path = `/${path}`;
    version += '; absolute-form';
  }
  if (head.host === null && minor === 1) return 'host_missing';
  if (target.includes('#')) return 'target_invalid';
  const fields = head.close ? [...head.fields, CONNECTION_FIELD, 'close'] : head.fields;
  return { method, scheme, authority, path, protocol: head.upgrade, fields, version };
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${statusText(status)}\r\n`;
}

const LIMIT_STATUS = {
  head_too_large: 431,
  header_fields_too_many: 431,
  header_timeout: 408,
  body_timeout: 408,
  empty_line_flood: 400,
  chunk_extension_too_large: 400,
} as const;

/** Octets of a body that may be in the listener's hands before reading stops. */
const UNREAD_LIMIT = 65_536;

const NOTHING = new Uint8Array(0);
const SLASH = 47;
const QUESTION = 63;

const SILENT: StreamListener = {
  onResponse() {},
  onInformational() {},
  onData() {},
  onTrailers() {},
  onReset() {},
  onSent() {},
};
