import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

import type { SocketAddress } from '../config/socket-address.ts';
import { errorMessage } from '../errors/weft-error.ts';
import { isLoopback, webPageFault } from '../http/web-page.ts';
import { Guard } from '../program/guard.ts';
import { BACKLOG, listenOn } from '../program/listener.ts';
import { ADMIN_BOUNDS, type ServerLimit } from '../program/server-limits.ts';

/** What the admin port of a program shows. */
export interface AdminView {
  /** Why the program is not ready, one line each; empty: it is. */
  readonly notReady: () => readonly string[];
  /** What `/metrics` shows, and who counts clients that exceed a limit of the port. */
  readonly metrics: { readonly registry: Registry; exceeded(limit: ServerLimit): void };
  /** Further pages by path (`/proxies`), for loopback alone: what is returned is sent as JSON. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
}

/**
 * Health and metrics of a program in plain HTTP: `/live` while the process runs, `/ready` (503 with the reasons while it
 * is not), `/metrics` in Prometheus' text format 0.0.4, and the program's own JSON pages.
 *
 * Nothing can be changed, so methods other than GET and HEAD get 405, and no body is read. The program's pages say who
 * talks to whom: they are for loopback, where `kubectl port-forward` comes from, and no web page gets any
 * (see `webPageFault`). A page that throws gets 500 with the error's message.
 */
export class AdminServer {
  readonly #view: AdminView;
  readonly #server: Server;
  readonly #guard: Guard;

  constructor(view: AdminView) {
    this.#view = view;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#guard = new Guard(this.#server, {
      bounds: ADMIN_BOUNDS,
      tls: null,
      onExceeded: (limit) => view.metrics.exceeded(limit),
    });
    // A connection that cannot be accepted (EMFILE) is that client's trouble and must not end the program.
    this.#server.on('error', () => {});
  }

  /** Binds the address, see {@link listenOn}. @returns `host:port` as bound */
  listen(address: SocketAddress): Promise<string> {
    return listenOn(this.#server, address, ({ host, port }) => this.#bind(host, port));
  }

  /** Takes no more connections and cuts off those that are open. */
  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#guard.destroy();
    });
  }

  async #bind(host: string, port: number): Promise<void> {
    const listening = once(this.#server, 'listening');
    this.#server.listen({ port, host, backlog: BACKLOG });
    await listening;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '/', headers } = request;
    const address = request.socket.remoteAddress ?? '';
    const fault = webPageFault(address, {
      host: headers.host ?? null,
      origin: headers.origin ?? null,
      secFetchSite: (headers['sec-fetch-site'] as string | undefined) ?? null,
    });
    // A body would only be something to wait for.
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
      response.shouldKeepAlive = false;
    if (fault !== null) {
      response.writeHead(403, { 'content-type': TEXT }).end(`${fault}\n`);
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      // RFC 9110 section 15.5.6: a 405 lists what is allowed.
      response.writeHead(405, { allow: 'GET, HEAD', 'content-type': TEXT }).end('GET only\n');
      return;
    }
    let page: Page;
    try {
      page = await this.#page(url.split('?', 1)[0]!, isLoopback(address));
    } catch (error) {
      page = { status: 500, type: TEXT, body: `the page could not be made: ${errorMessage(error)}\n` };
    }
    response.writeHead(page.status, { 'content-type': page.type }).end(page.body);
  }

  async #page(path: string, isLocal: boolean): Promise<Page> {
    const { notReady, metrics, pages = {} } = this.#view;
    const { registry } = metrics;
    if (path === '/live') return { status: 200, type: TEXT, body: 'live\n' };
    if (path === '/ready') {
      const reasons = notReady();
      if (reasons.length === 0) return { status: 200, type: TEXT, body: 'ready\n' };
      return { status: 503, type: TEXT, body: `${reasons.join('\n')}\n` };
    }
    if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
    if (Object.hasOwn(pages, path) && !isLocal) return { status: 403, type: TEXT, body: 'only from loopback\n' };
    if (Object.hasOwn(pages, path)) return { status: 200, type: JSON_TYPE, body: JSON.stringify(pages[path]!()) };
    const paths = ['/live', '/ready', '/metrics', ...Object.keys(pages)];
    return { status: 404, type: TEXT, body: `the pages are ${paths.join(', ')}\n` };
  }
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
