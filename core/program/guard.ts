import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';

import { type AcceptOptions, acceptTls, HandshakeTimeoutError } from '../tls/accept.ts';
import { HandshakeTurns } from '../tls/handshake-turns.ts';
import { FairShare, type Holder } from './fair-share.ts';
import { MOST_TAKEN_BACK, MOST_UNDER_WAY, type ServerBounds, type ServerLimit } from './server-limits.ts';

/** How a server accepts TLS at present: its certificate may be another tomorrow. */
export type TlsTerms = () => Omit<AcceptOptions, 'timeoutMs'>;

/**
 * Holds the clients of a server to their bounds, whether it speaks HTTP/1.1 or HTTP/2, with or without TLS.
 *
 *     accept ─▶ place ─▶ TLS ─▶ head ─▶ request, body, answer ─▶ idle ─▶ next request …
 *               └ of FairShare     └ each with a time of its own, looked at once a second at least
 *
 * TLS is terminated here and not by Node's `tls.Server`, which would keep what a client's certificate takes
 * (docs/internals/tls-memory.md) and has no bound of handshakes. What ends for its client's fault is reset and counted;
 * a connection that is merely idle is ended gently and not counted.
 */
export class Guard {
  readonly #bounds: ServerBounds;
  readonly #tls: TlsTerms | null;
  readonly #onExceeded: (limit: ServerLimit) => void;
  readonly #connections: FairShare;
  readonly #handshakes: FairShare;
  readonly #turns = new HandshakeTurns();
  readonly #held = new Set<Connection>();
  readonly #bySocket = new WeakMap<object, Connection>();
  /** Whose session HTTP/2 is making. */
  #joining: Connection | null = null;
  #sweep: NodeJS.Timeout | null = null;

  /**
   * Takes over the connections of a server that does not listen yet.
   *
   * @param tls null: the server speaks in plaintext
   * @param onExceeded called once for each connection that is refused or ended
   */
  constructor(
    server: Server,
    options: {
      readonly bounds: ServerBounds;
      readonly tls: TlsTerms | null;
      readonly onExceeded: (limit: ServerLimit) => void;
    },
  ) {
    this.#bounds = options.bounds;
    this.#tls = options.tls;
    this.#onExceeded = options.onExceeded;
    this.#connections = new FairShare(this.#bounds.connections);
    this.#handshakes = new FairShare(this.#bounds.handshakes);
    const plain = server.listeners('connection') as ((socket: Socket) => void)[];
    const join = this.#tls
      ? (socket: Socket) => server.emit('secureConnection', socket)
      : (socket: Socket) => {
          for (const listener of plain) listener.call(server, socket);
        };
    server.removeAllListeners('connection');
    server.on('connection', (socket) => this.#accept(socket, join, server));
    server.on('session', (session: ServerHttp2Session) => {
      if (!this.#joining) return;
      this.#joining.session = session;
      this.#bySocket.set(session, this.#joining);
    });
    const serve = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
    server.removeAllListeners('request');
    (server as HttpServer).on('request', (request, response) => {
      if (this.#takes(request, response)) for (const listener of serve) listener.call(server, request, response);
    });
  }

  /** Connections that are open. */
  get size(): number {
    return this.#held.size;
  }

  /** Ends each connection once what is under way on it has ended. */
  shutdown(): void {
    for (const connection of this.#held) connection.shutdown();
  }

  /** Cuts off what is left. */
  destroy(): void {
    for (const connection of this.#held) connection.destroy();
  }

  #accept(socket: Socket, join: (socket: Socket) => void, server: Server): void {
    socket.on('error', () => {});
    const nowMs = performance.now();
    const connection = new Connection(socket, nowMs, () => this.#onExceeded('connection_limit'));
    if (!this.#connections.enter(connection, nowMs)) {
      this.#onExceeded('connection_limit');
      return connection.destroy();
    }
    this.#held.add(connection);
    socket.once('close', () => {
      this.#held.delete(connection);
      this.#connections.leave(connection);
      if (this.#held.size === 0) this.#rest();
    });
    this.#sweep ??= setInterval(() => this.#look(performance.now()), this.#everyMs).unref();
    if (this.#tls) this.#handshake(connection, this.#tls, join, server);
    else this.#join(connection, socket, join);
  }

  #handshake(connection: Connection, tls: TlsTerms, join: (socket: Socket) => void, server: Server): void {
    const { socket, address } = connection;
    const evict = () => {
      this.#onExceeded('handshake_limit');
      connection.destroy();
    };
    const handshake = { address, evict };
    if (!this.#handshakes.enter(handshake, performance.now())) return evict();
    connection.state = 'handshake';
    this.#turns
      .next(socket)
      .then(() => acceptTls(socket, { ...tls(), timeoutMs: this.#bounds.handshakeMs }))
      .finally(() => this.#handshakes.leave(handshake))
      .then(
        (secure) => this.#join(connection, secure, join),
        (error: Error) => {
          if (error instanceof HandshakeTimeoutError) this.#onExceeded('handshake_timeout');
          else server.emit('tlsClientError', error, socket);
          connection.destroy();
        },
      );
  }

  #join(connection: Connection, socket: Socket, join: (socket: Socket) => void): void {
    connection.secure = socket === connection.socket ? null : socket;
    connection.isAt('head', performance.now());
    this.#bySocket.set(socket, connection);
    this.#joining = connection;
    join(socket);
    this.#joining = null;
  }

  /** Whether a request is to be served. */
  #takes(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): boolean {
    const of = 'stream' in request ? request.stream.session : request.socket;
    const connection = of && this.#bySocket.get(of);
    if (!connection || connection.isCut) return false;
    if (connection.exchanges.size >= MOST_UNDER_WAY) {
      this.#cut(connection, 'request_limit');
      return false;
    }
    const exchange = { request, response, sinceMs: performance.now(), answeredMs: 0 };
    connection.exchanges.add(exchange);
    connection.state = 'request';
    this.#connections.keep(connection);
    response.once('close', () => {
      connection.exchanges.delete(exchange);
      const nowMs = performance.now();
      // HTTP/1.1 cannot take a request back but with its connection.
      if (!response.writableEnded && connection.takesBack(nowMs)) return this.#cut(connection, 'rapid_reset');
      if (connection.exchanges.size > 0) return;
      connection.isAt('idle', nowMs);
      this.#connections.spare(connection, nowMs);
    });
    return true;
  }

  #look(nowMs: number): void {
    for (const connection of this.#held) {
      const limit = connection.exceeded(this.#bounds, nowMs);
      if (limit === null) continue;
      if (limit === 'idle') connection.shutdown();
      else this.#cut(connection, limit);
    }
  }

  #cut(connection: Connection, limit: ServerLimit): void {
    if (connection.isCut) return;
    this.#onExceeded(limit);
    connection.destroy();
  }

  /** What is late is found up to a quarter of the smallest time after it. */
  get #everyMs(): number {
    const { headMs, bodyMs, stallMs, idleMs } = this.#bounds;
    return Math.min(1000, Math.min(headMs, bodyMs, stallMs, idleMs) / 4);
  }

  #rest(): void {
    if (this.#sweep) clearInterval(this.#sweep);
    this.#sweep = null;
  }
}

/** A request that is under way. */
interface Exchange {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
  readonly sinceMs: number;
  /** When its answer was found to be whole and not taken, monotonic milliseconds; 0: not yet. */
  answeredMs: number;
}

/** A connection of a client. */
class Connection implements Holder {
  readonly address: string;
  readonly socket: Socket;
  readonly exchanges = new Set<Exchange>();
  session: ServerHttp2Session | null = null;
  /** What is decrypted; null: not yet, or the server speaks in plaintext. */
  secure: Socket | null = null;
  state: 'handshake' | 'head' | 'request' | 'idle' = 'head';
  /** It has been cut off; what had come before may yet be parsed. */
  isCut = false;
  #sinceMs: number;
  /** Requests that its client took back, less {@link RESETS_PER_SECOND} since. */
  #takenBack = 0;
  #takenBackMs = 0;
  readonly #onEvicted: () => void;

  constructor(socket: Socket, nowMs: number, onEvicted: () => void) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? '';
    this.#sinceMs = nowMs;
    this.#onEvicted = onEvicted;
  }

  isAt(state: 'head' | 'idle', nowMs: number): void {
    this.state = state;
    this.#sinceMs = nowMs;
  }

  /** Its client has taken a request back. @returns whether it does so too often */
  takesBack(nowMs: number): boolean {
    const since = (nowMs - this.#takenBackMs) / 1000;
    this.#takenBack = Math.max(0, this.#takenBack - since * RESETS_PER_SECOND) + 1;
    this.#takenBackMs = nowMs;
    return this.#takenBack > MOST_TAKEN_BACK;
  }

  evict(): void {
    this.#onEvicted();
    this.destroy();
  }

  /** The limit that its client has exceeded; `idle` is none that counts. */
  exceeded(bounds: ServerBounds, nowMs: number): ServerLimit | 'idle' | null {
    const age = nowMs - this.#sinceMs;
    switch (this.state) {
      case 'handshake':
        return null;
      case 'head':
        return age > bounds.headMs ? 'header_timeout' : null;
      case 'idle':
        return age > bounds.idleMs ? 'idle' : null;
      case 'request':
        for (const exchange of this.exchanges) {
          const { request, response, sinceMs } = exchange;
          if (!request.complete && nowMs - sinceMs > bounds.bodyMs) return 'body_timeout';
          if (!response.writableEnded) continue;
          if (exchange.answeredMs === 0) exchange.answeredMs = nowMs;
          else if (nowMs - exchange.answeredMs > bounds.stallMs) return 'stall_timeout';
        }
        return null;
    }
  }

  /** Says that no more is taken, where the protocol can say so; what is under way goes on. */
  shutdown(): void {
    if (this.session) this.session.close();
    else if (this.exchanges.size === 0) this.socket.destroy();
  }

  /** By a reset: the kernel would keep what was not read of a connection that ends gently. */
  destroy(): void {
    this.isCut = true;
    this.session?.destroy();
    // Node resets none whose end is on its way, and would never close it.
    if (this.socket.writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
    // Else what it has of records that came before would yet be decrypted and parsed.
    this.secure?.destroy();
  }
}

const RESETS_PER_SECOND = 1;
