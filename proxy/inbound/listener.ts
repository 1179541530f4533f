import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { ALPN_TRANSPORT_HEADER, ALPN_WEFT_HTTP, ALPN_WEFT_OPAQUE } from '../../api/proxy-headers.ts';
import type { PortRanges } from '../../core/config/port-ranges.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Connections } from '../connections.ts';
import type { Log } from '../log.ts';
import { carriageOf, passesTls } from '../routing/carriage.ts';
import type { Client } from '../routing/inbound-policy.ts';
import { come } from '../telemetry/callers.ts';
import { ResponseSeries, TcpSeries } from '../telemetry/metrics.ts';
import type { Labels } from '../telemetry/registry.ts';
import { type ClientHello, isForUs, readClientHello, serverNameOf, tlsOf } from '../transport/client-hello.ts';
import type { ClientLimits } from '../transport/client-limits.ts';
import { type Detected, Detector } from '../transport/detect.ts';
import { type ConnectError, dialed } from '../transport/dialer.ts';
import { Handshakes } from '../transport/handshakes.ts';
import { type RequestHandler, serveHttp } from '../transport/http-server.ts';
import { type MutualTls, NOBODY } from '../transport/mutual-tls.ts';
import { acceptOctets, refuseOctets } from '../transport/octets-verdict.ts';
import { letGo, listenToOpening } from '../transport/opening.ts';
import type { OriginalDestination } from '../transport/original-destination.ts';
import { peek, skip } from '../transport/peek.ts';
import { relay } from '../transport/tcp-relay.ts';
import { resetConnection } from '../transport/tcp-reset.ts';
import { readTransportHeader } from '../transport/transport-header.ts';
import { provedBy, provedPeer, redirectedPeer, strangerAt, unmapped } from './clients.ts';
import type { PortVerdict } from './ports.ts';
import { Refused } from './refused.ts';
import { type InboundContext, InboundRequest } from './request.ts';
import { RequestsUnderWay } from './requests-under-way.ts';

/** What the inbound side needs. */
export interface InboundOptions {
  readonly context: InboundContext;
  readonly mutualTls: MutualTls;
  readonly originalDestination: OriginalDestination;
  readonly connections: Connections;
  readonly log: Log;
  /** Own DNS identity: the SNI of handshakes that are ours. */
  readonly identity: string;
  /** Peers are workloads of it. */
  readonly trustDomain: string;
  /** Own addresses; empty: any. */
  readonly podIps: readonly string[];
  readonly connectTimeoutMs: number;
  /** How long a silent client is waited for before its server is dialled, to let it speak first. */
  readonly silenceMs: number;
  /** How long octets that may be of any protocol are waited on. */
  readonly undecidedMs: number;
  readonly limits: ClientLimits;
  /** Ports whose clients of HTTP/1 may end their direction and wait for the answer. */
  readonly halfClosedPorts: PortRanges;
}

/** What the opening words of a connection are: a handshake for us or for somebody else, HTTP, or octets. */
type Opened = 'ours' | 'tls' | Detected;

/** A connection whose client is known as far as it will be, on its way to a port of the application. */
interface Arrival {
  readonly socket: Socket;
  readonly destination: SocketAddress;
  readonly client: Client;
  /** Value of the label `tls` where octets are relayed. */
  readonly tls: string;
  /** How long octets that may be of any protocol are waited on: a peer has waited already. */
  readonly undecidedMs: number;
  /** To be called once it is known what the connection carries. */
  readonly onKnown: () => void;
}

/** What is known of octets that are relayed. */
interface Octets {
  /** Connected already, or being connected, because it was waited for; null: not yet. */
  readonly upstream: Promise<Socket> | null;
  /** What the client had said, if anything, before it ended its direction; null: all is in its socket. */
  readonly ended: Buffer | null;
  /** Goes on looking at what was taken for octets; null: they are, whatever they say. */
  readonly detector: Detector | null;
}

/**
 * Connections on their way in.
 *
 *     accept ─▶ original destination ─▶ ClientHello for us? ─▶ terminate mutual TLS ─▶ ALPN ─▶ HTTP or octets
 *                                          ├─ other TLS ─────▶ pass through, as a client without identity
 *                                          └─ plaintext ─────▶ HTTP or octets, as a client without identity
 *     Not redirected (direct mode): mutual TLS and the transport header are demanded, which names the port.
 *
 * What is HTTP is decided in one place for all of them (`carriageOf`, then `Detector`): what policy and routes demand comes
 * before what a client says, and what a client was taken to say is held against it while it may still be HTTP.
 */
export class InboundListener {
  readonly #options: InboundOptions;
  readonly #handshakes: Handshakes;

  constructor(options: InboundOptions) {
    this.#options = options;
    const { metrics } = options.context;
    this.#handshakes = new Handshakes(options.mutualTls, (limit) => metrics.exceeded('inbound', 'src', limit));
  }

  /**
   * Takes a connection from outside the pod, redirected or direct. Owns the socket; throws never.
   *
   * @param onKnown called when it is known what the connection carries
   */
  accept(socket: Socket, onKnown: () => void): void {
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
          ? this.#direct(socket, own, client, onKnown)
          : this.#redirected(socket, destination, client, onKnown);
    handled.catch((error: Error) => this.#refuse(socket, destination, client, error));
  }

  /** Takes a connection of the pod to itself, which its outbound side has made within the process. */
  acceptOwn(socket: Socket, destination: SocketAddress): void {
    socket.on('error', () => {});
    const client = { ...NOBODY, address: destination.host, isLocal: true };
    this.#redirected(socket, destination, client, () => {}).catch((error: Error) =>
      this.#refuse(socket, destination, client, error),
    );
  }

  /** A handshake for us is looked for first; where there is none, the client stays without an identity. */
  async #redirected(socket: Socket, destination: SocketAddress, client: Client, onKnown: () => void): Promise<void> {
    const { undecidedMs } = this.#options;
    const arrival = { socket, destination, client, tls: 'no_identity', undecidedMs, onKnown };
    await this.#open(arrival, (bytes) => {
      const hello = readClientHello(bytes);
      if (hello === 'not_tls' || hello === 'incomplete') return hello;
      return isForUs(hello, this.#options.identity) ? 'ours' : 'tls';
    });
  }

  /**
   * Decides what a connection carries, and carries it.
   *
   * @param handshake what the octets are of a handshake; not given: there can be none for us any more
   * @param ahead the application, where it was connected to while a handshake was waited for: its only connection, perhaps
   */
  async #open(
    arrival: Arrival,
    handshake: (bytes: Buffer) => 'ours' | 'tls' | 'not_tls' | 'incomplete' = tlsOf,
    ahead: Promise<Socket> | null = null,
  ): Promise<void> {
    const { socket, destination, client } = arrival;
    const { ports } = this.#options.context;
    const rules = ports.rules(destination.port);
    const carriage = carriageOf(rules);
    const refusal = carriage === 'octets' ? ports.refusalOfAddress(destination.port, client) : null;
    if (refusal) {
      letGo(ahead);
      throw this.#deny(refusal);
    }
    const detector = new Detector();
    let isHandshake = false;
    let serverName = '';
    const decide = (bytes: Buffer): Opened | null => {
      const hello = handshake(bytes);
      isHandshake = hello === 'incomplete';
      if (isHandshake) return null;
      if (hello === 'ours') return hello;
      if (hello === 'tls' && passesTls(rules)) {
        serverName = serverNameOf(bytes) ?? '';
        return hello;
      }
      return carriage === 'octets' ? 'opaque' : detector.decide(bytes);
    };
    const { silenceMs, limits } = this.#options;
    const isDeclaredHttp = carriage === 'http' && rules.protocol !== 'detect';
    // Whom the policy refuses as it is known now may yet prove who it is, or ask by HTTP and hear why not: it has to speak.
    const now = ports.judgeOctets(destination.port, client);
    const isRefused = now.isRefused;
    const mustSpeak = isDeclaredHttp || isRefused;
    const firstWordMs = Math.min(
      isRefused ? Math.min(HANDSHAKE_MS, limits.headerTimeoutMs) : FIRST_WORD_MS,
      limits.idleTimeoutMs,
    );
    // One that has said nothing yet does not hold up a drain.
    const isSilent = () => detector.octets === 0;
    const waiting = this.#options.connections.add({
      shutdown: () => isSilent() && socket.destroy(),
      destroy: () => socket.destroy(),
    });
    const opening = await listenToOpening(socket, {
      decide,
      otherwise: () => (carriage === 'detect' ? detector.otherwise : carriage === 'http' ? 'http1' : 'opaque'),
      // Who speaks first is asked where nothing is declared; where HTTP is, the client has to.
      dial: mustSpeak ? null : () => ahead ?? this.#dial(destination),
      silenceMs: mustSpeak ? firstWordMs : silenceMs,
      // A ClientHello may come in several packets, some of them sent again.
      undecidedMs: () => (isHandshake ? HANDSHAKE_MS : arrival.undecidedMs),
    }).finally(waiting);
    const watched = carriage === 'detect' ? detector : null;
    if (opening.who === 'gone') {
      letGo(ahead);
      // One that has left, as probes of a port do, was refused nothing.
      if (isRefused && !socket.readableEnded && !socket.destroyed) throw this.#deny(now);
      throw new Refused('request_malformed', 'the client left without a word, or said none for too long');
    }
    if (opening.who !== 'client') {
      const upstream = Promise.resolve(opening.upstream);
      if (carriage !== 'http') return this.#relay(arrival, { upstream, ended: null, detector: watched });
      letGo(upstream);
      throw new Refused('opaque_on_http_port', `port ${destination.port} has HTTP rules, and its server speaks first`);
    }
    const { value, ended } = opening;
    const upstream = opening.upstream ?? ahead;
    if (value === 'tls')
      return this.#relay({ ...arrival, tls: 'opaque' }, { upstream, ended, detector: null }, serverName);
    if (value === 'opaque' && carriage !== 'http') return this.#relay(arrival, { upstream, ended, detector: watched });
    if (value === 'ours') return this.#terminate(arrival, upstream);
    letGo(upstream);
    // Nobody is answered who has to prove first who it is, but the kubelet, whose requests tell.
    if (now.refusal === 'reset' && (value === 'opaque' || !this.#isProbed(destination.port))) throw this.#deny(now);
    if (value === 'opaque') throw new Refused('opaque_on_http_port', `port ${destination.port} carries HTTP alone`);
    if (ended) throw new Refused('request_malformed', 'the client left before its request was whole');
    this.#http(arrival, value, false);
  }

  async #direct(socket: Socket, own: SocketAddress, client: Client, onKnown: () => void): Promise<void> {
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
    const secure = await this.#handshakes.accept(socket);
    const peer = provedPeer(secure, this.#options);
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
    const from = provedBy(client, peer);
    const arrival = this.#fromPeer(secure, { host: own.host, port }, from, onKnown);
    if (session) return this.#http(arrival, session, false);
    await this.#open(arrival);
  }

  async #terminate({ socket, destination, client, onKnown }: Arrival, ahead: Promise<Socket> | null): Promise<void> {
    try {
      const secure: TLSSocket = await this.#handshakes.accept(socket);
      const peer = redirectedPeer(secure, this.#options);
      const arrival = this.#fromPeer(secure, destination, provedBy(client, peer), onKnown);
      if (peer.alpn === ALPN_WEFT_OPAQUE) return await this.#confirm(arrival, ahead);
      if (peer.alpn !== ALPN_WEFT_HTTP) return await this.#open(arrival, tlsOf, ahead);
      letGo(ahead);
      this.#http(arrival, 'http2', true);
    } catch (error) {
      letGo(ahead);
      throw error;
    }
  }

  /** Tells a peer whether the application takes octets, before it sends any. */
  async #confirm(arrival: Arrival, ahead: Promise<Socket> | null): Promise<void> {
    const { socket, destination, client } = arrival;
    const { ports } = this.#options.context;
    let upstream = ahead;
    // What HTTP rules let in, is HTTP, and says itself who may.
    if (carriageOf(ports.rules(destination.port)) !== 'http')
      try {
        this.#admitOctets(destination, client);
        upstream ??= this.#dial(destination);
        await upstream;
      } catch (error) {
        letGo(upstream);
        this.#note(destination, client, error as Error);
        return refuseOctets(socket, (error as Refused).reason === 'policy_denied' ? 'refused' : 'unreachable');
      }
    acceptOctets(socket);
    await this.#open(arrival, tlsOf, upstream);
  }

  /** What a peer says that its own proxy has looked at, or ought to have: octets are not waited on for long once more. */
  #fromPeer(socket: Socket, destination: SocketAddress, client: Client, onKnown: () => void): Arrival {
    return {
      socket,
      destination,
      client,
      onKnown,
      tls: client.identity === '' ? 'no_identity' : 'true',
      undecidedMs: Math.min(this.#options.undecidedMs, PEER_UNDECIDED_MS),
    };
  }

  #http({ socket, destination, client, onKnown }: Arrival, protocol: 'http1' | 'http2', keepCase: boolean): void {
    const { context, connections } = this.#options;
    const { metrics, ports } = context;
    // A port of octets stays one, whatever a peer calls what it sends there.
    if (carriageOf(ports.rules(destination.port)) === 'octets') this.#admitOctets(destination, client);
    onKnown();
    this.#count(protocol);
    const labels = { direction: 'inbound', ...this.#clientLabels(destination, client) };
    const connection = {
      client,
      destination,
      isStrict: protocol === 'http2' && !keepCase,
      server: context.application.server(context.applicationAddress ?? destination.host, destination.port),
      responses: new ResponseSeries(labels, metrics.requests, metrics.responses, metrics.latency),
      last: null,
      requests: new RequestsUnderWay(),
    };
    const tcp = new TcpSeries(metrics, { ...labels, peer: 'src' });
    tcp.opened();
    const handler: RequestHandler = {
      keepsHalfClosed: this.#options.halfClosedPorts.has(destination.port),
      onRequest: (stream, head, end) => new InboundRequest(stream, head, end, connection, context),
      onMalformed: (reason) => {
        metrics.malformed.with({ direction: 'inbound', reason }).value++;
        return client.identity === '' ? [] : ['weft-proxy-error', 'request_malformed'];
      },
      onLimit: (limit) => metrics.exceeded('inbound', 'src', limit),
      onClosed: (read, written) => {
        stop();
        remove();
        tcp.octets(read, written);
        tcp.closed();
      },
    };
    const stop = ports.whenUpdated(() => {
      connection.requests.endIfRefused();
      // Nothing that it may yet ask is answered.
      if (ports.judgeOctets(destination.port, client).refusal === 'reset' && !this.#isProbed(destination.port))
        served.destroy();
    });
    const served = serveHttp(socket, protocol, keepCase, handler, this.#options.limits);
    const remove = connections.add(served);
  }

  async #relay(
    { socket, destination, client, tls, onKnown }: Arrival,
    { upstream, ended, detector }: Octets,
    serverName = '',
  ): Promise<void> {
    const { ports, metrics } = this.#options.context;
    this.#count('opaque');
    const verdict = ports.judgeOctets(destination.port, client, serverName);
    for (const counter of verdict.noted) counter.value++;
    if (verdict.isRefused) {
      letGo(upstream);
      throw this.#deny(verdict);
    }
    metrics.tcpAuthzAllow.with(verdict.labels).value++;
    this.#come(destination, client, false);
    onKnown();
    const server = await (upstream ?? this.#dial(destination));
    const labels = { direction: 'inbound', peer: 'src', ...this.#clientLabels(destination, client), tls };
    const tcp = new TcpSeries(metrics, labels);
    tcp.opened();
    const remove = this.#options.connections.add({ shutdown() {}, destroy: () => socket.destroy() });
    const onHttp = () =>
      this.#note(destination, client, new Refused('request_malformed', 'octets have turned into HTTP'));
    // Octets are let in for as long as policy lets them in: nobody asks again by them.
    const endIfRefused = () => {
      const verdict = ports.judgeOctets(destination.port, client, serverName);
      if (socket.destroyed || !verdict.isRefused) return;
      this.#note(destination, client, this.#deny(verdict));
      resetConnection(socket);
    };
    const stop = ports.whenUpdated(endIfRefused);
    relay(
      socket,
      server,
      {
        onOctets: (fromA, fromB) => tcp.octets(fromA, fromB),
        onEnd: () => {
          stop();
          remove();
          tcp.closed();
        },
      },
      { ended, watch: detector && !detector.isSettled ? { detector, onHttp } : null },
    );
    // It may have changed while the application was dialled.
    endIfRefused();
  }

  #refuse(socket: Socket, destination: SocketAddress, client: Client, error: Error): void {
    this.#note(destination, client, error);
    resetConnection(socket);
  }

  /** Counts a connection of octets. */
  #come({ port }: SocketAddress, client: Client, isRefused: boolean): void {
    const way = { port, carried: 'octets', method: '', route: '', isProbe: false } as const;
    come(this.#options.context.callers.find(client, way), isRefused, performance.now());
  }

  /** Tells the operator why a connection is closed. */
  #note(destination: SocketAddress, client: Client, error: Error): void {
    const reason = error instanceof Refused ? error.reason : 'unexpected';
    if (reason === 'policy_denied') this.#come(destination, client, true);
    const { context, log } = this.#options;
    context.metrics.inboundErrors.with({ error: reason }).value++;
    const target = formatSocketAddress(destination.host, destination.port);
    context.failures.add(
      'inbound',
      { reason, message: error.message },
      { target, route: '', method: '', path: '', endpoint: client.address },
    );
    log.debug({ reason, error: error.message, peer: client.address }, 'inbound connection refused');
  }

  /** @throws Refused where policy lets no octets of the client in */
  #admitOctets({ port }: SocketAddress, client: Client): void {
    const verdict = this.#options.context.ports.judgeOctets(port, client);
    if (verdict.isRefused) throw this.#deny(verdict);
  }

  /** Counts a connection that is refused. @returns why */
  #deny({ why, labels }: PortVerdict): Refused {
    this.#options.context.metrics.tcpAuthzDeny.with(labels).value++;
    return new Refused('policy_denied', why);
  }

  #isProbed(port: number): boolean {
    return (this.#options.context.probePaths[String(port)] ?? []).length > 0;
  }

  #dial({ host, port }: SocketAddress): Promise<Socket> {
    const { context, connectTimeoutMs } = this.#options;
    return dialed(context.applicationAddress ?? host, port, connectTimeoutMs).then(
      (socket) => {
        context.ports.noteServing(port);
        return socket;
      },
      (error: ConnectError) => {
        throw new Refused(error.reason, error.message);
      },
    );
  }

  #clientLabels({ host, port }: SocketAddress, client: Client): Labels {
    const label = this.#options.context.ports.portLabel(port);
    const base = { target_addr: formatSocketAddress(host, label), target_ip: host, target_port: label };
    return client.identity === ''
      ? { ...base, tls: 'no_identity', no_tls_reason: client.isLocal ? 'loopback' : 'no_tls_from_remote' }
      : { ...base, tls: 'true', client_id: client.identity };
  }

  #count(result: string): void {
    this.#options.context.metrics.detected.with({ direction: 'inbound', result }).value++;
  }
}

/** A client that opened a connection for us must say what it wants within this time. */
const HANDSHAKE_MS = 10_000;
/** A client that is to speak HTTP says its first word within this time; as nginx. One that pools connections opens another. */
const FIRST_WORD_MS = 60_000;
/** What a peer passes on may come in pieces: Nagle's algorithm and a late acknowledgement hold one back for 40 ms. */
const PEER_UNDECIDED_MS = 200;
