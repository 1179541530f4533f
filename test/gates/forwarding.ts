import type { StreamListener } from '../../proxy/http.ts';
import { Connection } from '../../proxy/http2/connection.ts';
import type { ConnectionListener } from '../../proxy/http2/connection-listener.ts';
import type { Stream } from '../../proxy/http2/stream.ts';
import { decodeLatin1 } from '../../proxy/transport/latin1.ts';
import { MemoryWire } from '../support/memory-wire.ts';

/**
 * A proxy's way through the HTTP/2 engine, without sockets: a client's connection and, behind it, one to a server.
 *
 *     client ══ downstream ─▶ forwarding listeners ─▶ upstream ══ server
 */
export class Forwarding {
  readonly client = new End('client', this);
  readonly downstream = new End('server', this);
  readonly upstream = new End('client', this);
  readonly server = new End('server', this);

  constructor() {
    this.settle();
  }

  /** A request arrived at the proxy or at the server behind it. */
  onRequest(
    at: End,
    stream: Stream,
    head: Parameters<ConnectionListener['onRequest']>[1],
    end: boolean,
  ): StreamListener {
    if (at === this.server) {
      if (end) stream.sendResponse(ANSWER, true);
      return new Sink(stream);
    }
    const request = new Relay();
    const answer = new Relay();
    const onward = this.upstream.connection.open(answer);
    request.from = stream;
    request.to = onward;
    answer.from = onward;
    answer.to = stream;
    onward.sendRequest(head, end);
    return request;
  }

  /** Opens a request whose body is to come. */
  open(): Stream {
    const stream = this.client.connection.open(new Sink(null));
    stream.sendRequest(POST, false);
    this.settle();
    return stream;
  }

  /** A whole request and its answer. */
  exchange(): void {
    const stream = this.client.connection.open(new Sink(null));
    stream.sendRequest(GET, true);
    this.settle();
  }

  /** Carries octets between the connections until all is silent, without copying them. */
  settle(): void {
    let quiet = false;
    while (!quiet) {
      quiet = true;
      if (carry(this.client, this.downstream)) quiet = false;
      if (carry(this.upstream, this.server)) quiet = false;
      if (carry(this.server, this.upstream)) quiet = false;
      if (carry(this.downstream, this.client)) quiet = false;
    }
  }
}

/** Hands what one end has written to the other. The wire is exchanged for its spare, because the other end may write back. */
function carry(from: End, to: End): boolean {
  const { wire } = from;
  const { end } = wire;
  if (end === 0) return false;
  const bytes = wire.swap();
  to.connection.receive(bytes, 0, end);
  return true;
}

/** A wire with two slabs, so that nothing is allocated to take what was written. */
class SwapWire extends MemoryWire {
  #spare = new Uint8Array(1 << 16);

  constructor() {
    super();
    this.bytes = new Uint8Array(1 << 16);
  }

  swap(): Uint8Array {
    const written = this.bytes;
    this.bytes = this.#spare;
    this.#spare = written;
    this.end = 0;
    return written;
  }
}

class End implements ConnectionListener {
  readonly wire = new SwapWire();
  readonly connection: Connection;
  readonly #forwarding: Forwarding;

  constructor(role: 'client' | 'server', forwarding: Forwarding) {
    this.#forwarding = forwarding;
    this.connection = new Connection(role, this.wire, this, decodeLatin1);
  }

  onRequest(stream: Stream, head: Parameters<ConnectionListener['onRequest']>[1], end: boolean): StreamListener {
    return this.#forwarding.onRequest(this, stream, head, end);
  }

  onGoAway(): void {}
  onStreamEnd(): void {}
  onRoom(): void {}
  onPong(): void {}
  onLimit(): void {}
  onFailed(_code: number, reason: string): void {
    throw new Error(reason);
  }
}

/** Passes what one stream hears to another, as the proxy's layers do. */
class Relay implements StreamListener {
  from: Stream = null as never;
  to: Stream = null as never;

  onResponse(head: Parameters<StreamListener['onResponse']>[0], end: boolean): void {
    this.to.sendResponse(head, end);
  }

  onInformational(): void {}

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const sent = this.to.sendData(bytes, start, end, last);
    if (sent > 0) this.from.grant(sent);
  }

  onTrailers(): void {}
  onReset(): void {}

  onSent(octets: number): void {
    this.from.grant(octets);
  }
}

/** Takes everything. */
class Sink implements StreamListener {
  readonly #stream: Stream | null;

  constructor(stream: Stream | null) {
    this.#stream = stream;
  }

  onResponse(): void {}
  onInformational(): void {}

  onData(_bytes: Uint8Array, start: number, end: number): void {
    this.#stream?.grant(end - start);
  }

  onTrailers(): void {}
  onReset(): void {}
  onSent(): void {}
}

const COMMON = { scheme: 'http', authority: 'api.default.svc.cluster.local', path: '/users', protocol: '' };
const GET = { ...COMMON, method: 'GET', fields: ['accept', '*/*', 'user-agent', 'load/1.0'] };
const POST = { ...COMMON, method: 'POST', fields: ['content-type', 'application/octet-stream'] };
const ANSWER = { status: 200, fields: ['content-type', 'text/plain'] };
