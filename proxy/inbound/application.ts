import { type Metrics, TcpSeries } from '../telemetry/metrics.ts';
import { dial } from '../transport/dialer.ts';
import { type HttpPool, type PoolOptions, unbounded } from '../transport/http-pool.ts';
import { Http1Pool } from '../transport/http1-pool.ts';
import { Http2Pool } from '../transport/http2-pool.ts';
import type { InboundPorts } from './ports.ts';

/** The application's own servers, by address: connections to them, kept for reuse. */
export class Application {
  readonly #servers = new Map<string, ApplicationServer>();
  readonly #metrics: Metrics;
  readonly #connectTimeoutMs: number;
  readonly #ports: Pick<InboundPorts, 'portLabel' | 'noteServing'>;

  constructor(metrics: Metrics, ports: Pick<InboundPorts, 'portLabel' | 'noteServing'>, connectTimeoutMs: number) {
    this.#ports = ports;
    this.#metrics = metrics;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /**
   * The server at one address of the application. It is kept once it has taken a connection: strangers knock at any port, and
   * the application's own bound their number.
   */
  server(host: string, port: number): ApplicationServer {
    const key = `${host} ${port}`;
    const known = this.#servers.get(key);
    if (known) return known;
    const server: ApplicationServer = new ApplicationServer(host, port, this.#metrics, this.#connectTimeoutMs, {
      portLabel: () => this.#ports.portLabel(port),
      onServing: () => {
        this.#ports.noteServing(port);
        if (!this.#servers.has(key)) this.#servers.set(key, server);
      },
    });
    return server;
  }
}

/** A port of the application, as metrics name it. */
interface ServedPort {
  readonly portLabel: () => string;
  readonly onServing: () => void;
}

/**
 * Connections to one server of the application, in the clear; made as needed, and kept for as long as they are used.
 */
export class ApplicationServer {
  readonly host: string;
  readonly port: number;
  readonly #metrics: Metrics;
  readonly #connectTimeoutMs: number;
  readonly #port: ServedPort;
  #http1: HttpPool | null = null;
  #http2: HttpPool | null = null;

  /** @param served what is known of its port, and hears when it has taken a connection */
  constructor(host: string, port: number, metrics: Metrics, connectTimeoutMs: number, served: ServedPort) {
    this.#port = served;
    this.host = host;
    this.port = port;
    this.#metrics = metrics;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** Connections for one HTTP version. */
  pool(version: 'http1' | 'http2'): HttpPool {
    if (version === 'http1') {
      this.#http1 ??= new Http1Pool(this.#options());
      return this.#http1;
    }
    this.#http2 ??= new Http2Pool(this.#options());
    return this.#http2;
  }

  #options(): PoolOptions {
    const { host, port } = this;
    const tcp = new TcpSeries(this.#metrics, {
      direction: 'inbound',
      peer: 'dst',
      target_ip: host,
      target_port: this.#port.portLabel(),
    });
    return {
      dial: () => dial(host, port),
      connected: 'connect',
      connectTimeoutMs: this.#connectTimeoutMs,
      idleMs: IDLE_MS,
      keepCase: false,
      prologue: NOTHING,
      onOpened: () => {
        this.#port.onServing();
        tcp.opened();
      },
      onClosed: (read, written) => {
        tcp.octets(read, written);
        tcp.closed();
      },
      // No network to lose it by: it is in this pod.
      signsOfLife: null,
      bounds: unbounded(),
      onLimit: (limit) => this.#metrics.exceeded('inbound', 'dst', limit),
    };
  }
}

/** Below the 5 s after which common servers close an idle connection, so that a request seldom meets a closing one. */
const IDLE_MS = 3000;

const NOTHING = Buffer.alloc(0);
