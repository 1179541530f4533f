import { constants } from 'node:crypto';
import type { Server } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';

import { CERTIFY_PATH, type CertifyError, type CertifyResponse } from '../api/certify.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { errorMessage } from '../core/errors/weft-error.ts';
import type { Logger } from '../core/log/log.ts';
import { Guard } from '../core/program/guard.ts';
import { BACKLOG, closeWithin, listenOn, statusOfFailure } from '../core/program/listener.ts';
import { DEFAULT_TIMES, type ServerBounds } from '../core/program/server-limits.ts';
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
  readonly #guard: Guard;
  #secureContext: SecureContext;

  constructor(settings: {
    readonly context: CertifyContext;
    readonly certificate: ServingCertificate;
    readonly metrics: IdentityMetrics;
    readonly log: Logger;
  }) {
    this.#context = settings.context;
    this.#metrics = settings.metrics;
    this.#log = settings.log;
    this.#secureContext = secureContextOf(settings.certificate);
    this.#app = this.#createApp();
    this.#guard = new Guard(this.#app.server as Server, {
      bounds: CERTIFY_BOUNDS,
      tls: () => ({ secureContext: this.#secureContext, clientCertificate: 'unasked', alpn: ALPN }),
      onExceeded: (limit) => this.#metrics.exceeded(limit),
    });
  }

  /** Binds the address, see {@link listenOn}. @returns `host:port` as bound */
  listen(address: SocketAddress): Promise<string> {
    return listenOn(this.#app.server, address, (place) => this.#app.listen({ ...place, backlog: BACKLOG }));
  }

  /** Serves new connections with another certificate; old ones go on. */
  setCertificate(certificate: ServingCertificate): void {
    this.#secureContext = secureContextOf(certificate);
  }

  /** Takes no more connections, lets requests under way end, and cuts off what is left after `graceMs`. */
  close(graceMs: number): Promise<void> {
    const close = () => {
      const closed = this.#app.close();
      this.#guard.shutdown();
      return closed;
    };
    return closeWithin(graceMs, close, () => this.#guard.destroy());
  }

  #createApp(): FastifyInstance {
    const app = Fastify({
      http2: true,
      https: { allowHTTP1: true, settings: { maxConcurrentStreams: MAX_STREAMS } },
      http2SessionTimeout: 0, // Guard
      bodyLimit: MAX_BODY_OCTETS,
      forceCloseConnections: 'idle',
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
    app.server.on('tlsClientError', (error) => this.#log.debug(`a TLS handshake failed: ${errorMessage(error)}`));
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

function secureContextOf(certificate: ServingCertificate): SecureContext {
  return createSecureContext({ ...certificate, ...TLS_SETTINGS });
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

/** Design: TLS between proxies. Nobody comes back soon enough to resume a session. */
const TLS_SETTINGS = {
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519MLKEM768:X25519:P-256',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;
const ALPN = { ALPNProtocols: ['h2', 'http/1.1'] };
/** A token of 16 KiB and a CSR of 8 KiB, with JSON's escapes, and room to say which of them is too long. */
const MAX_BODY_OCTETS = 64 * 1024;
/** A proxy asks one thing. */
const MAX_STREAMS = 1;
/**
 * What fits 256 MiB of memory beside the program's own 100: a session takes 105 KiB, and its body 64. A fleet that starts
 * at once finds the places taken for a moment and comes again: each is free after some ten milliseconds.
 */
export const CERTIFY_BOUNDS: ServerBounds = { ...DEFAULT_TIMES, connections: 512, handshakes: 256 };
