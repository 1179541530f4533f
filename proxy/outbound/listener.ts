import type { Socket } from 'node:net';

import type { PortRanges } from '../../core/config/port-ranges.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Failure } from '../answers.ts';
import type { Connections } from '../connections.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import type { Log } from '../log.ts';
import { carriageOf, outgoing } from '../routing/carriage.ts';
import { TcpSeries } from '../telemetry/metrics.ts';
import type { ClientLimits } from '../transport/client-limits.ts';
import { type Detected, Detector } from '../transport/detect.ts';
import { ConnectError, dial, whenConnected } from '../transport/dialer.ts';
import { type RequestHandler, type ServedConnection, serveHttp } from '../transport/http-server.ts';
import type { Loopback } from '../transport/loopback.ts';
import { letGo, listenToOpening } from '../transport/opening.ts';
import type { OriginalDestination } from '../transport/original-destination.ts';
import { relay } from '../transport/tcp-relay.ts';
import { resetConnection } from '../transport/tcp-reset.ts';
import type { Ingress } from './ingress.ts';
import { KeptTarget } from './kept-target.ts';
import type { NamedTargets } from './named-targets.ts';
import { OctetsRelay, type Upstream } from './octets-relay.ts';
import { noteFailure, type OutboundContext } from './outbound-context.ts';
import { OutboundRequest } from './request.ts';
import { Target } from './target.ts';
import type { Targets } from './targets.ts';
import { authorityAddress, WaitingRequest } from './waiting-request.ts';

/** What the outbound side needs. */
export interface OutboundOptions {
  readonly context: OutboundContext;
  readonly targets: Pick<Targets, 'find'>;
  /** Finds the host that a request to a stranger's address names. */
  readonly named: Pick<NamedTargets, 'find' | 'request'>;
  /** Finds the target of each request in ingress mode; null: the original destination decides. */
  readonly ingress: Ingress | null;
  readonly originalDestination: OriginalDestination;
  /** The way to addresses of the pod itself. */
  readonly loopback: Loopback;
  readonly connections: Connections;
  readonly log: Log;
  readonly connectTimeoutMs: number;
  /** How long a silent client is waited for before its server is dialled, to let it speak first. */
  readonly silenceMs: number;
  /** How long octets that may be of any protocol are waited on. */
  readonly undecidedMs: number;
  readonly limits: ClientLimits;
  /** Ports whose clients of HTTP/1 may end their direction and wait for the answer. */
  readonly halfClosedPorts: PortRanges;
}

/**
 * Connections of the application on their way out.
 *
 *     accept ─▶ original destination ─▶ what is it for? ─▶ protocol ─▶ HTTP: OutboundRequest per request
 *                                           │                 └──────▶ octets: relay to one endpoint
 *                                           ├─ unknown: forwarded untouched, counted
 *                                           └─ nobody has said: refused, or forwarded (`Unanswered`)
 *
 * On a port that hosts outside the cluster have, requests to an unknown address may name such a host and go there.
 * In ingress mode each HTTP request finds its own target, also on connections to unknown addresses.
 */
export class OutboundListener {
  readonly #options: OutboundOptions;
  readonly #fromApplication: TcpSeries;
  readonly #octets: OctetsRelay;
  /** Targets whose server spoke first: the next connection is not waited on. */
  readonly #serverFirst = new Set<string>();

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#fromApplication = new TcpSeries(options.context.metrics, {
      direction: 'outbound',
      peer: 'src',
      tls: 'no_identity',
      no_tls_reason: 'loopback',
    });
    this.#octets = new OctetsRelay(options, this.#fromApplication);
  }

  /** Takes a redirected connection. */
  accept(socket: Socket): void {
    const original = this.#options.originalDestination.of(socket);
    if (!original || (original.host === socket.localAddress && original.port === socket.localPort)) {
      // Nobody was redirected here: answering it would connect the proxy to itself.
      const { context, log } = this.#options;
      context.metrics.outboundErrors.with({ error: 'loop_detected' }).value++;
      log.warn({ peer: socket.remoteAddress }, 'refused a connection that was not redirected (loop_detected)');
      return void socket.destroy();
    }
    this.#handle(socket, original).catch((error: Error) =>
      this.#fail(socket, formatSocketAddress(original.host, original.port), error),
    );
  }

  /** Ends a connection that was carried nowhere. An end would look like the answer of a server that has nothing to say. */
  #fail(socket: Socket, target: string, error: Error): void {
    const { context, log } = this.#options;
    log.warn({ error: error.message, target }, 'outbound connection failed');
    const reason = error instanceof ConnectError ? error.reason : 'unexpected';
    noteFailure(context, { reason, message: error.message }, { target, route: '', method: '', path: '', endpoint: '' });
    resetConnection(socket);
  }

  /** Carries a connection to where it was going. */
  async #handle(socket: Socket, original: SocketAddress): Promise<void> {
    socket.on('error', () => {});
    this.#countConnection(socket);
    const found = this.#options.targets.find(formatSocketAddress(original.host, original.port));
    const target = found instanceof Promise ? await found : found;
    if (target instanceof Target) return this.#carry(socket, target);
    if (target) return this.#refuse(socket, original, target);
    const { ingress, context } = this.#options;
    if (!ingress) return this.#forward(socket, original);
    // Its requests may be for somebody else, so they have to be seen.
    context.metrics.unknownTargets.with({}).value++;
    return this.#carry(socket, ingress.stranger(original));
  }

  /** Carries a connection to a target: a tunnel of the explicit proxy. Owns the socket; throws never. */
  carry(socket: Socket, target: Target): void {
    this.#countConnection(socket);
    this.#carry(socket, target).catch((error: Error) => this.#fail(socket, target.key, error));
  }

  /** Joins a connection to one that was opened for it: a tunnel to an address that discovery does not know. */
  join(socket: Socket, upstream: Socket): void {
    this.#options.context.metrics.unknownTargets.with({}).value++;
    this.#countConnection(socket);
    this.#relayUntouched(socket, upstream);
  }

  async #carry(socket: Socket, target: Target): Promise<void> {
    const carriage = carriageOf(outgoing(target.description.protocol));
    if (carriage === 'octets') return this.#octets.relay(socket, target);
    const isHttp = carriage === 'http';
    const { protocol } = target.description;
    // What is no HTTP at all is refused in the words of the version that is declared.
    const declared = protocol === 'http2' || protocol === 'grpc' ? 'http2' : 'http1';
    const told = (detected: Detected): Detected => (isHttp && detected === 'opaque' ? declared : detected);
    const { limits, silenceMs, undecidedMs } = this.#options;
    const detector = new Detector();
    let upstream: Promise<Upstream> | null = null;
    const opening = await listenToOpening<Detected>(socket, {
      decide(bytes) {
        const detected = detector.decide(bytes);
        return detected && told(detected);
      },
      otherwise: () => told(detector.otherwise),
      dial: isHttp
        ? null
        : () => {
            upstream = this.#octets.open(target);
            return upstream.then((opened) => opened.socket);
          },
      silenceMs: isHttp ? limits.idleTimeoutMs : this.#serverFirst.has(target.key) ? 1 : silenceMs,
      undecidedMs: () => undecidedMs,
    });
    if (opening.who === 'gone') return void socket.destroy();
    if (opening.who === 'client') {
      this.#serverFirst.delete(target.key);
      this.#count(opening.value);
      // Another server may be meant by the name that it says.
      if (opening.value === 'opaque' && opening.upstream && !target.looksAtServerName)
        return this.#octets.join(socket, await upstream!, target, opening.ended);
      letGo(opening.upstream);
      if (opening.value === 'opaque') return this.#octets.relay(socket, target, opening.ended);
      // A request that its client ended before it was whole.
      if (opening.ended) return void socket.destroy();
      return this.#serve(socket, opening.value, target);
    }
    if (opening.who === 'server') this.#rememberServerFirst(target.key);
    this.#count('server_first');
    this.#octets.join(socket, await upstream!, target);
  }

  /** Answers HTTP with a failure, after which the client connects anew; what is none is reset. */
  async #refuse(socket: Socket, { host, port }: SocketAddress, failure: Failure): Promise<void> {
    const { context, connections, limits, silenceMs, undecidedMs } = this.#options;
    const detector = new Detector();
    const opening = await listenToOpening<Detected>(socket, {
      decide: (bytes) => detector.decide(bytes),
      otherwise: () => detector.otherwise,
      // It has waited for longer already.
      dial: null,
      silenceMs,
      undecidedMs: () => undecidedMs,
    });
    if (opening.who !== 'client' || opening.value === 'opaque' || opening.ended) {
      const target = formatSocketAddress(host, port);
      noteFailure(context, failure, { target, route: '', method: '', path: '', endpoint: '' });
      return resetConnection(socket);
    }
    const connection: ServedConnection = serveHttp(
      socket,
      opening.value,
      false,
      {
        onRequest(stream, head, end) {
          // Before the answer, which says so: else the client's next request would meet the end of the connection.
          connection.shutdown();
          return new WaitingRequest(stream, head, end, context, clientOf(socket)).refuse(failure);
        },
        ...this.#faults,
        onClosed: (read, written) => {
          remove();
          this.#fromApplication.octets(read, written);
        },
      },
      limits,
    );
    const remove = connections.add(connection);
  }

  /** What is told of what a client does wrong. */
  get #faults(): Pick<RequestHandler, 'onMalformed' | 'onLimit'> {
    const { metrics } = this.#options.context;
    return {
      onMalformed: (reason) => {
        metrics.malformed.with({ direction: 'outbound', reason }).value++;
        return ['weft-proxy-error', 'request_malformed'];
      },
      onLimit: (limit) => metrics.exceeded('outbound', 'src', limit),
    };
  }

  /** Serves HTTP to the application. */
  #serve(socket: Socket, protocol: 'http1' | 'http2', target: Target): void {
    const { context, connections, targets } = this.#options;
    const client = clientOf(socket);
    const kept = new KeptTarget(target, targets, () => connection.shutdown());
    const handler: RequestHandler = {
      keepsHalfClosed: this.#options.halfClosedPorts.has(target.description.port),
      onRequest: (stream, head, end) => {
        const now = kept.now();
        return now instanceof Target
          ? this.#request(stream, head, end, now, client)
          : new WaitingRequest(stream, head, end, context, client).follow(now, GONE);
      },
      ...this.#faults,
      onClosed: (read, written) => {
        remove();
        kept.release();
        this.#fromApplication.octets(read, written);
      },
    };
    const connection: ServedConnection = serveHttp(socket, protocol, false, handler, this.#options.limits);
    const remove = connections.add(connection);
  }

  #request(stream: ServerStream, head: RequestHead, end: boolean, target: Target, client: string): StreamListener {
    const { context, named, ingress } = this.#options;
    if (ingress) return ingress.request(stream, head, end, target, client);
    if (!target.description.byHost) return new OutboundRequest(stream, head, end, target, context, client);
    const address = hostOn(head.authority, target.description.port);
    return named.request(stream, head, end, { address, original: target, client });
  }

  /** An address that discovery does not know: octets pass untouched, TLS included. */
  #forward(socket: Socket, original: SocketAddress): void {
    const { context, connectTimeoutMs, log } = this.#options;
    context.metrics.unknownTargets.with({}).value++;
    const upstream = this.dialUnknown(original);
    whenConnected(upstream, 'connect', connectTimeoutMs, (error) => {
      if (error) {
        log.debug(
          { target: formatSocketAddress(original.host, original.port), error: error.message },
          'cannot reach an unknown address',
        );
        return resetConnection(socket);
      }
      this.#relayUntouched(socket, upstream);
    });
  }

  /** Begins to connect to an address that discovery does not know; it may still be the pod's own. */
  dialUnknown(address: SocketAddress): Socket {
    const { loopback } = this.#options;
    return loopback.isOwn(address.host) ? loopback.connect(address) : dial(address.host, address.port);
  }

  #relayUntouched(socket: Socket, upstream: Socket): void {
    const remove = this.#options.connections.add({ shutdown() {}, destroy: () => socket.destroy() });
    relay(socket, upstream, {
      onOctets: (fromA, fromB) => this.#fromApplication.octets(fromA, fromB),
      onEnd: remove,
    });
  }

  #countConnection(socket: Socket): void {
    this.#fromApplication.opened();
    socket.once('close', () => this.#fromApplication.closed());
  }

  #rememberServerFirst(key: string): void {
    if (this.#serverFirst.size >= MAX_SERVER_FIRST) this.#serverFirst.clear();
    this.#serverFirst.add(key);
  }

  #count(result: string): void {
    this.#options.context.metrics.detected.with({ direction: 'outbound', result }).value++;
  }
}

/** The host that an authority names, on the port that was dialled; null: it is none. */
function hostOn(authority: string, port: number): SocketAddress | null {
  const address = authorityAddress(authority);
  return address && { ...address, port };
}

/** Who is at the other end, `host:port`; empty where it has gone already. */
export function clientOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return remoteAddress === '' ? '' : formatSocketAddress(remoteAddress, remotePort);
}

/** What a kept connection was for is not there any more. */
const GONE: Failure = { reason: 'target_unknown', message: 'what this connection was opened for is gone' };

/** Targets remembered as server-first; beyond it all are learned again, at 20 ms each. */
const MAX_SERVER_FIRST = 1000;
