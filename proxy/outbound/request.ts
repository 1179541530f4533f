import { ORIG_PROTO_HEADER, PROXY_ERROR_HEADER, type ProxyErrorReason } from '../../api/proxy-headers.ts';
import { OWN_BACKEND, type RetryConditions } from '../../api/routing.ts';
import type { FailureLog } from '../admin/failure-log.ts';
import { answer, answerFault, type Failure, statusOf } from '../answers.ts';
import { NO_HASH } from '../balance/balancer.ts';
import type { AttemptResult } from '../breaker/breaker.ts';
import { type FilterChain, filtersOf, type OwnAnswer } from '../filters/filter-chain.ts';
import type { HeaderContext } from '../filters/header-change.ts';
import {
  type Fields,
  fieldValue,
  http2Fields,
  isGrpc,
  opensTunnel,
  type RequestHead,
  type ResponseHead,
  type ServerStream,
  type StreamListener,
  upgradeUnsupported,
  withOfferedUpgrade,
  withoutFields,
} from '../http.ts';
import { CANCEL, NO_ERROR, REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import { type CompiledRoute, NOT_FOUND } from '../routing/route-table.ts';
import type { Metrics, Outcome } from '../telemetry/metrics.ts';
import { ConnectError } from '../transport/dialer.ts';
import { turnAfter } from '../transport/turn.ts';
import { Attempt } from './attempt.ts';
import type { OutboundBackend } from './backend.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { endpointHead } from './endpoint-head.ts';
import { FAIL_FAST_MS, waitForEndpoint } from './endpoint-wait.ts';
import { grpcTimeoutMs, withGrpcTimeout } from './grpc-timeout.ts';
import { MirrorRequest } from './mirror-request.ts';
import { RequestBody } from './request-body.ts';
import { requestHash, type StickyCookie } from './request-hash.ts';
import { overriddenRequest } from './request-overrides.ts';
import { hasTimeouts, RequestTimers } from './request-timers.ts';
import { backoffMs, pushbackMs, retriesAnswer } from './retry-rule.ts';
import type { RouteSeries, Target } from './target.ts';

/** What a request needs of the proxy. */
export interface OutboundContext {
  readonly metrics: Metrics;
  readonly failures: FailureLog;
}

/** Octets of body kept for a second attempt, where the route's rule names no other bound. */
const REPLAY_BYTES = 65_536;
/** Status under which a request is counted that the application gave up (nginx's 499); nobody is sent it. */
const CLIENT_CLOSED = 499;
/** What an endpoint's proxy says of an application that has not seen the request. */
const NOT_ARRIVED: ReadonlySet<string> = new Set<ProxyErrorReason>(['connect_failed', 'connect_timeout']);
/** Another endpoint would not help, or must not be tried: the fault is one of identity, or of a bound. */
const FINAL_FAULTS = new Set<ProxyErrorReason>(['destination_identity_mismatch', 'identity_not_ready', 'overflow']);
/** What is between proxies alone. */
const OWN_FIELDS = [ORIG_PROTO_HEADER];
/** Attempts to connect, each to another endpoint where there is one. */
const CONNECT_ATTEMPTS = 3;
/** A server that asks for a longer wait is not tried again: its answer goes to the application. */
const MAX_PUSHBACK_MS = 5000;

/**
 * One request of the application on its way out.
 *
 *     route ─▶ split ─▶ filters ─▶ timeouts ─▶ bounds ─▶ balance ─▶ connection ─▶ attempt ─▶ classify ─▶ answer
 *                          │                     ▲                                             │
 *                          ├─▶ own answer        └──── retry (rule, budget, bound, wait) ──────┘
 *                          └─▶ mirrors
 *
 * The answer is committed when its head goes to the application; nothing is tried again after that.
 */
export class OutboundRequest implements StreamListener {
  readonly #downstream: ServerStream;
  /** As the application sent it, without what only the proxy was to know. */
  readonly #head: RequestHead;
  readonly #target: Target;
  readonly #context: OutboundContext;
  /** `host:port` of the application's connection. */
  readonly #client: string;
  readonly #route: CompiledRoute;
  readonly #series: RouteSeries;
  readonly #filters: FilterChain | null;
  readonly #backend: OutboundBackend;
  readonly #grpc: boolean;
  readonly #startMs = performance.now();
  /** Null: the request has no body. */
  readonly #body: RequestBody | null;
  readonly #timers: RequestTimers | null;
  /** What the client gives the request, milliseconds; 0: it does not say. */
  readonly #deadlineMs: number;
  readonly #hash: number;
  /** A cookie that keeps the client at its endpoint, to be set with the answer. */
  #cookie: StickyCookie | null = null;
  /** As it goes to the backend. */
  #forwarded: RequestHead;
  #attempt: Attempt | null = null;
  #perTry: NodeJS.Timeout | null = null;
  #cancelWait: (() => void) | null = null;
  #tried: EndpointClient[] | null = null;
  /** Attempts after the first. */
  #retries = 0;
  /** Those of them that a rule allowed. */
  #ruledRetries = 0;
  #connectFailures = 0;
  #committed = false;
  #over = false;

  /** @param client `host:port` of the application's connection */
  constructor(
    downstream: ServerStream,
    head: RequestHead,
    end: boolean,
    target: Target,
    context: OutboundContext,
    client: string,
  ) {
    this.#downstream = downstream;
    this.#target = target;
    this.#context = context;
    this.#client = client;
    this.#grpc = isGrpc(head);
    const found = target.route(head);
    const overridden = target.description.requestOverrides ? overriddenRequest(head, found) : null;
    const compiled = overridden?.route ?? found;
    const asked = overridden?.head ?? head;
    const offered = withOfferedUpgrade(asked);
    this.#head = offered ?? asked;
    this.#forwarded = this.#head;
    this.#route = compiled;
    const { route } = compiled;
    this.#series = target.series(route.name);
    this.#body = end ? null : new RequestBody(downstream, route.retry?.maxBodyBytes ?? REPLAY_BYTES);
    const alternative = compiled.pick();
    this.#filters = filtersOf(route, alternative);
    this.#backend = target.backend(alternative?.backend ?? OWN_BACKEND);
    target.active++;
    target.budget.deposit(this.#startMs);
    this.#series.effective.request();
    this.#deadlineMs = this.#grpc ? grpcTimeoutMs(head.fields) : 0;
    this.#timers =
      hasTimeouts(route.timeouts) || this.#deadlineMs > 0
        ? new RequestTimers(route.timeouts, this.#deadlineMs, (reason, ms) => this.#onTimeout(reason, ms))
        : null;
    if (end) this.#timers?.onRequestEnd();
    const { hash } = this.#backend.description.balancer ?? {};
    const sticky = hash ? requestHash(hash, head, client) : null;
    this.#hash = sticky?.hash ?? NO_HASH;
    this.#cookie = sticky?.cookie ?? null;
    if (!offered) this.#fail(upgradeUnsupported(asked));
    else if (found === NOT_FOUND) this.#failUnmatched();
    else if (this.#filters) this.#filter(this.#filters);
    else this.#try();
  }

  // From the application.

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#timers?.onActivity();
    if (last) this.#timers?.onRequestEnd();
    this.#body!.onData(bytes, start, end, last, this.#attempt);
    if (last) this.#attempt?.onRequestEnd();
  }

  onTrailers(fields: Fields): void {
    this.#timers?.onRequestEnd();
    this.#body!.onTrailers(fields, this.#attempt);
    this.#attempt?.onRequestEnd();
  }

  /** The application has given up: so does the server, at once. */
  onReset(): void {
    if (this.#over) return;
    const outcome: Outcome = { status: CLIENT_CLOSED, success: true, grpcStatus: '', error: 'cancelled' };
    this.#attempt?.finish(outcome, null);
    this.#attempt?.cancel(CANCEL);
    this.#body?.cancel();
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
    stream.sendRequest(endpointHead(attempt.client, this.#headToSend(), this.#target), this.#body?.isEmpty ?? true);
    this.#context.metrics.addedOutbound.observe((performance.now() - this.#startMs) / 1000);
    this.#body?.sendTo(attempt);
  }

  /** Whether an answer turns the request into a tunnel. */
  isTunnel(head: ResponseHead): boolean {
    return opensTunnel(this.#head, head);
  }

  onUpstreamSent(octets: number): void {
    this.#body?.onPassed(octets);
  }

  onUpstreamInformational(head: ResponseHead): void {
    if (!this.#committed) this.#downstream.sendResponse(this.#answerHead(head), false);
  }

  /** @returns false: the attempt was given up for another one */
  onUpstreamResponse(attempt: Attempt, head: ResponseHead, end: boolean): boolean {
    if (this.#perTry) clearTimeout(this.#perTry);
    const success = this.#route.isSuccess(head.status, fieldValue(head.fields, 'grpc-status') ?? '');
    if (!success && this.#neverArrived(attempt, head)) {
      attempt.finish(outcomeOf(head, success, null), 'local');
      if (!end) attempt.cancel(CANCEL);
      attempt.client.noteConnect(new ConnectError('connect_failed', 'its application cannot be reached'));
      this.#retry(attempt.client, 0);
      return false;
    }
    const { retry } = this.#route.route;
    if (retry !== null && retriesAnswer(retry, head, success)) {
      const asked = pushbackMs(head, Date.now());
      if ((asked ?? 0) <= MAX_PUSHBACK_MS && this.#mayRetry()) {
        attempt.finish(outcomeOf(head, success, null), success ? 'success' : 'failure');
        if (!end) attempt.cancel(CANCEL);
        this.#retryByRule(attempt.client, asked);
        return false;
      }
    }
    this.#timers?.onHead();
    this.#committed = true;
    this.#body?.release();
    this.#downstream.sendResponse(this.#answerHead(head), end);
    return true;
  }

  onUpstreamData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#timers?.onActivity();
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
    attempt.finish(outcome, outcome.success ? 'success' : 'failure');
    this.#end(outcome);
  }

  onUnavailable(attempt: Attempt, error: ConnectError): void {
    attempt.client.noteConnect(error);
    if (this.#over) return;
    const outcome = failed(error.reason);
    attempt.finish(outcome, FINAL_FAULTS.has(error.reason) ? null : 'local');
    // Nothing was sent: another endpoint may be tried, whatever the rules.
    if (!FINAL_FAULTS.has(error.reason)) {
      if (++this.#connectFailures < CONNECT_ATTEMPTS) return this.#retry(attempt.client, 0);
      if (this.#ruleSays('connect-failure') && this.#mayRetry()) return this.#retryByRule(attempt.client, null);
    }
    this.#fail({
      reason: error.reason,
      message: `${attempt.client.endpoint.address}:${attempt.client.endpoint.port}: ${error.message}`,
    });
  }

  onUpstreamReset(attempt: Attempt, code: number): void {
    if (this.#over) return;
    const isUnprocessed = code === REFUSED_STREAM;
    attempt.finish(failed('endpoint_reset'), 'local');
    if (!this.#committed && this.#canReplay) {
      if (isUnprocessed && this.#retries < CONNECT_ATTEMPTS) return this.#retry(attempt.client, 0);
      const isRuled =
        this.#ruleSays('failure') || this.#ruleSays('reset') || (isUnprocessed && this.#ruleSays('refused-stream'));
      if (isRuled && this.isComplete && this.#mayRetry()) return this.#retryByRule(attempt.client, null);
    }
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
  get isComplete(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  get #canReplay(): boolean {
    return this.#body === null || this.#body.canReplay;
  }

  // Layers.

  /** Filters: an answer in the backend's stead, a fault, or the request as it goes on. */
  #filter(filters: FilterChain): void {
    const preflight = filters.preflight(this.#head);
    if (preflight) return this.#answerSelf(preflight);
    const { fault } = filters;
    const delayMs = fault?.delay && Math.random() < fault.delay.fraction ? fault.delay.ms : 0;
    if (delayMs > 0) this.#wait(delayMs, () => this.#filterOn(filters));
    else this.#filterOn(filters);
  }

  #filterOn(filters: FilterChain): void {
    const { abort } = filters.fault ?? {};
    if (abort && Math.random() < abort.fraction) return this.#abort(abort);
    const own = filters.ownAnswer(this.#head, this.#target.description.port, this.#headerContext);
    if (own) return this.#answerSelf(own);
    this.#forwarded = filters.forward(this.#head, this.#headerContext);
    const mirrors = filters.mirrors
      .filter(({ fraction }) => Math.random() < fraction)
      .map(({ backend }) => new MirrorRequest(this.#forwarded, this.#body === null, this.#target, backend));
    this.#body?.copyTo(mirrors);
    this.#try();
  }

  /** Bounds, balance, connect. */
  #try(): void {
    const client = this.#backend.pick(
      performance.now(),
      this.#hash,
      this.#tried,
      this.#route.route.retry?.leavesLocality,
    );
    if (!client) return this.#awaitEndpoints();
    const overflow = this.#overflow(client);
    if (overflow !== null) return this.#fail({ reason: 'overflow', message: overflow });
    this.#attempt = new Attempt(this, client, this.#series, this.#head.version ? 'http1' : 'http2');
    const perTryMs = this.#route.route.retry?.perTryMs ?? 0;
    if (perTryMs > 0) this.#startPerTry(this.#attempt, perTryMs);
    this.#attempt.start(this.#retries > 0);
  }

  /** What bound of the backend another attempt would exceed; null: none. */
  #overflow(client: EndpointClient): string | null {
    const { limits, active, pending } = this.#backend.share;
    if (limits.maxRequests !== undefined && active >= limits.maxRequests)
      return `${active} requests are under way to ${this.#backendName}, as many as may be`;
    if (limits.maxPendingRequests === undefined || pending < limits.maxPendingRequests) return null;
    if (client.pool(this.#head.version ? 'http1' : 'http2').isFree) return null;
    return `${pending} requests wait for a connection to ${this.#backendName}, as many as may`;
  }

  #startPerTry(attempt: Attempt, ms: number): void {
    this.#perTry = turnAfter(ms, () => this.#onPerTry(attempt, ms));
  }

  #onPerTry(attempt: Attempt, ms: number): void {
    if (this.#over || this.#committed || attempt !== this.#attempt) return;
    const { address, port } = attempt.client.endpoint;
    if (this.#ruleSays('head-timeout') && this.isComplete && this.#canReplay && this.#mayRetry()) {
      attempt.finish(failed('per_try_timeout'), 'local');
      attempt.cancel(CANCEL);
      return this.#retryByRule(attempt.client, null);
    }
    const message = `no answer of ${address}:${port} within ${ms} ms, the time that ${this.#route.route.origin} gives an attempt`;
    this.#fail({ reason: 'per_try_timeout', message }, 'local');
  }

  /** The backend has no endpoint that may be used: as its rule says, at once or after a while. */
  #awaitEndpoints(): void {
    if (this.#target.isRetired)
      return this.#fail({ reason: 'target_unknown', message: `${this.#backendName}: destination knows it no more` });
    const { whenEmpty, endpoints } = this.#backend.description;
    const why = endpoints.length > 0 ? `all ${endpoints.length} endpoints are ejected` : 'it has no ready endpoint';
    if (whenEmpty) {
      const reason = whenEmpty === 503 ? 'no_endpoint' : 'backend_unknown';
      return this.#fail({ reason, message: `${this.#backendName}: ${why}` });
    }
    const look = () => this.#target.isRetired || this.#backend.pick(performance.now(), this.#hash, null) !== null;
    this.#cancelWait = waitForEndpoint(this.#target, look, (found) => {
      this.#cancelWait = null;
      if (found) this.#try();
      else this.#fail({ reason: 'fail_fast', message: `${this.#backendName}: ${why} for ${FAIL_FAST_MS} ms` });
    });
  }

  get #backendName(): string {
    const { service, port, subset } = this.#backend.description;
    return `${service}:${port}${subset ? `, subset ${subset}` : ''}`;
  }

  /** The endpoint's proxy says that its application could not be connected to: another one may be tried, whatever the rules. */
  #neverArrived(attempt: Attempt, head: ResponseHead): boolean {
    if (!attempt.client.hasWeftProxy || !this.#canReplay) return false;
    const reason = fieldValue(head.fields, PROXY_ERROR_HEADER);
    return reason !== null && NOT_ARRIVED.has(reason) && ++this.#connectFailures < CONNECT_ATTEMPTS;
  }

  #ruleSays(outcome: RetryConditions['outcomes'][number]): boolean {
    return this.#route.route.retry?.on.outcomes.includes(outcome) ?? false;
  }

  /** Whether what the rule tries again may be: the answer has not begun, the body can be sent again, and bounds allow it. */
  #mayRetry(): boolean {
    const { retry } = this.#route.route;
    if (!retry || this.#committed || !this.isComplete || !this.#canReplay) return false;
    if (retry.limit > 0 && this.#ruledRetries >= retry.limit) return false;
    const { limits, retries } = this.#backend.share;
    if (retries >= (limits.maxRetries ?? Number.POSITIVE_INFINITY)) {
      this.#series.skipped('limit').value++;
      return false;
    }
    if (!this.#target.budget.withdraw(performance.now())) {
      this.#series.skipped('no_budget').value++;
      return false;
    }
    this.#series.retried.value++;
    return true;
  }

  /** @param asked what the server wants to be waited for, milliseconds; null: it does not say */
  #retryByRule(tried: EndpointClient, asked: number | null): void {
    this.#ruledRetries++;
    const { retry } = this.#route.route;
    this.#retry(tried, asked ?? backoffMs(retry!, this.#ruledRetries, Math.random()));
  }

  #retry(tried: EndpointClient, waitMs: number): void {
    if (this.#perTry) clearTimeout(this.#perTry);
    this.#retries++;
    this.#attempt = null;
    const { retry } = this.#route.route;
    if (!retry?.reusesEndpoints || retry.leavesLocality) {
      this.#tried ??= [];
      this.#tried.push(tried);
    }
    if (waitMs < 1) this.#try();
    else this.#wait(waitMs, () => this.#try());
  }

  #wait(ms: number, then: () => void): void {
    const timer = turnAfter(ms, () => {
      this.#cancelWait = null;
      then();
    });
    this.#cancelWait = () => clearTimeout(timer);
  }

  /** The head for the next attempt: a deadline that the client gave is lowered by the time that has gone. */
  #headToSend(): RequestHead {
    if (this.#deadlineMs === 0) return this.#forwarded;
    const goneMs = performance.now() - this.#startMs;
    if (goneMs < 1) return this.#forwarded;
    const fields = withGrpcTimeout(this.#forwarded.fields, this.#deadlineMs - goneMs);
    return { ...this.#forwarded, fields };
  }

  get #headerContext(): HeaderContext {
    return { head: this.#head, client: this.#client, route: this.#route.route.name };
  }

  #onTimeout(reason: ProxyErrorReason, ms: number): void {
    const { origin, timeouts } = this.#route.route;
    const isClients = reason === 'request_timeout' && ms === this.#deadlineMs && ms !== timeouts.requestMs;
    const what =
      reason === 'idle_timeout'
        ? 'not an octet'
        : reason === 'response_timeout'
          ? 'the answer is not done'
          : 'no answer';
    this.#fail({
      reason,
      message: `${what} within ${ms} ms, the ${isClients ? 'deadline of the client' : `timeout of ${origin}`}`,
    });
  }

  #failUnmatched(): void {
    const { name, port } = this.#target.description;
    this.#fail({
      reason: 'route_not_found',
      message: `no route of ${name}:${port} takes ${this.#head.method} ${this.#head.path.split('?', 1)[0]}`,
    });
  }

  /** An injected fault: it is the route's own doing, and counts as such. */
  #abort(abort: { readonly status: number } | { readonly grpc: number }): void {
    this.#note({ reason: 'fault_injected', message: `a fault of ${this.#route.route.origin}` });
    const head = answerFault(this.#downstream, abort, this.#grpc && !this.#head.version);
    this.#committed = true;
    this.#end({ ...outcomeOf(head, false, null), error: 'fault_injected' });
  }

  /** A redirect, a direct response or a preflight's answer. */
  #answerSelf({ head, body }: OwnAnswer): void {
    this.#committed = true;
    this.#downstream.sendResponse(head, body.length === 0);
    if (body.length > 0) this.#downstream.sendData(body, 0, body.length, true);
    this.#end(outcomeOf(head, this.#route.isSuccess(head.status, ''), null));
  }

  /** @param result what it says of the endpoint of the attempt under way */
  #fail(failure: Failure, result: AttemptResult | null = null): void {
    if (this.#over) return;
    const outcome = failed(failure.reason);
    this.#note(failure);
    this.#attempt?.finish(outcome, result);
    this.#attempt?.cancel(CANCEL);
    this.#end(outcome);
    if (this.#committed) this.#downstream.reset(CANCEL);
    else answer(this.#downstream, failure, { grpc: this.#grpc && !this.#head.version, audience: 'peer' });
  }

  /** Tells metrics and the admin port of an answer of the proxy's own. */
  #note(failure: Failure): void {
    const attempt = this.#attempt;
    this.#context.metrics.outboundErrors.with({ error: failure.reason }).value++;
    this.#context.failures.add('outbound', failure, {
      target: `${this.#target.description.name}:${this.#target.description.port}`,
      route: this.#route.route.name,
      method: this.#head.method,
      path: this.#head.path,
      endpoint: attempt ? `${attempt.client.endpoint.address}:${attempt.client.endpoint.port}` : '',
    });
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#timers?.stop();
    if (this.#perTry) clearTimeout(this.#perTry);
    this.#cancelWait?.();
    this.#body?.release();
    this.#target.active--;
    this.#series.effective.response(outcome, performance.now() - this.#startMs);
  }

  /** An answer's head as the application's protocol wants it. */
  #answerHead(head: ResponseHead): ResponseHead {
    let fields = withoutFields(head.fields, OWN_FIELDS);
    if (this.#filters) fields = this.#filters.answerFields(fields, this.#headerContext);
    if (this.#cookie) fields = [...fields, 'set-cookie', this.#cookie.header];
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
