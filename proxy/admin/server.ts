import { createServer, type Server, type Socket } from 'node:net';

import { CALLERS_PAGE, type CallersPage } from '../../api/callers-page.ts';
import { IDENTITY_PAGE, type IdentityPage } from '../../api/identity-page.ts';
import { bindEitherFamily } from '../../core/config/bind.ts';
import type { SocketAddress } from '../../core/config/socket-address.ts';
import { isLoopback, webPageFault } from '../../core/http/web-page.ts';
import { FairShare } from '../../core/program/fair-share.ts';
import { BACKLOG } from '../../core/program/listener.ts';
import { ADMIN_CONNECTIONS, DEFAULT_TIMES } from '../../core/program/server-limits.ts';
import { fieldValue, type RequestHead, type ServerStream, type StreamListener } from '../http.ts';
import { LOG_LEVELS, type Log, type LogLevel } from '../log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { DEFAULT_CLIENT_LIMITS } from '../transport/client-limits.ts';
import { serveHttp } from '../transport/http-server.ts';
import { resetConnection } from '../transport/tcp-reset.ts';
import type { FailureLog } from './failure-log.ts';
import { PageStream } from './page-stream.ts';

/** What the admin port shows and does. */
export interface AdminOptions {
  readonly metrics: Metrics;
  readonly failures: FailureLog;
  readonly log: Log;
  /** Why the proxy does not serve; empty: it does. */
  readonly notReady: () => string;
  /** The state that `GET /state` shows: targets, inbound rules, certificate. */
  readonly state: () => unknown;
  /** What `GET /endpoints` shows: load and circuit breaker of every endpoint. */
  readonly endpoints: () => unknown;
  /** What {@link CALLERS_PAGE} shows. */
  readonly callers: () => CallersPage;
  /** What {@link IDENTITY_PAGE} shows. */
  readonly identity: () => IdentityPage;
  /** null: `POST /shutdown` is switched off. */
  readonly shutdown: (() => void) | null;
}

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

/**
 * The admin port: served by the proxy's own engine, so that node:http costs no memory. Any pod reaches it, and so does a
 * browser beside a port-forward: its connections are shared fairly among addresses, no body but a level is read, nothing is
 * made that is not taken, and web pages are refused (see `webPageFault`).
 */
export class AdminServer {
  readonly #options: AdminOptions;
  readonly #connections = new FairShare(ADMIN_CONNECTIONS);
  readonly #servers: Server[] = [];

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** Listens on every address. @returns the ports, in the same order */
  async listen(addresses: readonly SocketAddress[]): Promise<number[]> {
    return Promise.all(addresses.map((address) => bindEitherFamily(address, (each) => this.#listen(each))));
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #listen({ host, port }: SocketAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      this.#servers.push(server);
      resolve((server.address() as { port: number }).port);
    });
    return promise;
  }

  /** All of its places are spare: what is asked here takes milliseconds. */
  #accept(socket: Socket): void {
    socket.on('error', () => {});
    const address = socket.remoteAddress ?? '';
    const exceeded = (limit: string) => this.#options.metrics.exceeded('inbound', 'src', limit);
    const refuse = () => {
      exceeded('connection_limit');
      resetConnection(socket);
    };
    const connection = { address, evict: refuse };
    if (!this.#connections.enter(connection, performance.now())) return refuse();
    serveHttp(
      socket,
      'http1',
      false,
      {
        onRequest: (stream, head, end) => this.#serve(stream, head, end, address),
        onMalformed: () => [],
        onLimit: exceeded,
        onClosed: () => this.#connections.leave(connection),
      },
      CLIENT_LIMITS,
    );
  }

  #serve(stream: ServerStream, head: RequestHead, end: boolean, address: string): StreamListener {
    const path = head.path.split('?')[0]!;
    const page = new PageStream(stream, MAX_LEVEL_OCTETS, (body) =>
      this.#answer(stream, page, head, path, body, address),
    );
    const hasBody = !end && path === '/proxy-log-level' && head.method === 'PUT';
    if (!hasBody) queueMicrotask(() => this.#answer(stream, page, head, path, '', address));
    return page;
  }

  /** @param body null: it is too long */
  #answer(
    stream: ServerStream,
    page: PageStream,
    head: RequestHead,
    path: string,
    body: string | null,
    address: string,
  ): void {
    const fault = webPageFault(address, {
      host: head.authority === '' ? null : head.authority,
      origin: fieldValue(head.fields, 'origin'),
      secFetchSite: fieldValue(head.fields, 'sec-fetch-site'),
    });
    // What is not read, ends its connection after the answer.
    stream.refuseRest();
    const isHead = head.method === 'HEAD';
    if (path === '/metrics' && fault === null && (isHead || head.method === 'GET')) {
      stream.sendResponse({ status: 200, fields: ['content-type', METRICS_TYPE] }, isHead);
      return isHead ? undefined : void page.send(this.#options.metrics.registry.pieces());
    }
    const reply =
      fault === null ? this.#reply(head, path, body, isLoopback(address)) : { status: 403, body: `${fault}\n` };
    const bytes = Buffer.from(reply.body);
    const isEmpty = bytes.length === 0 || isHead;
    const length = String(bytes.length);
    const fields = ['content-type', reply.type ?? 'text/plain; charset=utf-8', 'content-length', length];
    stream.sendResponse({ status: reply.status, fields }, isEmpty);
    if (!isEmpty) stream.sendData(bytes, 0, bytes.length, true);
  }

  #reply({ method }: RequestHead, path: string, body: string | null, local: boolean): Reply {
    const { failures, log, notReady, state, endpoints, callers, identity, shutdown } = this.#options;
    if (PAGES.includes(path) && method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'use GET\n' };
    switch (path) {
      case '/live':
        return { status: 200, body: 'live\n' };
      case '/ready':
        return readiness(notReady());
      case '/why':
        return json(failures.entries);
      case '/state':
        return local ? json(state()) : LOOPBACK_ONLY;
      case '/endpoints':
        return local ? json(endpoints()) : LOOPBACK_ONLY;
      case CALLERS_PAGE:
        return local ? json(callers()) : LOOPBACK_ONLY;
      case IDENTITY_PAGE:
        return local ? json(identity()) : LOOPBACK_ONLY;
      case '/proxy-log-level':
        if (!local) return LOOPBACK_ONLY;
        if (method === 'GET') return { status: 200, body: `${log.level}\n` };
        if (method !== 'PUT') return { status: 405, body: 'use GET or PUT\n' };
        if (body === null) return { status: 413, body: `none of ${LOG_LEVELS.join(', ')} is that long\n` };
        if (!LOG_LEVELS.includes(body.trim() as LogLevel))
          return { status: 400, body: `"${body.trim().slice(0, 64)}" is none of ${LOG_LEVELS.join(', ')}\n` };
        log.level = body.trim() as LogLevel;
        return { status: 204, body: '' };
      case '/shutdown':
        if (!shutdown) return { status: 404, body: 'shutdown endpoint is not enabled\n' };
        if (!local) return LOOPBACK_ONLY;
        if (method !== 'POST') return { status: 405, body: 'use POST\n' };
        queueMicrotask(shutdown);
        return { status: 200, body: 'draining\n' };
      default:
        return { status: 404, body: `known paths: ${PATHS}\n` };
    }
  }
}

const PAGES: readonly string[] = [
  '/live',
  '/ready',
  '/metrics',
  '/why',
  '/state',
  '/endpoints',
  CALLERS_PAGE,
  IDENTITY_PAGE,
];
const PATHS = `${PAGES.join(' ')} /proxy-log-level /shutdown`;
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const LOOPBACK_ONLY: Reply = { status: 403, body: 'only from loopback\n' };
/** Of a body: the names of levels are shorter, white space and all. */
const MAX_LEVEL_OCTETS = 64;
const CLIENT_LIMITS = {
  ...DEFAULT_CLIENT_LIMITS,
  headerTimeoutMs: DEFAULT_TIMES.headMs,
  bodyTimeoutMs: DEFAULT_TIMES.bodyMs,
  stallTimeoutMs: DEFAULT_TIMES.stallMs,
  idleTimeoutMs: DEFAULT_TIMES.idleMs,
};

function readiness(why: string): Reply {
  return why === '' ? { status: 200, body: 'ready\n' } : { status: 503, body: `not ready: ${why}\n` };
}

function json(value: unknown): Reply {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}
