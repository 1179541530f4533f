import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { WebhookMetrics } from './metrics.ts';

/** Health and metrics in plain HTTP: /live while the process runs, /ready while it reviews, /metrics. */
export class AdminServer {
  readonly #server: Server;

  constructor(isReady: () => boolean, metrics: WebhookMetrics) {
    this.#server = createServer((request, response) => {
      const respond = (status: number, text: string) => {
        response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
      };
      if (request.method !== 'GET' && request.method !== 'HEAD') respond(405, 'GET only\n');
      else if (request.url === '/live') respond(200, 'live\n');
      else if (request.url === '/ready') respond(isReady() ? 200 : 503, isReady() ? 'ready\n' : 'not ready\n');
      else if (request.url === '/metrics') respond(200, metrics.toText());
      else respond(404, 'the pages are /live, /ready and /metrics\n');
    });
  }

  /** Binds the address. @returns `host:port` as bound */
  async listen({ host, port }: SocketAddress): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, resolve);
    });
    const bound = this.#server.address() as AddressInfo;
    return formatSocketAddress(bound.address, bound.port);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }
}
