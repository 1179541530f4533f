import { ORIG_PROTO_HEADER, PROXY_ERROR_HEADER, type ProxyErrorReason } from '../../api/proxy-headers.ts';
import { OWN_BACKEND } from '../../api/routing.ts';
import type { FailureLog } from '../admin/failure-log.ts';
import { answer, type Failure, statusOf } from '../answers.ts';
import {
  type Fields,
  fieldValue,
  http2Fields,
  isGrpc,
  type RequestHead,
  type ResponseHead,
  type ServerStream,
  type StreamListener,
  withoutFields,
} from '../http.ts';
import { CANCEL, NO_ERROR, REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import type { CompiledRoute } from '../routing/route-table.ts';
import type { Metrics, Outcome } from '../telemetry/metrics.ts';
import { ConnectError } from '../transport/dialer.ts';
import { enterTurn, leaveTurn } from '../transport/socket-wire.ts';
import { Attempt } from './attempt.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import type { RouteSeries, Target } from './target.ts';

/** What a request needs of the proxy. */
export interface OutboundContext {
  readonly metrics: Metrics;
  readonly failures: FailureLog;
}

/** Octets of body kept for a second attempt, where the route's rule names no other bound. */
const REPLAY_BYTES = 65_536;
/** How long a request waits for a first endpoint (linkerd2-proxy's fail-fast timeout). */
const FAIL_FAST_MS = 3000;
/** Status under which a request is counted that the application gave up (nginx's 499); nobody is sent it. */
const CLIENT_CLOSED = 499;
/** What an endpoint's proxy says of an application that has not seen the request. */
const NOT_ARRIVED: ReadonlySet<string> = new Set<ProxyErrorReason>(['connect_failed', 'connect_timeout']);
/** Another endpoint would not help, or must not be tried: the fault is one of identity. */
const IDENTITY_FAULTS = new Set(['destination_identity_mismatch', 'identity_not_ready']);
/** What is between proxies alone. */
const OWN_FIELDS = [ORIG_PROTO_HEADER];
/** Attempts to connect, each to another endpoint where there is one. */
const CONNECT_ATTEMPTS = 3;

/**
 * One request of the application on its way out.
 *
 *     route ─▶ timeout ─▶ split ─▶ balance ─▶ connection ─▶ attempt ─▶ classify ─▶ answer
 *                           ▲                                             │
 *                           └────────── retry (rule and budget) ──────────┘
 *
 * The answer is committed when its head goes to the application; nothing is tried again after that.
 */
export class OutboundRequest implements StreamListener {
  readonly #downstream: ServerStream;
  readonly #head: RequestHead;
  readonly #target: Target;
  readonly #context: OutboundContext;
  readonly #route: CompiledRoute;
  readonly #series: RouteSeries;
  readonly #grpc: boolean;
  readonly #startMs = performance.now();
  /** Null: the request has no body. */
  readonly #body: ReplayBuffer | null;
  #attempt: Attempt | null = null;
  #timer: NodeJS.Timeout | null = null;
  #cancelWait: (() => void) | null = null;
  #retries = 0;
  #connectFailures = 0;
  #committed = false;
  #over = false;

  constructor(downstream: ServerStream, head: RequestHead, end: boolean, target: Target, context: OutboundContext) {
    this.#downstream = downstream;
    this.#head = head;
    this.#target = target;
    this.#context = context;
    this.#grpc = isGrpc(head);
    this.#route = target.route(head);
    this.#series = target.series(this.#route.route.name);
    this.#body = end ? null : new ReplayBuffer(this.#route.route.retry?.maxBodyBytes ?? REPLAY_BYTES);
    target.active++;
    target.budget.deposit(this.#startMs);
    this.#series.effective.request();
    const { headMs = 0 } = this.#route.route.timeouts;
    if (headMs > 0) {
      this.#timer = setTimeout(() => {
        enterTurn();
        this.#fail({
          reason: 'request_timeout',
          message: `no answer within ${headMs} ms, the timeout of ${this.#route.route.origin}`,
        });
        leaveTurn();
      }, headMs);
    }
    this.#try(null);
  }

  // From the application.

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const body = this.#body!;
    if (last) body.complete = true;
    const upstream = this.#attempt?.stream ?? null;
    body.add(bytes, start, end, upstream !== null);
    if (!upstream) return;
    const sent = upstream.sendData(bytes, start, end, last);
    if (sent > 0) this.#downstream.grant(sent);
  }

  onTrailers(fields: Fields): void {
    this.#body!.complete = true;
    this.#body!.trailers = fields;
    this.#attempt?.stream?.sendTrailers(this.#attempt.fieldsFor(fields));
  }

  /** The application has given up: so does the server, at once. */
  onReset(): void {
    if (this.#over) return;
    const outcome: Outcome = { status: CLIENT_CLOSED, success: true, grpcStatus: '', error: 'cancelled' };
    this.#attempt?.finish(outcome);
    this.#attempt?.cancel(CANCEL);
    this.#end(outcome);
  }

  onSent(octets: number): void {
    this.#attempt?.stream?.grant(octets);
  }

  onResponse(): void {}
  onInformational(): void {}

  // From the attempt.

  /** Sends what has come of the body, and hands over to the flow. */
  onStream(attempt: Attempt): void {
    const { stream } = attempt;
    if (!stream) return;
    const body = this.#body;
    const last = body === null || (body.complete && !body.trailers);
    stream.sendRequest(attempt.requestHead(this.#head, this.#target), last && (body?.chunks.length ?? 0) === 0);
    this.#context.metrics.addedOutbound.observe((performance.now() - this.#startMs) / 1000);
    if (body === null) return;
    const { chunks, trailers } = body;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]!;
      const sent = stream.sendData(chunk, 0, chunk.length, last && i === chunks.length - 1);
      if (sent > 0 && this.#retries === 0) this.#downstream.grant(sent);
    }
    if (trailers) stream.sendTrailers(attempt.fieldsFor(trailers));
  }

  onUpstreamSent(octets: number): void {
    this.#downstream.grant(octets);
  }

  onUpstreamInformational(head: ResponseHead): void {
    if (!this.#committed) this.#downstream.sendResponse(this.#answerHead(head), false);
  }

  /** @returns false: the attempt was given up for another one */
  onUpstreamResponse(attempt: Attempt, head: ResponseHead, end: boolean): boolean {
    const success = this.#route.isSuccess(head.status, fieldValue(head.fields, 'grpc-status') ?? '');
    if (!success && this.#neverArrived(attempt, head)) {
      attempt.finish(outcomeOf(head, success, null));
      if (!end) attempt.cancel(CANCEL);
      attempt.client.noteConnect(new ConnectError('connect_failed', 'its application cannot be reached'));
      this.#retry(attempt.client);
      return false;
    }
    if (!success && this.#mayRetry()) {
      attempt.finish(outcomeOf(head, success, null));
      if (!end) attempt.cancel(CANCEL);
      this.#retry(attempt.client);
      return false;
    }
    if (this.#timer) clearTimeout(this.#timer);
    this.#committed = true;
    this.#body?.release();
    this.#downstream.sendResponse(this.#answerHead(head), end);
    return true;
  }

  onUpstreamData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const sent = this.#downstream.sendData(bytes, start, end, last);
    if (sent > 0) attempt.stream?.grant(sent);
  }

  onUpstreamTrailers(fields: Fields): void {
    this.#downstream.sendTrailers(this.#head.version ? fields : http2Fields(fields));
  }

  /** The answer is complete. */
  onUpstreamEnd(attempt: Attempt, head: ResponseHead, trailers: Fields | null): void {
    const grpcStatus = fieldValue(trailers ?? head.fields, 'grpc-status') ?? '';
    const outcome = outcomeOf(head, this.#route.isSuccess(head.status, grpcStatus), trailers);
    attempt.finish(outcome);
    this.#end(outcome);
  }

  onUnavailable(attempt: Attempt, error: ConnectError): void {
    attempt.client.noteConnect(error);
    if (this.#over) return;
    // Nothing was sent: another endpoint may be tried, whatever the rules.
    if (++this.#connectFailures < CONNECT_ATTEMPTS && !IDENTITY_FAULTS.has(error.reason))
      return this.#try(attempt.client);
    attempt.finish(failed(error.reason));
    this.#fail({
      reason: error.reason,
      message: `${attempt.client.endpoint.address}:${attempt.client.endpoint.port}: ${error.message}`,
    });
  }

  onUpstreamReset(attempt: Attempt, code: number): void {
    if (this.#over) return;
    const unprocessed = code === REFUSED_STREAM;
    if (
      !this.#committed &&
      this.#canReplay &&
      ((unprocessed && this.#retries < CONNECT_ATTEMPTS) || (this.#isComplete && this.#mayRetry()))
    ) {
      attempt.finish(failed('endpoint_reset'));
      return this.#retry(attempt.client);
    }
    attempt.finish(failed('endpoint_reset'));
    if (this.#committed) {
      this.#downstream.reset(code === NO_ERROR ? CANCEL : code);
      return this.#end({ status: 0, success: false, grpcStatus: '', error: 'endpoint_reset' });
    }
    const { address, port } = attempt.client.endpoint;
    this.#fail({
      reason: 'endpoint_reset',
      message: `${address}:${port} ended the request with code ${code} before it answered`,
    });
  }

  /** The whole request has come. */
  get #isComplete(): boolean {
    return this.#body === null || this.#body.complete;
  }

  get #canReplay(): boolean {
    return this.#body === null || this.#body.canReplay;
  }

  // Layers.

  /** Split, balance, connect. */
  #try(avoid: EndpointClient | null): void {
    const backend = this.#route.pick()?.backend ?? OWN_BACKEND;
    const client = this.#target.pick(backend, avoid);
    if (!client) return this.#awaitEndpoints(backend);
    this.#attempt = new Attempt(this, client, this.#series, this.#head.version ? 'http1' : 'http2');
    this.#attempt.start();
  }

  #awaitEndpoints(backend: string): void {
    const stop = this.#target.whenEndpoints(() => {
      clearTimeout(timer);
      this.#cancelWait = null;
      this.#try(null);
    });
    const timer = setTimeout(() => {
      stop();
      enterTurn();
      this.#fail({
        reason: 'fail_fast',
        message: `${this.#target.description.name}${backend} had no ready endpoint for ${FAIL_FAST_MS} ms`,
      });
      leaveTurn();
    }, FAIL_FAST_MS);
    this.#cancelWait = () => {
      clearTimeout(timer);
      stop();
    };
  }

  /** The endpoint's proxy says that its application could not be connected to: another one may be tried, whatever the rules. */
  #neverArrived(attempt: Attempt, head: ResponseHead): boolean {
    if (attempt.client.endpoint.tls?.mesh !== 'weft' || !this.#canReplay) return false;
    const reason = fieldValue(head.fields, PROXY_ERROR_HEADER);
    return reason !== null && NOT_ARRIVED.has(reason) && ++this.#connectFailures < CONNECT_ATTEMPTS;
  }

  /** Whether a failure is tried again: the route says so, the body can be sent again, and the budget allows it. */
  #mayRetry(): boolean {
    const { retry } = this.#route.route;
    if (!retry?.on.outcomes.includes('failure') || this.#committed || !this.#isComplete || !this.#canReplay)
      return false;
    if (retry.limit > 0 && this.#retries >= retry.limit) return false;
    if (!this.#target.budget.withdraw(performance.now())) {
      this.#series.skipped.value++;
      return false;
    }
    this.#series.retried.value++;
    return true;
  }

  #retry(avoid: EndpointClient): void {
    this.#retries++;
    this.#attempt = null;
    this.#try(avoid);
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    const attempt = this.#attempt;
    const outcome = failed(failure.reason);
    attempt?.finish(outcome);
    attempt?.cancel(CANCEL);
    this.#context.metrics.outboundErrors.with({ error: failure.reason }).value++;
    this.#context.failures.add('outbound', failure, {
      target: `${this.#target.description.name}:${this.#target.description.port}`,
      route: this.#route.route.name,
      method: this.#head.method,
      path: this.#head.path,
      endpoint: attempt ? `${attempt.client.endpoint.address}:${attempt.client.endpoint.port}` : '',
    });
    this.#end(outcome);
    if (this.#committed) this.#downstream.reset(CANCEL);
    else answer(this.#downstream, failure, { grpc: this.#grpc && !this.#head.version, audience: 'peer' });
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#cancelWait?.();
    this.#body?.release();
    this.#target.active--;
    this.#series.effective.response(outcome, performance.now() - this.#startMs);
  }

  /** An answer's head as the application's protocol wants it. */
  #answerHead(head: ResponseHead): ResponseHead {
    const fields = withoutFields(head.fields, OWN_FIELDS);
    const kept = this.#head.version ? fields : http2Fields(fields);
    return kept === head.fields ? head : { status: head.status, fields: kept };
  }
}

function outcomeOf(head: ResponseHead, success: boolean, trailers: Fields | null): Outcome {
  return {
    status: head.status,
    success,
    grpcStatus: fieldValue(trailers ?? head.fields, 'grpc-status') ?? '',
    error: fieldValue(head.fields, PROXY_ERROR_HEADER) ?? '',
  };
}

function failed(reason: ProxyErrorReason): Outcome {
  return { status: statusOf(reason), success: false, grpcStatus: '', error: reason };
}
