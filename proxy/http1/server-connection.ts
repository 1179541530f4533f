import { UNREAD_LIMIT } from './body-reader.ts';
import { type DecodeLatin1, type Head, type HeadFault, HeadReader } from './head-reader.ts';
import { CANCEL, type Fields, PROTOCOL_ERROR, type RequestHead, type StreamListener, type Wire } from './message.ts';
import { MessageWriter } from './message-writer.ts';
import { requestOf } from './request-target.ts';
import { ServerStream, type ServerStreamOwner } from './server-stream.ts';
import { statusLine } from './status-text.ts';

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
export class ServerConnection implements ServerStreamOwner {
  readonly #wire: Wire;
  readonly #listener: ServerListener;
  readonly #heads: HeadReader;
  readonly #latin1: DecodeLatin1;
  readonly #writer: MessageWriter;
  readonly #keepsHalfClosed: boolean;
  #stream: ServerStream | null = null;
  /** What came after the request under way (pipelining). */
  #rest: Uint8Array | null = null;
  #peerEnded = false;
  #draining = false;
  closed = false;
  /** Its client was refused, and is not listened to; else it may still be sending what nobody wants. */
  wasCut = false;

  /** @param keepsHalfClosed a client that ends its direction is still answered; else it has gone, once its requests have come */
  constructor(wire: Wire, listener: ServerListener, latin1: DecodeLatin1, keepsHalfClosed = false) {
    this.#wire = wire;
    this.#keepsHalfClosed = keepsHalfClosed;
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

  /** The client ended its direction. An answer that has begun, and has an end, is still sent. */
  onEnd(): void {
    this.#peerEnded = true;
    if (!this.#stream) this.#close();
    else this.#stream.onPeerEnd(this.#keepsHalfClosed);
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
    // What is little is no reason not to hear that the client has gone.
    if (held.length > UNREAD_LIMIT) this.#wire.pause();
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
    this.wasCut = true;
    stream?.abort(PROTOCOL_ERROR);
    this.#wire.close();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#wire.close();
  }
}

const LIMIT_STATUS = {
  head_too_large: 431,
  header_fields_too_many: 431,
  header_timeout: 408,
  body_timeout: 408,
  empty_line_flood: 400,
  chunk_extension_too_large: 400,
} as const;
