import type { Socket } from 'node:net';

import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { NO_HASH } from '../balance/balancer.ts';
import type { Connections } from '../connections.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import type { Log } from '../log.ts';
import { carriageOf } from '../routing/carriage.ts';
import { TcpSeries } from '../telemetry/metrics.ts';
import { readClientHello } from '../transport/client-hello.ts';
import type { ClientLimits } from '../transport/client-limits.ts';
import { type Detected, detectProtocol } from '../transport/detect.ts';
import { ConnectError, dial, whenConnected } from '../transport/dialer.ts';
import { type RequestHandler, serveHttp } from '../transport/http-server.ts';
import { IdleTimer, MAX_TIMER_MS } from '../transport/idle-timer.ts';
import type { OriginalDestination } from '../transport/original-destination.ts';
import { peek } from '../transport/peek.ts';
import { raceToSpeak } from '../transport/server-first.ts';
import { relay } from '../transport/tcp-relay.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { Ingress } from './ingress.ts';
import type { NamedTargets } from './named-targets.ts';
import { type OutboundContext, OutboundRequest } from './request.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';
import { authorityAddress } from './waiting-request.ts';

/** What the outbound side needs. */
export interface OutboundOptions {
  readonly context: OutboundContext;
  readonly targets: Targets;
  /** Finds the host that a request to a stranger's address names. */
  readonly named: NamedTargets;
  /** Finds the target of each request in ingress mode; null: the original destination decides. */
  readonly ingress: Ingress | null;
  readonly originalDestination: OriginalDestination;
  readonly connections: Connections;
  readonly log: Log;
  readonly connectTimeoutMs: number;
  /** How long a silent client is waited for before its server is dialled, to let it speak first. */
  readonly silenceMs: number;
  readonly limits: ClientLimits;
}

/** A connection to an endpoint. */
interface Upstream {
  readonly socket: Socket;
  readonly client: EndpointClient;
}

/**
 * Connections of the application on their way out.
 *
 *     accept ─▶ original destination ─▶ what is it for? ─▶ protocol ─▶ HTTP: OutboundRequest per request
 *                                           │                 └──────▶ octets: relay to one endpoint
 *                                           └─ unknown: forwarded untouched, counted
 *
 * On a port that hosts outside the cluster have, requests to an unknown address may name such a host and go there.
 * In ingress mode each HTTP request finds its own target, also on connections to unknown addresses.
 */
export class OutboundListener {
  readonly #options: OutboundOptions;
  readonly #fromApplication: TcpSeries;
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
  }

  /** Takes a redirected connection. */
  accept(socket: Socket): void {
    const original = this.#options.originalDestination.of(socket);
    if (!original || (original.host === socket.localAddress && original.port === socket.localPort)) {
      // Nobody was redirected here: answering it would connect the proxy to itself.
      this.#options.log.warn(
        { peer: socket.remoteAddress },
        'refused a connection that was not redirected (loop_detected)',
      );
      return void socket.destroy();
    }
    this.#handle(socket, original).catch((error: Error) => {
      this.#options.log.warn(
        { error: error.message, target: formatSocketAddress(original.host, original.port) },
        'outbound connection failed',
      );
      socket.destroy();
    });
  }

  /** Carries a connection to where it was going. */
  async #handle(socket: Socket, original: SocketAddress): Promise<void> {
    socket.on('error', () => {});
    this.#countConnection(socket);
    const found = this.#options.targets.find(formatSocketAddress(original.host, original.port));
    const target = found instanceof Promise ? await found : found;
    if (target) return this.#carry(socket, target);
    const { ingress, context } = this.#options;
    if (!ingress) return this.#forward(socket, original);
    // Its requests may be for somebody else, so they have to be seen.
    context.metrics.unknownTargets.with({}).value++;
    return this.#carry(socket, ingress.stranger(original));
  }

  /** Carries a connection to a target: a tunnel of the explicit proxy. */
  carry(socket: Socket, target: Target): Promise<void> | void {
    this.#countConnection(socket);
    return this.#carry(socket, target);
  }

  /** Joins a connection to one that was opened for it: a tunnel to an address that discovery does not know. */
  join(socket: Socket, upstream: Socket): void {
    this.#options.context.metrics.unknownTargets.with({}).value++;
    this.#countConnection(socket);
    this.#relayUntouched(socket, upstream);
  }

  #carry(socket: Socket, target: Target): Promise<void> | void {
    const carriage = carriageOf(target.description.protocol);
    if (carriage === 'octets') return this.#relay(socket, target);
    if (carriage === 'detect') return this.#detect(socket, target);
    return this.#detected(socket, target, carriage);
  }

  async #detect(socket: Socket, target: Target): Promise<void> {
    const decide = (bytes: Buffer): Detected | null => {
      const detected = detectProtocol(bytes);
      return detected === 'more' ? null : detected;
    };
    if (!this.#serverFirst.has(target.key)) {
      const peeked = await peek(socket, decide, this.#options.silenceMs);
      if (peeked.outcome === 'decided') return this.#detected(socket, target, peeked.value);
      if (peeked.outcome === 'ended') return void socket.destroy();
    }
    // The client is silent: perhaps it waits for the server. Let whoever speaks first decide.
    const opening = this.#open(target);
    const upstream = opening.then(({ socket }) => socket);
    const first = await raceToSpeak(socket, upstream, decide).catch(async (error: Error) => {
      // There is no server to wait for; a client that was only slow learns that as an HTTP answer.
      const late = await peek(socket, decide, this.#options.silenceMs);
      if (late.outcome !== 'decided') throw error;
      return { who: 'client' as const, value: late.value };
    });
    if (first.who === 'client') {
      this.#serverFirst.delete(target.key);
      return this.#detected(socket, target, first.value);
    }
    if (first.who === 'server') this.#rememberServerFirst(target.key);
    this.#count('server_first');
    this.#join(socket, await opening, target);
  }

  #detected(socket: Socket, target: Target, protocol: Detected): void | Promise<void> {
    this.#count(protocol);
    if (protocol !== 'http1' && protocol !== 'http2') return this.#relay(socket, target);
    this.#serve(socket, protocol, target);
  }

  /** Serves HTTP to the application. The target is kept for as long as requests may come. */
  #serve(socket: Socket, protocol: 'http1' | 'http2', target: Target): void {
    const { context, connections, ingress } = this.#options;
    const client = clientOf(socket);
    target.active++;
    const handler: RequestHandler = {
      onRequest: (stream: ServerStream, head: RequestHead, end: boolean): StreamListener =>
        ingress?.request(stream, head, end, target, client) ??
        (target.description.byHost
          ? this.#options.named.request(stream, head, end, {
              address: hostOn(head.authority, target.description.port),
              original: target,
              client,
            })
          : new OutboundRequest(stream, head, end, target, context, client)),
      onMalformed: (reason) => {
        context.metrics.malformed.with({ direction: 'outbound', reason }).value++;
        return ['weft-proxy-error', 'request_malformed'];
      },
      onLimit: (limit) => context.metrics.exceeded('outbound', 'src', limit),
      onClosed: (read, written) => {
        remove();
        target.active--;
        this.#fromApplication.octets(read, written);
      },
    };
    const connection = serveHttp(socket, protocol, false, handler, this.#options.limits);
    const remove = connections.add(connection);
  }

  async #relay(socket: Socket, target: Target): Promise<void> {
    const sni = await this.#serverName(socket, target);
    const { byHost, port } = target.description;
    const named = byHost && sni !== '' ? await this.#options.named.find({ host: sni, port }) : null;
    this.#join(socket, await this.#open(named ?? target, sni), named ?? target);
  }

  /** The name that a TLS client asks for, where it makes a difference; else empty. */
  async #serverName(socket: Socket, target: Target): Promise<string> {
    if (!target.looksAtServerName) return '';
    const peeked = await peek(
      socket,
      (bytes) => {
        const hello = readClientHello(bytes);
        return hello === 'incomplete' ? null : hello === 'not_tls' ? '' : hello.sni;
      },
      this.#options.silenceMs,
    );
    return peeked.outcome === 'decided' ? peeked.value : '';
  }

  /** Connects to an endpoint, to another one when that fails. */
  async #open(target: Target, sni = ''): Promise<Upstream> {
    const tried: EndpointClient[] = [];
    const backend = target.connectionBackend(sni);
    for (let attempt = 1; ; attempt++) {
      const client = backend.pick(performance.now(), NO_HASH, tried.length > 0 ? tried : null);
      if (!client) throw new ConnectError('connect_failed', `${backend.description.service} has no endpoint`);
      try {
        return { socket: await client.open(), client };
      } catch (error) {
        if (attempt >= RELAY_ATTEMPTS) throw error;
        tried.push(client);
      }
    }
  }

  #join(socket: Socket, { socket: upstream, client }: Upstream, target: Target): void {
    target.active++;
    client.load.inFlight++;
    const remove = this.#options.connections.add({ shutdown() {}, destroy: () => socket.destroy() });
    const { idleTimeoutMs = 0, maxConnectionMs = 0 } = client.share.limits;
    const idle =
      idleTimeoutMs > 0 ? new IdleTimer(Math.min(idleTimeoutMs, MAX_TIMER_MS), () => socket.destroy()) : null;
    const life =
      maxConnectionMs > 0 ? setTimeout(() => socket.destroy(), Math.min(maxConnectionMs, MAX_TIMER_MS)).unref() : null;
    idle?.rest();
    relay(socket, upstream, {
      onOctets: (fromA, fromB) => {
        this.#fromApplication.octets(fromA, fromB);
        client.countOctets(fromB, fromA);
        idle?.rest();
      },
      onEnd: () => {
        idle?.stop();
        if (life) clearTimeout(life);
        remove();
        target.active--;
        client.load.inFlight--;
      },
    });
  }

  /** An address that discovery does not know: octets pass untouched, TLS included. */
  #forward(socket: Socket, original: SocketAddress): void {
    const { context, connectTimeoutMs, log } = this.#options;
    context.metrics.unknownTargets.with({}).value++;
    const upstream = dial(original.host, original.port);
    whenConnected(upstream, 'connect', connectTimeoutMs, (error) => {
      if (error) {
        log.debug(
          { target: formatSocketAddress(original.host, original.port), error: error.message },
          'cannot reach an unknown address',
        );
        return void socket.resetAndDestroy();
      }
      this.#relayUntouched(socket, upstream);
    });
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

const RELAY_ATTEMPTS = 3;
/** Targets remembered as server-first; beyond it all are learned again, at 20 ms each. */
const MAX_SERVER_FIRST = 1000;
