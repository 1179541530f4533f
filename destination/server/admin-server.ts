import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

import type { WatchStream } from './watch-stream.ts';

/** What the admin port shows. */
export interface AdminView {
  /** Why the program is not ready; empty: it is. */
  readonly notReady: () => readonly string[];
  /** Metrics in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly streams: () => Iterable<WatchStream>;
}

/**
 * Health, metrics and what each proxy was sent and applied: `/live`, `/ready`, `/metrics`, `/proxies`.
 * Plain HTTP; nothing it shows is secret, and nothing can be changed.
 */
export class AdminServer {
  readonly #app = fastify({ logger: false, forceCloseConnections: true });

  constructor(view: AdminView) {
    this.#app.get('/live', () => 'live\n');
    this.#app.get('/ready', (_request, reply) => {
      const reasons = view.notReady();
      reply.code(reasons.length === 0 ? 200 : 503);
      return reasons.length === 0 ? 'ready\n' : `${reasons.join('\n')}\n`;
    });
    this.#app.get('/metrics', async (_request, reply) => {
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return await view.metrics();
    });
    this.#app.get('/proxies', () =>
      [...view.streams()].map((stream) => ({ ...stream.workload, targets: stream.status() })),
    );
  }

  /** @returns the port, which the system chose where 0 was asked for */
  async listen(host: string, port: number): Promise<number> {
    await this.#app.listen({ host, port });
    return (this.#app.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await this.#app.close();
  }
}
