import { createServer, type Server } from 'node:net';

import { bindEitherFamily } from '../../core/config/bind.ts';
import type { SocketAddress } from '../../core/config/socket-address.ts';
import type { RequestHead, ServerStream, StreamListener } from '../http.ts';
import { LOG_LEVELS, type Log, type LogLevel } from '../log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { serveHttp } from '../transport/http-server.ts';
import type { FailureLog } from './failure-log.ts';

/** What the admin port shows and does. */
export interface AdminOptions {
  readonly metrics: Metrics;
  readonly failures: FailureLog;
  readonly log: Log;
  /** The proxy has a certificate and serves. */
  readonly isReady: () => boolean;
  /** The state that `GET /state` shows: targets, inbound rules, certificate. */
  readonly state: () => unknown;
  /** What `GET /endpoints` shows: load and circuit breaker of every endpoint. */
  readonly endpoints: () => unknown;
  /** null: `POST /shutdown` is switched off. */
  readonly shutdown: (() => void) | null;
}

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

/** The admin port: served by the proxy's own engine, so that node:http costs no memory. */
export class AdminServer {
  readonly #options: AdminOptions;
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
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      const local = isLoopback(socket.remoteAddress ?? '');
      serveHttp(socket, 'http1', false, {
        onRequest: (stream, head) => this.#serve(stream, head, local),
        onMalformed: () => [],
        onLimit() {},
        onClosed() {},
      });
    });
    server.once('error', reject);
    server.listen({ host, port }, () => {
      this.#servers.push(server);
      resolve((server.address() as { port: number }).port);
    });
    return promise;
  }

  #serve(stream: ServerStream, head: RequestHead, local: boolean): StreamListener {
    const body: Buffer[] = [];
    const reply = () => {
      const path = head.path.split('?')[0]!;
      if (path === '/metrics') return void this.#serveMetrics(stream, head.method === 'HEAD');
      const { status, type, body: text } = this.#reply(head, path, Buffer.concat(body).toString(), local);
      const bytes = Buffer.from(text);
      stream.sendResponse(
        {
          status,
          fields: ['content-type', type ?? 'text/plain; charset=utf-8', 'content-length', String(bytes.length)],
        },
        bytes.length === 0 || head.method === 'HEAD',
      );
      if (bytes.length > 0 && head.method !== 'HEAD') stream.sendData(bytes, 0, bytes.length, true);
    };
    // A body, where there is one, is read first; requests of this port have small ones or none.
    const hasBody = head.fields.some(
      (name, i) => i % 2 === 0 && /^content-length$/i.test(name) && head.fields[i + 1] !== '0',
    );
    if (!hasBody) queueMicrotask(reply);
    return {
      onData(bytes, start, end, last) {
        if (body.length < 64) body.push(Buffer.from(bytes.subarray(start, end)));
        stream.grant(end - start);
        if (last && hasBody) reply();
      },
      onTrailers() {},
      onReset() {},
      onSent() {},
      onResponse() {},
      onInformational() {},
    };
  }

  /** The exposition piece by piece, with a turn of the loop for the proxy's requests in between. */
  async #serveMetrics(stream: ServerStream, isHead: boolean): Promise<void> {
    stream.sendResponse({ status: 200, fields: ['content-type', METRICS_TYPE] }, isHead);
    if (isHead) return;
    for (const piece of this.#options.metrics.registry.pieces()) {
      const bytes = Buffer.from(piece);
      stream.sendData(bytes, 0, bytes.length, false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.sendData(NOTHING, 0, 0, true);
  }

  #reply(head: RequestHead, path: string, body: string, local: boolean): Reply {
    const { failures, log, isReady, state, endpoints, shutdown } = this.#options;
    switch (path) {
      case '/live':
        return { status: 200, body: 'live\n' };
      case '/ready':
        return isReady() ? { status: 200, body: 'ready\n' } : { status: 503, body: 'not ready: no certificate yet\n' };
      case '/why':
        return json(failures.entries);
      case '/state':
        return local ? json(state()) : LOOPBACK_ONLY;
      case '/endpoints':
        return local ? json(endpoints()) : LOOPBACK_ONLY;
      case '/proxy-log-level':
        if (!local) return LOOPBACK_ONLY;
        if (head.method === 'GET') return { status: 200, body: `${log.level}\n` };
        if (head.method !== 'PUT') return { status: 405, body: 'use GET or PUT\n' };
        if (!LOG_LEVELS.includes(body.trim() as LogLevel))
          return { status: 400, body: `"${body.trim().slice(0, 64)}" is none of ${LOG_LEVELS.join(', ')}\n` };
        log.level = body.trim() as LogLevel;
        return { status: 204, body: '' };
      case '/shutdown':
        if (!shutdown) return { status: 404, body: 'shutdown endpoint is not enabled\n' };
        if (!local) return LOOPBACK_ONLY;
        if (head.method !== 'POST') return { status: 405, body: 'use POST\n' };
        queueMicrotask(shutdown);
        return { status: 200, body: 'draining\n' };
      default:
        return { status: 404, body: `known paths: ${PATHS}\n` };
    }
  }
}

const PATHS = '/live /ready /metrics /why /state /endpoints /proxy-log-level /shutdown';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const NOTHING = Buffer.alloc(0);
const LOOPBACK_ONLY: Reply = { status: 403, body: 'only from loopback\n' };

function json(value: unknown): Reply {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 1)}\n` };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
