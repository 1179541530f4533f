import { constants } from 'node:crypto';
import type { Server } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';

import type { SocketAddress } from '../../core/config/socket-address.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import type { Logger } from '../../core/log/log.ts';
import { Guard } from '../../core/program/guard.ts';
import { BACKLOG, closeWithin, listenOn, statusOfFailure } from '../../core/program/listener.ts';
import { DEFAULT_TIMES, type ServerBounds } from '../../core/program/server-limits.ts';
import type { ServingCertificate } from '../../core/tls/serving-certificate.ts';
import { type AdmissionRequest, parseReview, writeReview } from './admission-review.ts';
import { LARGE_AT_ONCE, LargeBodies } from './large-bodies.ts';
import type { WebhookMetrics } from './metrics.ts';
import { type ReviewOutcome, ReviewUnavailableError } from './review-outcome.ts';

/** Turns a review into its outcome. What it throws becomes 503 or 500, and the API server does as `failurePolicy` says. */
export type Reviewer = (request: AdmissionRequest) => Promise<ReviewOutcome> | ReviewOutcome;

/** What an admission server is made of. */
export interface AdmissionServerSettings {
  readonly certificate: ServingCertificate;
  /** By path. */
  readonly reviewers: Readonly<Record<string, Reviewer>>;
  /** Called after each answer, off its way: for Events. */
  readonly onReviewed: (request: AdmissionRequest, outcome: ReviewOutcome) => void;
  readonly metrics: WebhookMetrics;
  readonly log: Logger;
}

/**
 * Answers the API server's reviews over HTTPS.
 *
 * What is no review gets 400, a body above 3 MiB 413, and what cannot be told at present 503, so that the failure policy
 * of the entry decides. Nothing that is sent ends the server.
 */
export class AdmissionServer {
  readonly #settings: AdmissionServerSettings;
  readonly #app: FastifyInstance<Server>;
  readonly #guard: Guard;
  #secureContext: SecureContext;

  constructor(settings: AdmissionServerSettings) {
    this.#settings = settings;
    this.#secureContext = secureContextOf(settings.certificate);
    this.#app = Fastify({
      https: {},
      bodyLimit: MAX_BODY_OCTETS,
      forceCloseConnections: 'idle',
      keepAliveTimeout: ADMISSION_BOUNDS.idleMs,
    }) as unknown as FastifyInstance<Server>;
    this.#guard = new Guard(this.#app.server, {
      bounds: ADMISSION_BOUNDS,
      tls: () => ({ secureContext: this.#secureContext, clientCertificate: 'unasked', alpn: ALPN }),
      onExceeded: (limit) => settings.metrics.exceeded(limit),
    });
    const large = new LargeBodies(() => settings.metrics.exceeded('body_limit'));
    this.#app.addHook('preParsing', async (request, reply) => large.admit(request.raw, reply.raw));
    for (const [path, reviewer] of Object.entries(settings.reviewers)) {
      this.#app.post(path, async (request, reply) => {
        const { status, body } = await this.#answer(path, reviewer, request.body);
        return reply.code(status).send(body);
      });
    }
    this.#app.setErrorHandler((error: FastifyError, _request, reply) => {
      settings.metrics.malformed();
      const status = statusOfFailure(error);
      settings.log.warn({ status }, `a request was refused: ${error.message}`);
      return reply.code(status).send({ error: status < 500 ? error.message : 'the webhook failed unexpectedly' });
    });
    this.#app.setNotFoundHandler((_request, reply) => {
      settings.metrics.malformed();
      return reply.code(404).send({ error: `reviews go to ${Object.keys(settings.reviewers).join(' or ')}` });
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

  /** Takes no more connections, lets reviews under way end, and cuts off what is left after `graceMs`. */
  close(graceMs: number): Promise<void> {
    return closeWithin(
      graceMs,
      () => {
        const closed = this.#app.close();
        this.#guard.shutdown();
        return closed;
      },
      () => this.#guard.destroy(),
    );
  }

  async #answer(path: string, reviewer: Reviewer, body: unknown): Promise<{ status: number; body: object }> {
    const { metrics, log, onReviewed } = this.#settings;
    const startedAt = performance.now();
    const request = parseReview(body);
    if (typeof request === 'string') {
      metrics.malformed();
      log.warn({ path }, `a malformed review was refused: ${request}`);
      return { status: 400, body: { error: request } };
    }
    try {
      const outcome = await within(ANSWER_MS, reviewer(request));
      metrics.reviewed(path, outcome, (performance.now() - startedAt) / 1000);
      this.#log(path, request, outcome);
      onReviewed(request, outcome);
      return { status: 200, body: writeReview(request.uid, outcome.answer) };
    } catch (error) {
      if (error instanceof ReviewUnavailableError) {
        metrics.unavailable();
        log.error({ path, namespace: request.namespace }, `a review could not be answered: ${error.message}`);
        return { status: 503, body: { error: error.message } };
      }
      log.error({ path, err: error }, `a review failed unexpectedly: ${errorMessage(error)}`);
      return { status: 500, body: { error: 'the webhook failed unexpectedly; its log says why' } };
    }
  }

  #log(path: string, request: AdmissionRequest, { outcome, reason, message, answer }: ReviewOutcome): void {
    const { kind, namespace, name, operation, uid, isDryRun, object } = request;
    const generated = (object as { metadata?: { generateName?: unknown } } | null)?.metadata?.generateName;
    const entry = {
      path,
      kind,
      namespace,
      name: name || generated,
      operation,
      review: uid,
      outcome,
      ...(reason && { reason }),
      ...(isDryRun && { dryRun: true }),
      ...(answer.patch && { operations: answer.patch.length }),
      ...(answer.warnings?.length && { warnings: answer.warnings }),
    };
    this.#settings.log[answer.isAllowed ? 'info' : 'warn'](entry, message || 'reviewed');
  }
}

/** What a review came to, or ReviewUnavailableError where the API server would not wait for it. */
async function within(ms: number, reviewing: Promise<ReviewOutcome> | ReviewOutcome): Promise<ReviewOutcome> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new ReviewUnavailableError(`not told within ${ms} ms`, { cause: null })), ms);
  try {
    return await Promise.race([reviewing, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function secureContextOf(certificate: ServingCertificate): SecureContext {
  return createSecureContext({ ...certificate, ...TLS_SETTINGS });
}

/** API servers speak TLS 1.2 where they are configured to, and resume no session. */
const TLS_SETTINGS = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;
const ALPN = { ALPNProtocols: ['http/1.1'] };
/** etcd holds objects of up to 1.5 MiB, and an update sends two of them. */
const MAX_BODY_OCTETS = 3 * 1024 * 1024;
/** The API server gives up after 5 s (timeoutSeconds of the entries). */
const ANSWER_MS = 4000;
/**
 * An API server keeps a few connections and ends them itself after 90 s without a review: were we first, a review that is
 * on its way would be lost to the failure policy. It gives a review 5 s (timeoutSeconds of the entries).
 */
export const ADMISSION_BOUNDS: ServerBounds = {
  ...DEFAULT_TIMES,
  connections: 512,
  handshakes: 128,
  idleMs: 120_000,
  largeBodies: LARGE_AT_ONCE,
};
