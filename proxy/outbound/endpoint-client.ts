import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import {
  ALPN_TRANSPORT_HEADER,
  ALPN_WEFT_HTTP,
  ALPN_WEFT_OPAQUE,
  ALPN_WEFT_OPAQUE_UNCONFIRMED,
} from '../../api/proxy-headers.ts';
import type { Endpoint, EndpointTls } from '../../api/routing.ts';
import { formatSocketAddress } from '../../core/config/socket-address.ts';
import type { Candidate } from '../balance/candidate.ts';
import { PeakEwma } from '../balance/peak-ewma.ts';
import type { Breaker } from '../breaker/breaker.ts';
import type { RequestHead } from '../http.ts';
import type { Log } from '../log.ts';
import type { EndpointSeries } from '../telemetry/endpoint-series.ts';
import { type Metrics, ResponseSeries, TcpSeries } from '../telemetry/metrics.ts';
import type { Labels } from '../telemetry/registry.ts';
import { ConnectError, dial, established } from '../transport/dialer.ts';
import type { HttpPool } from '../transport/http-pool.ts';
import { Http1Pool } from '../transport/http1-pool.ts';
import { Http2Pool } from '../transport/http2-pool.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import type { Loopback } from '../transport/loopback.ts';
import type { MutualTls } from '../transport/mutual-tls.ts';
import { octetsAccepted } from '../transport/octets-verdict.ts';
import { DEFAULT_KEEP_ALIVE, type SignsOfLife } from '../transport/server-watch.ts';
import { keepAlive } from '../transport/tcp-keep-alive.ts';
import { writeTransportHeader } from '../transport/transport-header.ts';
import type { BackendShare } from './backend-share.ts';
import { BLAME, isAvoided } from './blame.ts';

/** What an endpoint needs of the proxy. */
export interface EndpointContext {
  readonly mutualTls: MutualTls;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly connectTimeoutMs: number;
  /** The way to endpoints that are the pod itself. */
  readonly loopback: Loopback;
}

/** One endpoint of a backend as seen from here: its load, its connections, its circuit breaker, its series. */
export class EndpointClient implements Candidate {
  readonly endpoint: Endpoint;
  /** It is the pod itself: reached within the process, without TLS. */
  readonly isLoopback: boolean;
  /** Mutual TLS that is demanded of it; null: none. */
  readonly tls: EndpointTls | null;
  readonly id: string;
  readonly sinceMs: number;
  readonly load: PeakEwma;
  readonly responses: ResponseSeries;
  readonly #context: EndpointContext;
  readonly #share: BackendShare;
  /** null: there is none. */
  breaker: Breaker | null = null;
  /** Times that a breaker left it out. */
  ejections = 0;
  readonly #tcp: TcpSeries;
  /** Its series are let go of some time after it is gone. */
  readonly #release: ReturnType<EndpointSeries['hold']>;
  #http1: HttpPool | null = null;
  #http2: HttpPool | null = null;
  /** Connecting failed, or is tried again by one request: others are preferred until then. */
  #avoidUntilMs = 0;
  #connectFailures = 0;
  /** Connections whose far end gives no sign of life. */
  #silent = 0;

  /** @param share what it has in common with the other endpoints of its backend */
  constructor(endpoint: Endpoint, targetLabels: Labels, share: BackendShare, context: EndpointContext, nowMs: number) {
    this.endpoint = endpoint;
    this.isLoopback = context.loopback.isOwn(endpoint.address);
    this.tls = this.isLoopback ? null : endpoint.tls;
    this.id = `${endpoint.address}:${endpoint.port}`;
    this.sinceMs = nowMs;
    this.load = new PeakEwma(nowMs);
    this.#share = share;
    this.#context = context;
    const labels = endpointLabels(endpoint, this.isLoopback, targetLabels);
    const { metrics } = context;
    this.responses = new ResponseSeries(labels, metrics.requests, metrics.responses, metrics.latency);
    this.#tcp = new TcpSeries(metrics, { ...labels, peer: 'dst' });
    this.#release = metrics.endpoints.hold(labels);
  }

  get locality(): number {
    return this.endpoint.locality ?? 0;
  }

  get inFlight(): number {
    return this.load.inFlight;
  }

  /** What it shares with the other endpoints of its backend. */
  get share(): BackendShare {
    return this.#share;
  }

  isReady(nowMs: number): boolean {
    return this.#silent === 0 && nowMs >= this.#avoidUntilMs;
  }

  isEjected(nowMs: number): boolean {
    return this.breaker?.isEjected(nowMs) ?? false;
  }

  cost(nowMs: number): number {
    return this.load.cost(nowMs);
  }

  /** Whether header names keep their case on the way: our own proxy is at the far end. */
  get keepsCase(): boolean {
    return this.tls?.mesh === 'weft' && this.tls.mode === 'transparent';
  }

  /** A proxy of ours answers, which says so where it cannot reach its application. */
  get hasWeftProxy(): boolean {
    return this.isLoopback || this.tls?.mesh === 'weft';
  }

  /** HTTP/1.1 goes to it as HTTP/2, because a rule says so. */
  get upgrades(): boolean {
    return this.tls === null && this.#share.limits.upgradesToHttp2 === true;
  }

  /** Connections for requests of the application's HTTP version; between proxies everything rides HTTP/2. */
  pool(version: 'http1' | 'http2'): HttpPool {
    if (this.tls || version === 'http2' || this.upgrades) {
      this.#http2 ??= new Http2Pool(this.#poolOptions(HTTP2_IDLE_MS));
      return this.#http2;
    }
    this.#http1 ??= new Http1Pool(this.#poolOptions(HTTP1_IDLE_MS));
    return this.#http1;
  }

  /** The last request's head, and as this endpoint was sent it: heads that the engine shares are rewritten once. */
  lastHead: RequestHead | null = null;
  lastRewritten: (RequestHead & { version: string }) | null = null;

  /**
   * Opens a connection for octets that are no HTTP, or HTTP that is carried as it is. Resolves once a server is there to take
   * them: a proxy of ours says so of its application. Rejects with a {@link ConnectError}.
   */
  async open(): Promise<Socket> {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#share.limits;
    if (this.#share.connections >= maxConnections)
      throw new ConnectError('overflow', `${maxConnections} connections are open, as many as may be`);
    const share = this.#share;
    const begunMs = performance.now();
    const socket = this.#dial([ALPN_WEFT_OPAQUE, ALPN_WEFT_OPAQUE_UNCONFIRMED]);
    share.connections++;
    this.load.asked();
    try {
      await established(socket, this.#connectTimeoutMs, this.tls ? 'secureConnect' : 'connect');
      const isConfirmed = (socket as TLSSocket).alpnProtocol === ALPN_WEFT_OPAQUE;
      if (isConfirmed) await octetsAccepted(socket, this.#connectTimeoutMs);
      // That its proxy accepts a connection says nothing of the application.
      if (isConfirmed || !this.hasWeftProxy) this.onAnswer();
    } catch (error) {
      this.onUnreachable(error as ConnectError);
      const nowMs = performance.now();
      this.load.abandoned(nowMs - begunMs, nowMs);
      share.connections--;
      throw error;
    }
    const nowMs = performance.now();
    this.load.answered(nowMs - begunMs, nowMs);
    this.#tcp.opened();
    socket.once('close', () => {
      share.connections--;
      this.#tcp.closed();
    });
    if (this.#isDirect) socket.write(this.#transportHeader(null));
    return socket;
  }

  /**
   * Its connection of octets has ended in an error before it said anything: so ends what a proxy has accepted for an
   * application that is dead.
   */
  onEarlyDeath(): void {
    this.onUnreachable(new ConnectError('connect_failed', 'it ended a connection before it said anything'));
  }

  countOctets(read: number, written: number): void {
    this.#tcp.octets(read, written);
  }

  /**
   * Connecting has failed: the endpoint is avoided, longer each time, up to 5 s. What is this proxy's own fault is not held
   * against it.
   */
  onUnreachable({ reason }: ConnectError): void {
    if (isAvoided(BLAME[reason]))
      this.#avoidUntilMs = performance.now() + Math.min(5000, 100 * 2 ** this.#connectFailures++);
  }

  /** A request goes there. After failures one tries alone whether it can be reached again: others do not wait with it. */
  onAttempt(nowMs: number): void {
    if (this.#connectFailures > 0) this.#avoidUntilMs = Math.max(this.#avoidUntilMs, nowMs + this.#connectTimeoutMs);
  }

  /** It can be reached. */
  onAnswer(): void {
    if (this.#connectFailures === 0) return;
    this.#connectFailures = 0;
    this.#avoidUntilMs = 0;
  }

  /** The endpoint is gone from discovery: requests under way finish, connections close after them. */
  retire(): void {
    this.breaker?.retire();
    // What is still under way says nothing more of it: an ejection would never be given back.
    this.breaker = null;
    this.#release(performance.now(), () => this.load.inFlight > 0);
    this.#http1?.shutdown();
    this.#http2?.shutdown();
  }

  #poolOptions(idleMs: number) {
    return {
      dial: () => this.#dial([ALPN_WEFT_HTTP]),
      connected: this.tls ? ('secureConnect' as const) : ('connect' as const),
      connectTimeoutMs: this.#connectTimeoutMs,
      idleMs: this.#idleMs(idleMs),
      bounds: this.#share,
      keepCase: this.keepsCase,
      prologue: this.#isDirect ? this.#transportHeader('http2') : NOTHING,
      onOpened: () => {
        this.onAnswer();
        this.#tcp.opened();
      },
      onClosed: (read: number, written: number) => {
        this.#tcp.octets(read, written);
        this.#tcp.closed();
      },
      signsOfLife: this.#signsOfLife,
      onLimit: (limit: string) => this.#context.metrics.exceeded('outbound', 'dst', limit),
    };
  }

  /** Proxies answer at once; a server that is busy with one request for long may be alive all the same. */
  get #signsOfLife(): SignsOfLife | null {
    const keepAlive = this.#share.limits.http2KeepAlive ?? (this.tls ? DEFAULT_KEEP_ALIVE : null);
    if (!keepAlive) return null;
    return {
      keepAlive,
      onSilence: (isSilent) => {
        this.#silent += isSilent ? 1 : -1;
      },
      onDead: () => this.onUnreachable(new ConnectError('connect_timeout', 'it gives no sign of life')),
      onRoundTrip: (ms) => this.#context.metrics.pingRoundTrip.observe(ms / 1000),
    };
  }

  get #connectTimeoutMs(): number {
    return this.#share.limits.connectTimeoutMs ?? this.#context.connectTimeoutMs;
  }

  /** A rule's 0 keeps connections; a timer takes no more than 2^31 - 1 ms. */
  #idleMs(otherwise: number): number {
    const { idleTimeoutMs = otherwise } = this.#share.limits;
    return idleTimeoutMs === 0 ? MAX_TIMER_MS : Math.min(idleTimeoutMs, MAX_TIMER_MS);
  }

  #dial(alpn: readonly string[]): Socket {
    const { address, port } = this.endpoint;
    if (this.isLoopback) return this.#context.loopback.connect({ host: address, port });
    const { tcpKeepAlive } = this.#share.limits;
    const socket = this.tls ? this.#dialProxy(this.tls, alpn) : dial(address, port);
    if (tcpKeepAlive) keepAlive(socket, tcpKeepAlive);
    return socket;
  }

  #dialProxy({ identity, inboundPort, mesh }: EndpointTls, alpn: readonly string[]): Socket {
    const { address: host, port } = this.endpoint;
    const { mutualTls } = this.#context;
    if (this.#isDirect) return mutualTls.connect({ host, port: inboundPort, identity, alpn: [ALPN_TRANSPORT_HEADER] });
    return mutualTls.connect({ host, port, identity, alpn: mesh === 'weft' ? alpn : [] });
  }

  /** The far side has no redirect rules: its proxy is dialled, and told the port. */
  get #isDirect(): boolean {
    return this.tls?.mode === 'direct';
  }

  #transportHeader(session: 'http2' | null): Buffer {
    return writeTransportHeader({ port: this.endpoint.port, name: '', session });
  }
}

function endpointLabels(endpoint: Endpoint, isLoopback: boolean, targetLabels: Labels): Labels {
  const { address, port, tls, labels } = endpoint;
  const security =
    tls && !isLoopback
      ? { tls: 'true', server_id: tls.identity }
      : { tls: 'no_identity', no_tls_reason: isLoopback ? 'loopback' : 'not_provided_by_service_discovery' };
  return {
    direction: 'outbound',
    target_addr: formatSocketAddress(address, port),
    target_ip: address,
    target_port: String(port),
    ...security,
    ...targetLabels,
    ...labels,
  };
}

/** A meshed hop costs 60 KiB and 1.2 ms to open: kept for a minute. */
const HTTP2_IDLE_MS = 60_000;
/** linkerd2-proxy's; below the 5 s after which common servers close an idle connection. */
const HTTP1_IDLE_MS = 3000;

const NOTHING = Buffer.alloc(0);
