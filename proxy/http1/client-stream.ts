import { BodyReader, UNREAD_LIMIT } from './body-reader.ts';
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_UNTIL_CLOSE,
  type DecodeLatin1,
  type Head,
  type HeadFault,
  type HeadReader,
} from './head-reader.ts';
import {
  CONNECTION_FIELD,
  type Fields,
  INTERNAL_ERROR,
  MALFORMED_ANSWER,
  NO_ERROR,
  REFUSED_STREAM,
  type RequestHead,
  type StreamListener,
  UPGRADE_FIELD,
  type Wire,
} from './message.ts';
import { fieldValue, type MessageWriter } from './message-writer.ts';

/** What a stream needs of its connection. */
export interface ClientStreamOwner {
  /** Closes the connection. */
  end(): void;
  /** Cuts the connection off, so that the server cannot take it for an end. */
  cut(): void;
  /** The exchange is over. @param reusable another may follow on this connection */
  onExchangeEnd(reusable: boolean): void;
}

/** One request and its answer. */
export class ClientStream {
  readonly #owner: ClientStreamOwner;
  readonly #wire: Wire;
  readonly #heads: HeadReader;
  readonly #body: BodyReader;
  readonly #writer: MessageWriter;
  listener: StreamListener;
  #method = '';
  #upgrade = '';
  #closes = false;
  /** The final head has come. */
  #answered = false;
  #answerDone = false;
  /** The request asks for a tunnel that has not been answered yet: what is sent into it waits. */
  #opensTunnel = false;
  #early: Uint8Array[] = NO_CHUNKS;
  #earlyLast = false;
  #tunnel = false;
  #unread = 0;
  #over = false;
  /** Whether the request may be sent again if the connection closes without a word. */
  #repeatable: boolean;

  constructor(
    owner: ClientStreamOwner,
    wire: Wire,
    heads: HeadReader,
    writer: MessageWriter,
    listener: StreamListener,
    latin1: DecodeLatin1,
    onUsedConnection: boolean,
  ) {
    this.#repeatable = onUsedConnection;
    this.#owner = owner;
    this.#wire = wire;
    this.listener = listener;
    this.#heads = heads;
    this.#body = new BodyReader(this, latin1, true);
    this.#writer = writer;
  }

  /** Sends the request's head. */
  sendRequest(head: RequestHead, last: boolean): void {
    this.#method = head.method;
    this.#repeatable &&= last && IDEMPOTENT.has(head.method);
    this.#upgrade = head.protocol;
    this.#closes = fieldValue(head.fields, CONNECTION_FIELD) === 'close';
    const opensTunnel = head.method === 'CONNECT' || head.protocol !== '';
    this.#opensTunnel = opensTunnel;
    this.#earlyLast = last;
    // What a tunnel will carry is no content, whatever an HTTP/2 client declared.
    const fields = opensTunnel ? withoutLength(head.fields) : head.fields;
    const hasLength = fieldValue(fields, 'content-length') !== null;
    const framing = last || opensTunnel ? 'none' : hasLength ? 'plain' : 'chunked';
    const variant = last ? 1 : 0;
    if (this.#writer.repeatHead(head, variant, framing)) return;
    // HTTP/1.0 has no chunks: content of unknown length makes the request HTTP/1.1.
    const minor = head.version.startsWith('HTTP/1.0') && framing !== 'chunked' ? 0 : 1;
    let extra = '';
    if (head.protocol !== '') extra = upgradeLines(head);
    else if (this.#closes) extra = 'Connection: close\r\n';
    else if (minor === 0) extra = 'Connection: keep-alive\r\n';
    this.#writer.writeSharedHead(head, variant, requestLine(head, minor), fields, extra, framing);
  }

  /**
   * Sends `bytes[start, end)`, copying what has to wait. @returns octets that left at once; the rest is reported to
   * `onSent` as it leaves
   */
  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    if (this.#over) return end - start;
    if (this.#opensTunnel) return this.#wait(bytes, start, end, last);
    const sent = this.#writer.writeBody(bytes, start, end, last);
    this.#endIfDone();
    return sent;
  }

  /** Ends the request with trailers, which only content in chunks can have: otherwise they are dropped. */
  sendTrailers(fields: Fields): void {
    if (this.#over) return;
    this.#writer.writeTrailers(fields);
    this.#endIfDone();
  }

  /** Gives up the exchange, which costs the connection. Who may open a tunnel takes an end for the client's direction alone. */
  reset(_code: number): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#tunnel || this.#opensTunnel) this.#owner.cut();
    else this.#owner.end();
  }

  /** The listener has disposed of `octets` of the answer's body. */
  grant(octets: number): void {
    this.#unread -= octets;
    if (this.#unread <= UNREAD_LIMIT / 2) this.#wire.resume();
  }

  // From the connection.

  /** Takes what came of the answer. @returns the offset after what was used, or why it is refused */
  receive(bytes: Uint8Array, start: number, end: number): number | HeadFault {
    this.#repeatable = false;
    if (this.#answered) {
      if (this.#answerDone) {
        this.#owner.end();
        this.abort(MALFORMED_ANSWER);
        return end;
      }
      return this.#body.read(bytes, start, end);
    }
    const head = this.#heads.read(bytes, start, end);
    if (head === null) return end;
    if (typeof head === 'string') return head;
    const { next } = this.#heads;
    this.#response(head);
    return next;
  }

  /** The server ended its direction: the end of an answer that has no length, a fault before. */
  onPeerEnd(): void {
    if (this.#answered && !this.#answerDone && this.#body.framing === BODY_UNTIL_CLOSE) {
      this.#answerDone = true;
      this.listener.onData(NOTHING, 0, 0, true);
      if (!this.#tunnel) this.#closes = true;
      return this.#endIfDone();
    }
    this.#owner.end();
    this.abandon();
  }

  /** Sends what had to wait. */
  pump(): void {
    if (!this.#over && this.#writer.pump(this.listener)) this.#endIfDone();
  }

  /**
   * The connection is gone before the answer's end. A server closes an idle connection when it likes: a request that met
   * that may be sent again (RFC 9112 section 9.3.1), which REFUSED_STREAM says.
   */
  abandon(): void {
    this.abort(this.#repeatable ? REFUSED_STREAM : INTERNAL_ERROR);
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
    if (last) this.#answerDone = true;
    if (!this.#over) this.listener.onData(bytes, start, end, last);
    if (last) this.#endIfDone();
  }

  onBodyTrailers(fields: Fields): void {
    this.#answerDone = true;
    if (!this.#over) this.listener.onTrailers(fields);
    this.#endIfDone();
  }

  /** Holds what comes for a tunnel before it is open: a server that opens none takes it for another request. */
  #wait(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    if (end > start) {
      if (this.#early === NO_CHUNKS) this.#early = [];
      // Not `slice`, which is a view of a Buffer.
      this.#early.push(new Uint8Array(bytes.subarray(start, end)));
      this.#wire.hold(end - start);
    }
    if (last) this.#earlyLast = true;
    return 0;
  }

  /** The answer is here. @returns what waited for it, and whether that was all */
  #takeEarly(): { chunks: Uint8Array[]; last: boolean } {
    const chunks = this.#early;
    for (const { length } of chunks) this.#wire.hold(-length);
    this.#early = NO_CHUNKS;
    this.#opensTunnel = false;
    return { chunks, last: this.#earlyLast };
  }

  #response(head: Head): void {
    const { status } = head;
    if (status < 200 && status !== 101) {
      if (!this.#over) this.listener.onInformational({ status, fields: head.fields });
      return;
    }
    this.#answered = true;
    if (head.close || (head.minor === 0 && !head.keepAlive)) this.#closes = true;
    head.response ??= { status, fields: answerFields(head) };
    const { response } = head;
    // A server that chose what it was not offered speaks what nobody expects.
    if (status === 101 && !isOffered(head.upgrade, this.#upgrade)) {
      this.#owner.end();
      return this.abort(MALFORMED_ANSWER);
    }

    // A tunnel has no content (RFC 9110 section 9.3.6): a server that sends some took CONNECT for any other method, and would
    // take what goes into the tunnel for requests, which nobody would have seen.
    if (this.#method === 'CONNECT' && status < 300 && (head.chunked || head.contentLength >= 0)) {
      this.#owner.end();
      return this.abort(MALFORMED_ANSWER);
    }
    if ((status === 101 && this.#upgrade !== '') || (this.#method === 'CONNECT' && status < 300)) {
      this.#tunnel = true;
      this.#closes = true;
      this.#writer.openTunnel();
      this.#body.begin(BODY_UNTIL_CLOSE);
      this.listener.onResponse(response, false);
      const { chunks, last } = this.#takeEarly();
      for (const chunk of chunks) {
        const sent = this.sendData(chunk, 0, chunk.length, false);
        if (sent > 0 && !this.#over) this.listener.onSent(sent);
      }
      if (last) this.sendData(NOTHING, 0, 0, true);
      return;
    }
    // No tunnel: what waited for one is nobody's.
    if (this.#opensTunnel)
      for (const { length } of this.#takeEarly().chunks) if (!this.#over) this.listener.onSent(length);
    if (status === 101) {
      this.#owner.end();
      return this.abort(MALFORMED_ANSWER);
    }
    // RFC 9112 section 6.3.
    if (this.#method === 'HEAD' || status === 204 || status === 304 || (!head.chunked && head.contentLength === 0)) {
      this.#answerDone = true;
    } else if (head.chunked) this.#body.begin(BODY_CHUNKED);
    else if (head.contentLength > 0) this.#body.begin(BODY_LENGTH, head.contentLength);
    else this.#body.begin(BODY_UNTIL_CLOSE);
    if (!this.#over) this.listener.onResponse(response, this.#answerDone);
    this.#endIfDone();
  }

  /**
   * Over when both directions are. An answer may come before the request is sent, which goes on, unless the server closes
   * the connection: then it wants no more (RFC 9112 section 9.6), and the listener hears that.
   */
  #endIfDone(): void {
    if (this.#over) return;
    // Our direction of a tunnel is over: the server is told, and its own goes on.
    if (this.#tunnel && this.#writer.done) this.#wire.finish();
    if (!this.#answerDone) return;
    if (!this.#writer.done && (this.#tunnel || !this.#closes)) return;
    this.#over = true;
    if (!this.#writer.done) this.listener.onReset(NO_ERROR);
    this.#owner.onExchangeEnd(!this.#closes);
  }
}

/** Request line and Host, which HTTP/1.1 must have, even an empty one (RFC 9112 section 3.2). */
function requestLine(head: RequestHead, minor: number): string {
  const { method, scheme, authority, path } = head;
  const isAbsolute = head.version.endsWith('absolute-form') && authority !== '';
  const target =
    method === 'CONNECT' ? authority : isAbsolute ? `${scheme}://${authority}${path === '*' ? '' : path}` : path;
  const host = authority === '' && minor === 0 ? '' : `Host: ${authority}\r\n`;
  return `${method} ${target} HTTP/1.${minor}\r\n${host}`;
}

/** The offer of another protocol. Of a method that has content it is said that there is none (RFC 9110 section 8.6). */
function upgradeLines({ method, protocol }: RequestHead): string {
  const length = METHODS_WITH_CONTENT.has(method) ? 'Content-Length: 0\r\n' : '';
  return `${length}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
}

/** Whether the protocol that an answer names, if it does, is one of the list that was offered. */
function isOffered(chosen: string, offered: string): boolean {
  return chosen === '' || offered === '' || offered.split(', ').includes(chosen.toLowerCase());
}

/** An answer's fields, and what it says of its connection that others want to know. */
function answerFields({ status, fields, close, upgrade }: Head): Fields {
  const isUpgrade = upgrade !== '' && (status === 101 || status === 426);
  if (!close && !isUpgrade) return fields;
  const own = [...fields];
  if (close) own.push(CONNECTION_FIELD, 'close');
  if (isUpgrade) own.push(UPGRADE_FIELD, upgrade);
  return own;
}

const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

function withoutLength(fields: Fields): Fields {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i]!.toLowerCase() !== 'content-length') kept.push(fields[i]!, fields[i + 1]!);
  return kept;
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const NOTHING = new Uint8Array(0);
/** Nothing waits for a tunnel. */
const NO_CHUNKS: Uint8Array[] = [];
