import { constants, X509Certificate } from 'node:crypto';
import type { Http2SecureServer, ServerHttp2Stream } from 'node:http2';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { fastify } from 'fastify';
import { canonicalSerial } from '../../api/revocations.ts';
import { WATCH_PATH } from '../../api/watch.ts';
import { type IdentityDomain, spiffeIdentity } from '../../api/workload-identity.ts';
import type { SocketAddress } from '../../core/config/socket-address.ts';
import { Guard } from '../../core/program/guard.ts';
import { BACKLOG, listenOn, statusOfFailure } from '../../core/program/listener.ts';
import { DEFAULT_TIMES, type ServerBounds, type ServerLimit } from '../../core/program/server-limits.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { ServingCertificate } from '../../core/tls/serving-certificate.ts';
import type { Workload } from './peer.ts';
import { workloadOf } from './peer.ts';
import type { Publication, Subscriber } from './publication.ts';
import type { Publisher } from './publisher.ts';
import type { TrustBundle } from './trust-bundle.ts';
import { type StreamObserver, WatchStream } from './watch-stream.ts';

/** Who is told of connections that never became a stream. */
export interface WatchServerObserver extends StreamObserver {
  onStart(stream: WatchStream): void;
  /** A client was turned away: its certificate is missing, not ours, or names no pod. */
  onRefused(reason: string): void;
  /** A client has exceeded a limit of the server. */
  onExceeded(limit: ServerLimit): void;
}

/**
 * Serves `POST /v1/watch` over HTTP/2 and TLS 1.3; a client without a certificate that the trust bundle vouches for does
 * not get past the handshake.
 */
export class WatchServer {
  /** With what each client proved who it is. */
  readonly streams = new Map<WatchStream, ShownCertificate>();
  readonly #revocations: Publication;
  readonly #options: WatchServerOptions;
  readonly #app;
  readonly #byPod = new Map<string, WatchStream>();
  readonly #onRevoked: Subscriber = {
    onPublish: () => this.#endRevoked(),
    onMoved() {},
  };
  #certificate: ServingCertificate;
  #secureContext: SecureContext;
  #isDraining = false;

  constructor(options: WatchServerOptions) {
    this.#options = options;
    this.#certificate = options.certificate;
    this.#secureContext = this.#newContext();
    this.#app = fastify({
      http2: true,
      https: { settings: SETTINGS },
      http2SessionTimeout: 0, // Guard
      logger: false,
      forceCloseConnections: true,
    });
    new Guard(this.#server, {
      bounds: WATCH_BOUNDS,
      tls: () => ({
        secureContext: this.#secureContext,
        clientCertificate: 'required',
        alpn: { ALPNProtocols: ['h2'] },
      }),
      onExceeded: (limit) => options.observer.onExceeded(limit),
    });
    this.#app.addContentTypeParser(NDJSON, (_request, payload, done) => done(null, payload));
    this.#app.setNotFoundHandler((_request, reply) =>
      reply.code(404).send(refusal('not_found', `there is only POST ${WATCH_PATH}`)),
    );
    this.#app.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
      const status = statusOfFailure(error);
      const message = status < 500 ? error.message : 'destination failed unexpectedly';
      return reply.code(status).send(refusal(status < 500 ? 'request_malformed' : 'unexpected', message));
    });
    this.#app.post(WATCH_PATH, (request, reply) => {
      const raw = request.raw as typeof request.raw & { stream: ServerHttp2Stream };
      const workload = this.#workload(raw.stream);
      if (typeof workload === 'string') return reply.code(403).send(refusal('workload_unknown', workload));
      if (this.#isDraining) return reply.code(503).send(refusal('draining', 'this replica is going away'));
      reply.hijack();
      this.#serve(raw.stream, workload);
    });
    options.trust.onChange(() => this.#renewContext());
    this.#revocations = options.publisher.revocations();
    this.#revocations.subscribers.add(this.#onRevoked);
    this.#server.on('tlsClientError', (error) => options.observer.onRefused(handshakeFault(error)));
    // A session that breaks takes its streams along, and they report it.
    this.#server.on('sessionError', () => {});
  }

  /** Binds the address, see {@link listenOn}. @returns `host:port` as bound */
  listen(address: SocketAddress): Promise<string> {
    return listenOn(this.#server, address, (place) => this.#app.listen({ ...place, backlog: BACKLOG }));
  }

  /** Uses a new certificate for new connections; those that stand go on. */
  setCertificate(certificate: ServingCertificate): void {
    this.#certificate = certificate;
    this.#renewContext();
  }

  /**
   * Takes no new stream and ends each of the present ones at a moment of its own within `spreadMs`, so that a thousand
   * proxies do not come to another replica at once. Resolves when all are gone.
   */
  async drain(spreadMs: number, random: () => number = Math.random): Promise<void> {
    this.#isDraining = true;
    const ends = [...this.streams.keys()].map(
      (stream) =>
        new Promise<void>((resolve) => {
          setTimeout(() => {
            stream.end('draining');
            resolve();
          }, random() * spreadMs);
        }),
    );
    await Promise.all(ends);
    await this.close();
  }

  /** Ends every stream and connection now. */
  async close(): Promise<void> {
    this.#revocations.subscribers.delete(this.#onRevoked);
    for (const stream of this.streams.keys()) stream.end('closed');
    await this.#app.close();
  }

  get #server(): Http2SecureServer {
    return this.#app.server as unknown as Http2SecureServer;
  }

  #newContext(): SecureContext {
    return createSecureContext({
      key: this.#certificate.key,
      cert: this.#certificate.cert,
      ca: this.#options.trust.pem,
      minVersion: 'TLSv1.3',
      ecdhCurve: 'X25519MLKEM768:X25519:P-256',
      // A resumed session would bring a verdict on the client's certificate from before the bundle changed.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  }

  #renewContext(): void {
    this.#secureContext = this.#newContext();
  }

  #workload(stream: ServerHttp2Stream): Workload | string {
    const certificate = peerCertificate(stream);
    const workload = certificate ? workloadOf(certificate, this.#options.domain) : 'the client has no certificate';
    if (typeof workload === 'string') this.#options.observer.onRefused('workload_unknown');
    else if (this.#isRevoked(workload, certificateOf(stream))) {
      this.#options.observer.onRefused('revoked');
      return 'the certificate or the identity is revoked';
    }
    return workload;
  }

  #isRevoked(workload: Workload, { serial }: ShownCertificate): boolean {
    const { serials, identities } = this.#options.publisher.revoked;
    return serials.includes(serial) || identities.includes(spiffeIdentity(workload, this.#options.domain));
  }

  #endRevoked(): void {
    for (const [stream, certificate] of [...this.streams])
      if (this.#isRevoked(stream.workload, certificate)) stream.end('revoked');
  }

  #serve(http2: ServerHttp2Stream, workload: Workload): void {
    const { publisher, trust, clock, observer } = this.#options;
    const certificate = certificateOf(http2);
    const pod = `${workload.namespace}/${workload.uid}`;
    this.#byPod.get(pod)?.end('replaced');
    http2.respond({ ':status': 200, 'content-type': NDJSON });
    const stream = new WatchStream({
      workload,
      publisher,
      common: [trust.publication, this.#revocations],
      clock,
      outlet: {
        write: (line) => !http2.writable || http2.write(line),
        end: () => endSoon(http2),
      },
      observer: {
        onSkip: () => observer.onSkip(),
        onNack: (...nack) => observer.onNack(...nack),
        onEnd: (ended, reason) => {
          expiry.cancel();
          this.streams.delete(ended);
          if (this.#byPod.get(pod) === ended) this.#byPod.delete(pod);
          observer.onEnd(ended, reason);
        },
      },
    });
    // The certificate proved who the client is until it expires; a client that has renewed it comes back with the new one.
    const expiry = clock.after(Math.max(0, certificate.notAfter - clock.now()), () =>
      stream.end('certificate_expired'),
    );
    this.streams.set(stream, certificate);
    this.#byPod.set(pod, stream);
    observer.onStart(stream);
    http2.setEncoding('utf8');
    http2.on('data', (text: string) => stream.onText(text));
    http2.on('drain', () => stream.onDrain());
    http2.on('error', (error) => stream.end(`broken: ${error.message}`));
    // Where the connection breaks its streams end too, before they close.
    http2.once('end', () => stream.end(http2.rstCode === 0 ? 'client_ended' : 'client_closed'));
    http2.once('close', () => stream.end('client_closed'));
  }
}

/** What a client proved with who it is. */
export interface ShownCertificate {
  /** As `canonicalSerial` writes it. */
  readonly serial: string;
  /** SHA-256 of the certificate of the authority that signed it, upper-case hexadecimal with colons; empty: it is not known. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** What a {@link WatchServer} works with. Credentials are those at the start; the trust bundle is followed. */
export interface WatchServerOptions {
  readonly certificate: ServingCertificate;
  readonly trust: TrustBundle;
  readonly domain: IdentityDomain;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly observer: WatchServerObserver;
}

/** Body of an answer that is no stream. */
function refusal(reason: string, message: string) {
  return { error: { reason, message } };
}

function peerCertificate(stream: ServerHttp2Stream): X509Certificate | undefined {
  // Not getPeerX509Certificate(), which loses memory (docs/internals/tls-memory.md).
  const { raw } = (stream.session?.socket as TLSSocket | undefined)?.getPeerCertificate() ?? {};
  return raw && new X509Certificate(raw);
}

function certificateOf(stream: ServerHttp2Stream): ShownCertificate {
  const shown = (stream.session?.socket as TLSSocket | undefined)?.getPeerCertificate(true);
  return {
    serial: canonicalSerial(shown?.serialNumber ?? '') ?? '',
    issuer: shown?.issuerCertificate?.fingerprint256 ?? '',
    notAfter: Date.parse(shown?.valid_to ?? '') || 0,
  };
}

/** Lets the reader have what was written, and does not wait for one that never reads. */
function endSoon(http2: ServerHttp2Stream): void {
  if (http2.destroyed) return;
  http2.end(() => http2.close());
  setTimeout(() => http2.close(), END_GRACE_MS).unref();
}

function handshakeFault(error: NodeJS.ErrnoException): string {
  return error.code?.startsWith('ERR_SSL') || error.code?.startsWith('ERR_TLS')
    ? error.code.toLowerCase()
    : 'handshake_failed';
}

const NDJSON = 'application/x-ndjson';
/** A proxy has one stream, and for a moment two when it reconnects. */
const SETTINGS = { maxConcurrentStreams: 8 };
/**
 * Streams are live. A replica of 512 MiB serves some 2,000 proxies, each some 100 KiB with what it subscribes to; of
 * connections that have a certificate none is closed for another's sake while it has a stream.
 */
export const WATCH_BOUNDS: ServerBounds = { ...DEFAULT_TIMES, connections: 2_500, handshakes: 256, bodyMs: Infinity };
/** How long a reader may take for the last lines of its stream, milliseconds. */
const END_GRACE_MS = 1000;
