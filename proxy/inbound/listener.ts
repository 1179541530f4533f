import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import {
  ALPN_TRANSPORT_HEADER,
  ALPN_WEFT_HTTP,
  ALPN_WEFT_OPAQUE,
  type ProxyErrorReason,
} from '../../api/proxy-headers.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Connections } from '../connections.ts';
import type { Log } from '../log.ts';
import { isLookedAtAgain } from '../routing/carriage.ts';
import { type Client, judge } from '../routing/inbound-policy.ts';
import { ResponseSeries, TcpSeries } from '../telemetry/metrics.ts';
import type { Labels } from '../telemetry/registry.ts';
import { type ClientHello, isForUs, readClientHello } from '../transport/client-hello.ts';
import type { ClientLimits } from '../transport/client-limits.ts';
import { type Detected, detectProtocol } from '../transport/detect.ts';
import { type ConnectError, dialed } from '../transport/dialer.ts';
import { type RequestHandler, serveHttp } from '../transport/http-server.ts';
import { type MutualTls, peerOf } from '../transport/mutual-tls.ts';
import type { OriginalDestination } from '../transport/original-destination.ts';
import { peek, skip } from '../transport/peek.ts';
import { raceToSpeak } from '../transport/server-first.ts';
import { relay } from '../transport/tcp-relay.ts';
import { readTransportHeader } from '../transport/transport-header.ts';
import { type InboundContext, InboundRequest } from './request.ts';

/** What the inbound side needs. */
export interface InboundOptions {
  readonly context: InboundContext;
  readonly mutualTls: MutualTls;
  readonly originalDestination: OriginalDestination;
  readonly connections: Connections;
  readonly log: Log;
  /** Own DNS identity: the SNI of handshakes that are ours. */
  readonly identity: string;
  /** Own addresses; empty: any. */
  readonly podIps: readonly string[];
  readonly connectTimeoutMs: number;
  readonly silenceMs: number;
  readonly limits: ClientLimits;
}

/** What the first octets of a connection are. */
type First =
  | { readonly kind: 'ours' }
  | { readonly kind: 'tls'; readonly hello: ClientHello }
  | { readonly kind: Detected };

/**
 * Connections on their way in.
 *
 *     accept ─▶ original destination ─▶ ClientHello for us? ─▶ terminate mutual TLS ─▶ ALPN ─▶ HTTP or octets
 *                                          ├─ other TLS ─────▶ pass through, as a client without identity
 *                                          └─ plaintext ─────▶ detect ─▶ HTTP or octets, as a client without identity
 *     Not redirected (direct mode): mutual TLS and the transport header are demanded, which names the port.
 */
export class InboundListener {
  readonly #options: InboundOptions;

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  accept(socket: Socket): void {
    socket.on('error', () => {});
    const own = { host: unmapped(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
    const original = this.#options.originalDestination.of(socket);
    const isDirect = !original || original.port === own.port;
    const destination = isDirect ? own : original;
    const client = strangerAt(socket, !isDirect);
    const { podIps } = this.#options;
    const handled =
      podIps.length > 0 && !podIps.includes(destination.host)
        ? Promise.reject(new Refused('not_own_address', `${destination.host} is no address of this pod`))
        : isDirect
          ? this.#direct(socket, own, client)
          : this.#redirected(socket, destination, client);
    handled.catch((error: Error) => {
      const reason = error instanceof Refused ? error.reason : 'unexpected';
      const { context, log } = this.#options;
      context.metrics.inboundErrors.with({ error: reason }).value++;
      context.failures.add(
        'inbound',
        { reason, message: error.message },
        {
          target: formatSocketAddress(destination.host, destination.port),
          route: '',
          method: '',
          path: '',
          endpoint: client.address,
        },
      );
      log.debug({ reason, error: error.message, peer: client.address }, 'inbound connection refused');
      socket.destroy();
    });
  }

  async #redirected(socket: Socket, destination: SocketAddress, client: Client): Promise<void> {
    const rules = this.#options.context.ports.rules(destination.port);
    const first = await this.#first(socket, destination);
    if (first === 'joined') return;
    if (first.kind === 'ours') return this.#terminate(socket, destination, client);
    if (first.kind === 'tls') return this.#relay(socket, destination, client, 'opaque');
    const protocol = rules.protocol === 'opaque' ? 'opaque' : first.kind;
    return this.#plain(socket, destination, client, protocol);
  }

  /** Looks at the first octets; a silent client of a server-first protocol is joined to its server at once. */
  async #first(socket: Socket, destination: SocketAddress): Promise<First | 'joined'> {
    const decide = (bytes: Buffer): First | null => {
      const hello = readClientHello(bytes);
      if (hello === 'incomplete') return null;
      if (hello !== 'not_tls')
        return isForUs(hello, this.#options.identity) ? { kind: 'ours' } : { kind: 'tls', hello };
      const detected = detectProtocol(bytes);
      return detected === 'more' ? null : { kind: detected };
    };
    const peeked = await peek(socket, decide, this.#options.silenceMs);
    if (peeked.outcome === 'decided') return peeked.value;
    if (peeked.outcome === 'ended') throw new Refused('request_malformed', 'the client closed without a word');
    const spoken = await raceToSpeak(socket, this.#dial(destination), decide);
    if (spoken.who === 'client') return spoken.value;
    const { upstream } = spoken;
    try {
      this.#judgeConnection(destination, strangerAt(socket, true));
    } catch (refusal) {
      upstream.destroy();
      throw refusal;
    }
    this.#join(socket, upstream, { direction: 'inbound', peer: 'src', ...this.#clientLabels(destination, NOBODY) });
    return 'joined';
  }

  async #direct(socket: Socket, own: SocketAddress, client: Client): Promise<void> {
    const peeked = await peek(
      socket,
      (bytes) => {
        const hello = readClientHello(bytes);
        return hello === 'incomplete' ? null : hello;
      },
      HANDSHAKE_MS,
    );
    if (
      peeked.outcome !== 'decided' ||
      peeked.value === 'not_tls' ||
      !isForUs(peeked.value as ClientHello, this.#options.identity)
    ) {
      throw new Refused('direct_without_identity', 'direct connections must be mutual TLS for this proxy');
    }
    const secure = await this.#options.mutualTls.accept(socket);
    const peer = peerOf(secure);
    if (peer.identity === '')
      throw new Refused('direct_without_identity', 'direct connections must show a certificate');
    if (peer.alpn !== ALPN_TRANSPORT_HEADER)
      throw new Refused('direct_without_transport_header', 'direct connections must offer the transport header');
    const header = await peek(
      secure,
      (bytes) => {
        const read = readTransportHeader(bytes);
        return read === 'more' ? null : read;
      },
      HANDSHAKE_MS,
    );
    if (header.outcome !== 'decided' || header.value === 'invalid')
      throw new Refused('transport_header_invalid', 'the transport header is not valid');
    skip(secure, header.value.octets);
    const { port, session } = header.value.header;
    const from = { ...client, identity: peer.identity, spiffe: peer.spiffe };
    const destination = { host: own.host, port };
    return this.#plain(secure, destination, from, session ?? (await this.#claimedOpaque(secure, destination)));
  }

  /** What octets are that the client calls opaque. */
  async #claimedOpaque(socket: Socket, { port }: SocketAddress): Promise<Detected> {
    if (!isLookedAtAgain(this.#options.context.ports.rules(port))) return 'opaque';
    const detected = await peekProtocol(socket, this.#options.silenceMs);
    if (detected === 'opaque') throw new Refused('opaque_on_http_port', `port ${port} has HTTP rules`);
    return detected ?? 'opaque';
  }

  async #terminate(socket: Socket, destination: SocketAddress, client: Client): Promise<void> {
    const secure: TLSSocket = await this.#options.mutualTls.accept(socket);
    const peer = peerOf(secure);
    const from = { ...client, identity: peer.identity, spiffe: peer.spiffe };
    if (peer.alpn === ALPN_WEFT_HTTP) return this.#http(secure, destination, from, 'http2', true);
    if (peer.alpn === ALPN_TRANSPORT_HEADER)
      throw new Refused('direct_without_transport_header', 'the transport header is for direct connections');
    const protocol =
      peer.alpn === ALPN_WEFT_OPAQUE
        ? await this.#claimedOpaque(secure, destination)
        : ((await peekProtocol(secure, HANDSHAKE_MS)) ?? 'opaque');
    return this.#plain(secure, destination, from, protocol);
  }

  #plain(socket: Socket, destination: SocketAddress, client: Client, protocol: Detected): void | Promise<void> {
    if (protocol === 'http1' || protocol === 'http2') return this.#http(socket, destination, client, protocol, false);
    return this.#relay(socket, destination, client, client.identity === '' ? 'no_identity' : 'true');
  }

  #http(
    socket: Socket,
    destination: SocketAddress,
    client: Client,
    protocol: 'http1' | 'http2',
    keepCase: boolean,
  ): void {
    const { context, connections } = this.#options;
    const { metrics } = context;
    this.#count(protocol);
    const labels = { direction: 'inbound', ...this.#clientLabels(destination, client) };
    const connection = {
      client,
      destination,
      isStrict: protocol === 'http2' && !keepCase,
      server: context.application.server(context.applicationAddress ?? destination.host, destination.port),
      responses: new ResponseSeries(labels, metrics.requests, metrics.responses, metrics.latency),
      last: null,
    };
    const tcp = new TcpSeries(metrics, { ...labels, peer: 'src' });
    tcp.opened();
    const handler: RequestHandler = {
      onRequest: (stream, head, end) => new InboundRequest(stream, head, end, connection, context),
      onMalformed: (reason) => {
        metrics.malformed.with({ direction: 'inbound', reason }).value++;
        return client.identity === '' ? [] : ['weft-proxy-error', 'request_malformed'];
      },
      onLimit: (limit) => metrics.exceeded('inbound', 'src', limit),
      onClosed: (read, written) => {
        remove();
        tcp.octets(read, written);
        tcp.closed();
      },
    };
    const served = serveHttp(socket, protocol, keepCase, handler, this.#options.limits);
    const remove = connections.add(served);
  }

  async #relay(socket: Socket, destination: SocketAddress, client: Client, tls: string): Promise<void> {
    this.#count('opaque');
    this.#judgeConnection(destination, client);
    const upstream = await this.#dial(destination);
    this.#join(socket, upstream, {
      direction: 'inbound',
      peer: 'src',
      ...this.#clientLabels(destination, client),
      tls,
    });
  }

  #judgeConnection(destination: SocketAddress, client: Client): void {
    const { ports, metrics } = this.#options.context;
    const { policy } = ports.rules(destination.port);
    const labels = {
      target_port: String(destination.port),
      authz_kind: 'default',
      authz_name: policy.mode,
      client_id: client.identity,
    };
    if (judge(policy, client, ports.networks) === 'denied') {
      metrics.tcpAuthzDeny.with(labels).value++;
      throw new Refused(
        'policy_denied',
        `${policy.mode} (${policy.origin}) refuses ${client.identity || 'a client without an identity'}`,
      );
    }
    metrics.tcpAuthzAllow.with(labels).value++;
  }

  #join(socket: Socket, upstream: Socket, labels: Labels): void {
    const tcp = new TcpSeries(this.#options.context.metrics, labels);
    tcp.opened();
    const remove = this.#options.connections.add({ shutdown() {}, destroy: () => socket.destroy() });
    relay(socket, upstream, {
      onOctets: (fromA, fromB) => tcp.octets(fromA, fromB),
      onEnd: () => {
        remove();
        tcp.closed();
      },
    });
  }

  #dial({ host, port }: SocketAddress): Promise<Socket> {
    const { context, connectTimeoutMs } = this.#options;
    return dialed(context.applicationAddress ?? host, port, connectTimeoutMs).catch((error: ConnectError) => {
      throw new Refused(error.reason, error.message);
    });
  }

  #clientLabels({ host, port }: SocketAddress, client: Client): Labels {
    const base = { target_addr: formatSocketAddress(host, port), target_ip: host, target_port: String(port) };
    return client.identity === ''
      ? { ...base, tls: 'no_identity', no_tls_reason: 'no_tls_from_remote' }
      : { ...base, tls: 'true', client_id: client.identity };
  }

  #count(result: string): void {
    this.#options.context.metrics.detected.with({ direction: 'inbound', result }).value++;
  }
}

/** A connection is refused; it gets no answer, because nobody has asked anything yet. */
class Refused extends Error {
  readonly reason: ProxyErrorReason;

  constructor(reason: ProxyErrorReason, message: string) {
    super(message);
    this.name = 'Refused';
    this.reason = reason;
  }
}

/** A client that opened a connection for us must say what it wants within this time. */
const HANDSHAKE_MS = 10_000;

/** What the next octets of a socket are; null: the client is silent, or gone. */
async function peekProtocol(socket: Socket, timeoutMs: number): Promise<Detected | null> {
  const decide = (bytes: Buffer) => {
    const detected = detectProtocol(bytes);
    return detected === 'more' ? null : detected;
  };
  const peeked = await peek(socket, decide, timeoutMs);
  return peeked.outcome === 'decided' ? peeked.value : null;
}

const NOBODY: Client = { identity: '', spiffe: '', address: '', isLocal: false };

/**
 * The client at the other end of a socket, not yet authenticated. Where pods share a loopback interface every peer comes
 * from 127.0.0.1, so that only a redirected connection from there is the pod's own.
 */
function strangerAt(socket: Socket, isRedirected: boolean): Client {
  const address = unmapped(socket.remoteAddress ?? '');
  const isLocal = isRedirected && (address === '127.0.0.1' || address === '::1');
  return { identity: '', spiffe: '', address, isLocal };
}

/** `::ffff:10.0.0.1` of a dual-stack listener as `10.0.0.1`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
