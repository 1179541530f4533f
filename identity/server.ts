import type { Http2SecureServer, SecureServerOptions, ServerHttp2Session } from 'node:http2';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';

import { CERTIFY_PATH, type CertifyError, type CertifyResponse } from '../api/certify.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { errorMessage } from '../core/errors/weft-error.ts';
import { closeIdleSessions, SESSION_IDLE_MS } from '../core/http2/idle-sessions.ts';
import type { Logger } from '../core/log/log.ts';
import { closeWithin, listenOn, statusOfFailure } from '../core/program/listener.ts';
import type { ServingCertificate } from '../core/tls/serving-certificate.ts';
import { type Certified, type CertifyContext, certify } from './certify.ts';
import type { IdentityMetrics } from './metrics.ts';
import { Refusal } from './refusal.ts';

/** `POST /v1/certify` over TLS 1.3, HTTP/2 or HTTP/1.1. */
export class CertifyServer {
  readonly #context: CertifyContext;
  readonly #metrics: IdentityMetrics;
  readonly #log: Logger;
  readonly #app: FastifyInstance;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(settings: {
    readonly context: CertifyContext;
    readonly certificate: ServingCertificate;
    readonly metrics: IdentityMetrics;
    readonly log: Logger;
  }) {
    this.#context = settings.context;
    this.#metrics = settings.metrics;
    this.#log = settings.log;
    this.#app = this.#createApp(settings.certificate);
  }

  /** Binds the address, see {@link listenOn}. @returns `host:port` as bound */
  listen(address: SocketAddress): Promise<string> {
    return listenOn(this.#app.server, address, (place) => this.#app.listen(place));
  }

  /** Serves new connections with another certificate; old ones go on. */
  setCertificate(certificate: ServingCertificate): void {
    secureServerOf(this.#app).setSecureContext(certificate);
  }

  /** Takes no more connections, lets requests under way end, and cuts off what is left after `graceMs`. */
  close(graceMs: number): Promise<void> {
    const close = () => {
      const closed = this.#app.close();
      for (const session of this.#sessions) session.close();
      return closed;
    };
    return closeWithin(graceMs, close, () => {
      for (const session of this.#sessions) session.destroy();
    });
  }

  #createApp(certificate: ServingCertificate): FastifyInstance {
    const https: SecureServerOptions = { ...certificate, ...TLS_SETTINGS, allowHTTP1: true };
    const app = Fastify({
      http2: true,
      https,
      http2SessionTimeout: 0, // closeIdleSessions
      bodyLimit: MAX_BODY_OCTETS,
      forceCloseConnections: 'idle',
      requestTimeout: REQUEST_TIMEOUT_MS,
    } as never) as unknown as FastifyInstance;
    app.post(CERTIFY_PATH, async (request, reply) => {
      const answer = await this.#answer(request.body);
      return reply.code(answer.status).send(answer.body);
    });
    app.setErrorHandler((error: FastifyError, _request, reply) => {
      const refusal = this.#report(refusalOf(error, this.#log));
      return reply.code(refusal.status).send(refusal.toBody());
    });
    app.setNotFoundHandler((_request, reply) => {
      const refusal = this.#report(new Refusal('not_found', `identity answers POST ${CERTIFY_PATH} alone`));
      return reply.code(refusal.status).send(refusal.toBody());
    });
    const server = secureServerOf(app);
    server.maxConnections = MAX_CONNECTIONS;
    closeIdleSessions(server, SESSION_IDLE_MS);
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    server.on('tlsClientError', (error) => this.#log.debug(`a TLS handshake failed: ${errorMessage(error)}`));
    return app;
  }

  async #answer(body: unknown): Promise<{ status: number; body: CertifyResponse | CertifyError }> {
    const result = await certify(body, this.#context);
    if (result instanceof Refusal) {
      const refusal = this.#report(result);
      return { status: refusal.status, body: refusal.toBody() };
    }
    this.#recordIssued(result);
    return { status: 200, body: result.response };
  }

  #recordIssued({ names, pod, response, serial }: Certified): void {
    this.#metrics.certificateIssued();
    this.#log.info(
      { identity: names.dns, pod: pod.pod, uid: pod.uid, serial, notAfter: response.notAfter },
      'certificate issued',
    );
  }

  #report(refusal: Refusal): Refusal {
    this.#metrics.refused(refusal.reason);
    this.#log[refusal.status >= 500 ? 'error' : 'warn']({ reason: refusal.reason }, `refused: ${refusal.message}`);
    return refusal;
  }
}

/** fastify's types know the plain server only. */
function secureServerOf(app: FastifyInstance): Http2SecureServer {
  return app.server as unknown as Http2SecureServer;
}

/** What fastify found wrong before a request reached us. */
function refusalOf(error: FastifyError, log: Logger): Refusal {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Refusal('request_too_large', `the body is longer than ${MAX_BODY_OCTETS} octets`);
  }
  if (statusOfFailure(error) < 500) {
    return new Refusal('request_not_json', 'the body must be JSON, with content-type: application/json');
  }
  log.error({ err: error }, 'a request failed unexpectedly');
  return new Refusal('unexpected', 'identity failed unexpectedly; its log says why; try again later');
}

/** Design: TLS between proxies. A session cannot be resumed into an older protocol. */
const TLS_SETTINGS = { minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768:X25519:P-256' } as const;
/** A token of 16 KiB and a CSR of 8 KiB, with JSON's escapes, and room to say which of them is too long. */
const MAX_BODY_OCTETS = 64 * 1024;
/** Whole request; a client sends one packet or two. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A fleet that restarts at once queues in the kernel rather than here: each connection costs some 50 KiB. */
const MAX_CONNECTIONS = 2_000;
