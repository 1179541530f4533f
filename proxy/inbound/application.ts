import { type Metrics, TcpSeries } from '../telemetry/metrics.ts';
import { dial } from '../transport/dialer.ts';
import { Http1Pool, Http2Pool, type HttpPool } from '../transport/http-client.ts';

/** The application's own servers, by address: connections to them, kept for reuse. */
export class Application {
  readonly #pools = new Map<string, HttpPool>();
  readonly #metrics: Metrics;
  readonly #connectTimeoutMs: number;

  constructor(metrics: Metrics, connectTimeoutMs: number) {
    this.#metrics = metrics;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** Connections for one HTTP version to one address of the application. The pod's own ports bound their number. */
  pool(host: string, port: number, version: 'http1' | 'http2'): HttpPool {
    const key = `${version} ${host} ${port}`;
    let pool = this.#pools.get(key);
    if (!pool) {
      const tcp = new TcpSeries(this.#metrics, {
        direction: 'inbound',
        peer: 'dst',
        target_ip: host,
        target_port: String(port),
      });
      const options = {
        dial: () => dial(host, port),
        connected: 'connect' as const,
        connectTimeoutMs: this.#connectTimeoutMs,
        idleMs: IDLE_MS,
        keepCase: false,
        prologue: NOTHING,
        onOpened: () => tcp.opened(),
        onClosed: (read: number, written: number) => {
          tcp.octets(read, written);
          tcp.closed();
        },
        // No network to lose it by: it is in this pod.
        keepAlive: null,
        onLimit: (limit: string) => this.#metrics.exceeded('inbound', 'dst', limit),
      };
      pool = version === 'http1' ? new Http1Pool(options) : new Http2Pool(options);
      this.#pools.set(key, pool);
    }
    return pool;
  }
}

/** Below the 5 s after which common servers close an idle connection, so that a request seldom meets a closing one. */
const IDLE_MS = 3000;

const NOTHING = Buffer.alloc(0);
