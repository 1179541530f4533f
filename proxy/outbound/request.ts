import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { Route } from '../../api/routing.ts';
import { answer, answerFault, type Failure, resetFailure } from '../answers.ts';
import type { AttemptResult } from '../breaker/breaker.ts';
import type { FilterChain, OwnAnswer } from '../filters/filter-chain.ts';
import {
  type Fields,
  http2Fields,
  opensTunnel,
  type RequestHead,
  type ResponseHead,
  type ServerStream,
  type StreamListener,
} from '../http.ts';
import { brokenOff, CANCEL, INTERNAL_ERROR } from '../http2/wire-vocabulary.ts';
import { trailersOf } from '../mesh-fields.ts';
import type { Outcome } from '../telemetry/metrics.ts';
import { ConnectError } from '../transport/dialer.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { turnAfter } from '../transport/turn.ts';
import { Attempt, type AttemptListener } from './attempt.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { endpointHead } from './endpoint-head.ts';
import { FAIL_FAST_MS, waitForEndpoint } from './endpoint-wait.ts';
import { MirrorRequest } from './mirror-request.ts';
import { noteFailure, type OutboundContext } from './outbound-context.ts';
import * as ends from './outcome.ts';
import { RequestBody } from './request-body.ts';
import { hasTimeouts, RequestTimers, type TimeoutListener } from './request-timers.ts';
import { mayTryAgain, Retries, type RetryVerdict } from './retries.ts';
import { RoutedRequest } from './routed-request.ts';
import type { RouteSeries, Target } from './target.ts';

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
export class OutboundRequest implements StreamListener, AttemptListener, TimeoutListener {
  readonly #downstream: ServerStream;
  readonly #target: Target;
  readonly #context: OutboundContext;
  /** Read from the clock directly, as every time here: one that comes by way of an object is boxed. */
  readonly #startMs = performance.now();
  readonly #routed: RoutedRequest;
  readonly #series: RouteSeries;
  /** Null: the request has no body. */
  readonly #body: RequestBody | null;
  readonly #timers: RequestTimers | null;
  #attempt: Attempt | null = null;
  /** Made when an attempt has failed: most requests have no use for it. */
  #retries: Retries<EndpointClient> | null = null;
  /** Of the last wait, over or not; harmless then. */
  #cancelWait: (() => void) | null = null;
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
    const routed = new RoutedRequest(head, target, client);
    this.#routed = routed;
    const { name, retry, timeouts } = routed.compiled.route;
    this.#series = target.series(name);
    this.#body = end ? null : new RequestBody(downstream, retry?.maxBodyBytes ?? REPLAY_BYTES);
    target.active++;
    target.budget.deposit(this.#startMs);
    this.#series.effective.request();
    const isTimed = hasTimeouts(timeouts) || routed.deadlineMs > 0;
    this.#timers = isTimed ? new RequestTimers(timeouts, routed.deadlineMs, this) : null;
    if (end) this.#timers?.onRequestEnd();
    if (routed.refusal) this.#fail(routed.refusal);
    else if (routed.filters) this.#filter(routed.filters);
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
    this.#body!.onTrailers(trailersOf(fields), this.#attempt);
    this.#attempt?.onRequestEnd();
  }

  /** The application has given up: so does the server, at once. */
  onReset(): void {
    if (!this.#over) this.#attempt?.finish(ends.CANCELLED_OUTCOME, null);
    this.#attempt?.cancel(CANCEL);
    this.#body?.cancel();
    this.#end(ends.CANCELLED_OUTCOME);
  }

  onSent(octets: number): void {
    this.#attempt?.stream?.grant(octets);
  }

  onResponse(): void {}
  onInformational(): void {}

  // From the attempt.

  get isComplete(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  /** Sends what has come of the body, and hands over to the flow. */
  onStream(attempt: Attempt): void {
    const { stream } = attempt;
    if (!stream) return;
    const head = this.#routed.headAfter(performance.now() - this.#startMs);
    stream.sendRequest(endpointHead(attempt.client, head, this.#target), this.#body?.isEmpty ?? true);
    this.#context.metrics.addedOutbound.observe((performance.now() - this.#startMs) / 1000);
    this.#body?.sendTo(attempt);
  }

  onUnavailable(attempt: Attempt, error: ConnectError): void {
    attempt.client.onUnreachable(error);
    if (this.#over) return;
    const verdict = this.#askRetries().onUnreachable(attempt.client, error.reason);
    attempt.finish(ends.failedOutcome(error.reason), ends.unreachableResult(error));
    if (!this.#follow(verdict)) this.#fail(ends.unreachableFailure(attempt.client.endpoint, error));
  }

  onPerTryTimeout(attempt: Attempt, ms: number): void {
    const verdict = this.#askRetries().onPerTryTimeout(attempt.client);
    // An endpoint owes nothing to a client that has not said all.
    const result = this.isComplete ? 'local' : null;
    if (verdict.waitMs !== null) {
      attempt.finish(ends.failedOutcome('per_try_timeout'), result);
      attempt.cancel(CANCEL);
    }
    if (!this.#follow(verdict)) this.#fail(ends.perTryFailure(attempt.client.endpoint, ms, this.#route), result);
  }

  isTunnel(head: ResponseHead): boolean {
    return opensTunnel(this.#routed.head, head);
  }

  onAnswerInformational(head: ResponseHead): void {
    if (!this.#committed) this.#downstream.sendResponse(this.#routed.answerHead(head), false);
  }

  onAnswer(attempt: Attempt, head: ResponseHead, end: boolean): boolean {
    const isSuccess = this.#routed.compiled.isSuccess(head.status, ends.grpcStatusOf(head, null));
    if (mayTryAgain(this.#route.retry, head, isSuccess) && this.#triesAgain(attempt, head, end, isSuccess))
      return false;
    if (this.isTunnel(head)) this.#timers?.onTunnel();
    else this.#timers?.onHead();
    this.#committed = true;
    this.#body?.release();
    this.#downstream.sendResponse(this.#routed.answerHead(head), end);
    return true;
  }

  onAnswerData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#timers?.onActivity();
    const sent = this.#downstream.sendData(bytes, start, end, last);
    if (sent > 0) attempt.stream?.grant(sent);
  }

  onAnswerTrailers(fields: Fields): void {
    const kept = trailersOf(fields);
    this.#downstream.sendTrailers(this.#routed.head.version ? kept : http2Fields(kept));
  }

  onAnswerEnd(attempt: Attempt, head: ResponseHead, trailers: Fields | null): void {
    const isSuccess = this.#routed.compiled.isSuccess(head.status, ends.grpcStatusOf(head, trailers));
    const outcome = ends.answeredOutcome(head, isSuccess, trailers);
    attempt.finish(outcome, ends.answerResult(head, isSuccess));
    this.#end(outcome);
  }

  onAnswerReset(attempt: Attempt, code: number): void {
    if (this.#over) return;
    const verdict = this.#askRetries().onReset(attempt.client, code, this.#committed);
    const failure = resetFailure('endpoint_reset', ends.addressOf(attempt.client.endpoint), code);
    attempt.finish(ends.failedOutcome(failure.reason), ends.resetResult(code, attempt.client.hasWeftProxy));
    if (this.#follow(verdict)) return;
    if (!this.#committed) return this.#fail(failure);
    this.#downstream.reset(brokenOff(code));
    this.#end(ends.BROKEN_OFF_OUTCOME);
  }

  onRestRefused(): void {
    this.#downstream.refuseRest();
  }

  onRequestSent(octets: number): void {
    this.#body?.onPassed(octets);
  }

  // Layers.

  /** Filters: an answer in the backend's stead, a fault, or the request as it goes on. */
  #filter(filters: FilterChain): void {
    const preflight = filters.preflight(this.#routed.head);
    if (preflight) return this.#answerSelf(preflight);
    const { delay } = filters.fault ?? {};
    if (delay && delay.ms > 0 && this.#context.random() < delay.fraction)
      this.#wait(delay.ms, () => this.#filterOn(filters));
    else this.#filterOn(filters);
  }

  #filterOn(filters: FilterChain): void {
    const { random } = this.#context;
    const routed = this.#routed;
    const { abort } = filters.fault ?? {};
    if (abort && random() < abort.fraction) return this.#abort(abort);
    const own = filters.ownAnswer(routed.head, this.#target.description.port, routed.headerContext);
    if (own) return this.#answerSelf(own);
    const forwarded = routed.filter(filters);
    const mirrors = filters.mirrors
      .filter(({ fraction }) => random() < fraction)
      .map(({ backend }) => new MirrorRequest(forwarded, this.#body === null, this.#target, backend));
    this.#body?.copyTo(mirrors);
    this.#try();
  }

  /** Bounds, balance, connect. */
  #try(): void {
    const { backend, hash, version } = this.#routed;
    const { retry } = this.#route;
    const client = backend.pick(performance.now(), hash, this.#retries?.tried ?? null, retry?.leavesLocality);
    if (!client) return this.#awaitEndpoints();
    const overflow = backend.overflow(client, version);
    if (overflow !== null) return this.#fail(ends.overflowFailure(overflow));
    this.#attempt = new Attempt(this, client, this.#series, version);
    this.#attempt.start(this.#retries?.isRetry ?? false, retry?.perTryMs ?? 0);
  }

  /** The backend has no endpoint that may be used: as its rule says, at once or after a while. */
  #awaitEndpoints(): void {
    const { backend, hash } = this.#routed;
    const { name, description } = backend;
    if (this.#target.isRetired) return this.#fail(ends.retiredFailure(name));
    const why = ends.whyEmpty(description);
    if (description.whenEmpty) return this.#fail(ends.emptyFailure(name, why, description.whenEmpty));
    const look = () => this.#target.isRetired || backend.pick(performance.now(), hash, null) !== null;
    this.#cancelWait = waitForEndpoint(this.#target, look, (found) => {
      if (found) this.#try();
      else this.#fail(ends.failFastFailure(name, why, FAIL_FAST_MS));
    });
  }

  /** Gives an answer up for another attempt, where the retries say so. */
  #triesAgain(attempt: Attempt, head: ResponseHead, end: boolean, isSuccess: boolean): boolean {
    const verdict = this.#askRetries().onAnswer(attempt.client, head, isSuccess);
    const isLocal = verdict.because === 'not_arrived';
    if (verdict.waitMs !== null) {
      const result = isLocal ? 'local' : ends.answerResult(head, isSuccess);
      attempt.finish(ends.answeredOutcome(head, isSuccess, null), result);
      if (!end) attempt.cancel(CANCEL);
    }
    if (isLocal) attempt.client.onUnreachable(new ConnectError('connect_failed', 'its application cannot be reached'));
    return this.#follow(verdict);
  }

  #askRetries(): Retries<EndpointClient> {
    const { retry } = this.#route;
    this.#retries ??= new Retries(retry, this.#body, this.#routed.backend.share, this.#target, this.#context);
    return this.#retries;
  }

  /** Tries again, or counts why not. @returns whether it does; the attempt before is given up by then */
  #follow({ waitMs, because }: RetryVerdict): boolean {
    if (because === 'rule') this.#series.retried.value++;
    else if (because === 'limit' || because === 'no_budget') this.#series.skipped(because).value++;
    if (waitMs === null) return false;
    this.#attempt = null;
    if (waitMs < 1) this.#try();
    else this.#tryAfter(waitMs);
    return true;
  }

  #tryAfter(ms: number): void {
    this.#wait(ms, () => this.#try());
  }

  #wait(ms: number, then: () => void): void {
    const timer = turnAfter(Math.min(ms, MAX_TIMER_MS), then);
    this.#cancelWait = () => clearTimeout(timer);
  }

  // Ends.

  onTimeout(reason: ProxyErrorReason, ms: number): void {
    this.#fail(ends.timeoutFailure(reason, ms, this.#routed.deadlineMs, this.#route));
  }

  /** An injected fault: it is the route's own doing, and counts as such. */
  #abort(abort: { readonly status: number } | { readonly grpc: number }): void {
    this.#note({ reason: 'fault_injected', message: `a fault of ${this.#route.origin}` });
    this.#committed = true;
    this.#downstream.refuseRest();
    this.#end(ends.faultOutcome(answerFault(this.#downstream, abort, this.#routed.isGrpc)));
  }

  /** A redirect, a direct response or a preflight's answer. */
  #answerSelf({ head, body }: OwnAnswer): void {
    this.#committed = true;
    this.#downstream.refuseRest();
    this.#downstream.sendResponse(head, body.length === 0);
    if (body.length > 0) this.#downstream.sendData(body, 0, body.length, true);
    this.#end(ends.answeredOutcome(head, this.#routed.compiled.isSuccess(head.status, ''), null));
  }

  /** @param result what it says of the endpoint of the attempt under way */
  #fail(failure: Failure, result: AttemptResult | null = null): void {
    if (this.#over) return;
    const outcome = ends.failedOutcome(failure.reason);
    this.#note(failure);
    this.#attempt?.finish(outcome, result);
    this.#attempt?.cancel(CANCEL);
    this.#end(outcome);
    if (this.#committed) this.#downstream.reset(INTERNAL_ERROR);
    else answer(this.#downstream, failure, { grpc: this.#routed.isGrpc, audience: 'peer' });
  }

  get #route(): Route {
    return this.#routed.compiled.route;
  }

  #note(failure: Failure): void {
    const { name, port } = this.#target.description;
    const { method, path } = this.#routed.head;
    const endpoint = this.#attempt?.client.id ?? '';
    const route = this.#route.name;
    noteFailure(this.#context, failure, { target: `${name}:${port}`, route, method, path, endpoint });
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#timers?.stop();
    this.#cancelWait?.();
    this.#body?.release();
    this.#target.active--;
    this.#series.effective.response(outcome, performance.now() - this.#startMs);
  }
}

/** Octets of body kept for a second attempt, where the route's rule names no other bound. */
const REPLAY_BYTES = 65_536;
