import { type RequestHead, withoutFields } from '../../../proxy/http.ts';
import { ClientConnection } from '../../../proxy/http1/client-connection.ts';
import type { ClientStream } from '../../../proxy/http1/client-stream.ts';
import { DEAF } from '../../../proxy/http1/message.ts';
import { ServerConnection } from '../../../proxy/http1/server-connection.ts';
import type { ServerStream } from '../../../proxy/http1/server-stream.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { MemoryWire } from '../../support/memory-wire.ts';
import { canonical, type Message } from './message.ts';

/** What was sent on one connection to the application, and what the engine meant by it. */
export interface Transcript {
  readonly octets: Buffer;
  /** Messages that were sent whole, in canonical form. */
  readonly messages: readonly string[];
}

/** What the engine made of the octets of one client's connection. */
export interface Forwarded {
  /** Reason token, or empty. */
  readonly refused: string;
  /** Messages that were read whole. */
  readonly messages: readonly Message[];
  /** The rest of the connection belongs to another protocol (after CONNECT, an upgrade) or to nobody (after a close). */
  readonly hasRest: boolean;
  readonly transcripts: readonly Transcript[];
}

/** Takes `octets` as a client's and forwards what the engine accepts, as the proxy does: head, body as it comes, trailers. */
export function forward(octets: Uint8Array): Forwarded {
  const forwarder = new Forwarder();
  forwarder.receive(octets);
  return forwarder;
}

class Forwarder implements Forwarded {
  refused = '';
  readonly messages: Message[] = [];
  hasRest = false;
  readonly transcripts: Transcript[] = [];
  #wire = new MemoryWire();
  #connection: ClientConnection | null = null;
  #sent: string[] = [];
  #isHttp10 = false;
  #exchange: { stream: ServerStream; upstream: ClientStream; answered: boolean } | null = null;

  receive(octets: Uint8Array): void {
    const connection = new ServerConnection(
      new MemoryWire(),
      {
        onRequest: (stream, head, end) => this.#request(stream, head, end),
        onMalformed: (reason) => {
          this.refused = reason;
          return [];
        },
        onLimit() {},
      },
      decodeLatin1,
    );
    connection.receive(octets, 0, octets.length);
    while (this.#exchange?.answered === false) this.#answer();
    this.#endTranscript();
    this.hasRest ||= connection.closed;
  }

  #request(stream: ServerStream, head: RequestHead, end: boolean) {
    // h11 closes after HTTP/1.0, whatever the client wishes.
    if (this.#connection === null || this.#connection.closed || this.#isHttp10) {
      this.#endTranscript();
      this.#connection = new ClientConnection(this.#wire, { onIdle() {}, onEnding() {} }, decodeLatin1);
    }
    const isHttp10 = head.version?.startsWith('HTTP/1.0') ?? false;
    this.#isHttp10 = isHttp10;
    let body = '';
    const isTunnel = head.method === 'CONNECT' || head.protocol !== '';
    const done = (trailers: readonly string[]) => {
      const fields = isTunnel ? withoutFields(head.fields, new Set(['content-length'])) : head.fields;
      const [target, host] = [targetOf(head), head.authority];
      const message = { method: head.method, target, host, fields, body, trailers, isHttp10 };
      this.messages.push(message);
      this.#sent.push(canonical(message));
      this.#exchange = { stream, upstream, answered: false };
      this.hasRest ||= isTunnel;
    };
    const upstream = this.#connection.open(DEAF);
    upstream.sendRequest({ ...head, version: head.version ?? '' }, end);
    if (end || isTunnel) done([]);
    return {
      onResponse() {},
      onInformational() {},
      onData: (bytes: Uint8Array, start: number, stop: number, last: boolean) => {
        body += decodeLatin1(bytes, start, stop);
        stream.grant(stop - start);
        if (isTunnel) return;
        upstream.sendData(bytes, start, stop, last);
        if (last) done([]);
      },
      onTrailers: (trailers: readonly string[]) => {
        upstream.sendTrailers(trailers);
        done(trailers);
      },
      onReset() {},
      onSent() {},
    };
  }

  /** Answers the request under way at both ends, so that the next one is taken. A tunnel is refused, and ends it all. */
  #answer(): void {
    const exchange = this.#exchange!;
    exchange.answered = true;
    if (this.hasRest) return;
    const answer = Buffer.from('HTTP/1.1 204 No Content\r\n\r\n');
    this.#connection!.receive(answer, 0, answer.length);
    exchange.stream.sendResponse({ status: 204, fields: [] }, true);
  }

  #endTranscript(): void {
    const octets = Buffer.from(this.#wire.take());
    if (octets.length > 0) this.transcripts.push({ octets, messages: this.#sent });
    this.#sent = [];
    this.#wire = new MemoryWire();
  }
}

/** The request target that a head means (RFC 9112 section 3.2). */
export function targetOf({ method, scheme, authority, path, version }: RequestHead): string {
  if (method === 'CONNECT') return authority;
  if (!version?.endsWith('absolute-form') || authority === '') return path;
  return `${scheme}://${authority}${path === '*' ? '' : path}`;
}
