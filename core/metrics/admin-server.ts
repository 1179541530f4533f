import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

import type { SocketAddress } from '../config/socket-address.ts';
import { errorMessage } from '../errors/weft-error.ts';
import { listenOn } from '../program/listener.ts';

/** What the admin port of a program shows. */
export interface AdminView {
  /** Why the program is not ready, one line each; empty: it is. */
  readonly notReady: () => readonly string[];
  readonly registry: Registry;
  /** Further pages by path (`/proxies`): what is returned is sent as JSON. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
}

/**
 * Health and metrics of a program in plain HTTP: `/live` while the process runs, `/ready` (503 with the reasons while it
 * is not), `/metrics` in Prometheus' text format 0.0.4, and the program's own JSON pages.
 *
 * Nothing it shows is secret and nothing can be changed, so methods other than GET and HEAD get 405. A page that throws
 * gets 500 with the error's message.
 */
export class AdminServer {
  readonly #view: AdminView;
  readonly #server: Server;

  constructor(view: AdminView) {
    this.#view = view;
    this.#server = createServer((request, response) => void this.#answer(request, response));
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
      this.#server.closeAllConnections();
    });
  }

  async #bind(host: string, port: number): Promise<void> {
    const listening = once(this.#server, 'listening');
    this.#server.listen(port, host);
    await listening;
  }

  async #answer({ method, url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') {
      // RFC 9110 section 15.5.6: a 405 lists what is allowed.
      response.writeHead(405, { allow: 'GET, HEAD', 'content-type': TEXT }).end('GET only\n');
      return;
    }
    let page: Page;
    try {
      page = await this.#page(url.split('?', 1)[0]!);
    } catch (error) {
      page = { status: 500, type: TEXT, body: `the page could not be made: ${errorMessage(error)}\n` };
    }
    response.writeHead(page.status, { 'content-type': page.type }).end(page.body);
  }

  async #page(path: string): Promise<Page> {
    const { notReady, registry, pages = {} } = this.#view;
    if (path === '/live') return { status: 200, type: TEXT, body: 'live\n' };
    if (path === '/ready') {
      const reasons = notReady();
      if (reasons.length === 0) return { status: 200, type: TEXT, body: 'ready\n' };
      return { status: 503, type: TEXT, body: `${reasons.join('\n')}\n` };
    }
    if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
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
