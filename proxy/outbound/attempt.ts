import type { AttemptResult } from '../breaker/breaker.ts';
import type { ClientStream, Fields, ResponseHead, StreamListener } from '../http.ts';
import type { Outcome } from '../telemetry/metrics.ts';
import type { ConnectError } from '../transport/dialer.ts';
import type { Waiter } from '../transport/http-pool.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { turnAfter } from '../transport/turn.ts';
import { blameOfAnswer } from './blame.ts';
import type { EndpointClient } from './endpoint-client.ts';
import { answerOf, endpointFields } from './endpoint-head.ts';
import type { RouteSeries } from './target.ts';

/**
 * Hears of an attempt: its request. First `onStream` or `onUnavailable`, and after a stream the answer as it comes, until
 * `onAnswerEnd`, `onAnswerReset`, or the attempt is given up. An answer may be whole before the request is, which goes on
 * being sent until it is, or `onRestRefused`.
 */
export interface AttemptListener {
  /** The whole request has come. */
  readonly isComplete: boolean;
  /** Whether an answer turns the request into a tunnel. */
  isTunnel(head: ResponseHead): boolean;
  /** A stream is open, and nothing sent on it yet. */
  onStream(attempt: Attempt): void;
  onUnavailable(attempt: Attempt, error: ConnectError): void;
  /** No head of an answer came within the time that was given the attempt, milliseconds. */
  onPerTryTimeout(attempt: Attempt, ms: number): void;
  onAnswerInformational(head: ResponseHead): void;
  /** @returns false: the attempt was given up for another one */
  onAnswer(attempt: Attempt, head: ResponseHead, end: boolean): boolean;
  onAnswerData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void;
  onAnswerTrailers(fields: Fields): void;
  /** The answer is complete. @param trailers null: it had none */
  onAnswerEnd(attempt: Attempt, head: ResponseHead, trailers: Fields | null): void;
  /** @param code of HTTP/2 */
  onAnswerReset(attempt: Attempt, code: number): void;
  /** The answer is whole, and the endpoint takes no more of the request. */
  onRestRefused(): void;
  /** Octets of the request that were held back have left. */
  onRequestSent(octets: number): void;
}

/** One try at one endpoint: waits for its stream, then listens to it. */
export class Attempt implements StreamListener, Waiter {
  readonly client: EndpointClient;
  stream: ClientStream | null = null;
  cancelled = false;
  readonly #request: AttemptListener;
  readonly #series: RouteSeries;
  readonly #version: 'http1' | 'http2';
  readonly #startMs = performance.now();
  #head: ResponseHead | null = null;
  #counted = false;
  #over = false;
  /** The answer has opened a tunnel: the attempt is over when both sides have ended. */
  #isTunnel = false;
  #answerDone = false;
  #isPending = false;
  #isRetry = false;
  #left = false;
  #perTry: NodeJS.Timeout | null = null;

  /** @param version of the application's HTTP */
  constructor(request: AttemptListener, client: EndpointClient, series: RouteSeries, version: 'http1' | 'http2') {
    this.#request = request;
    this.client = client;
    this.#series = series;
    this.#version = version;
  }

  get listener(): StreamListener {
    return this;
  }

  /**
   * Asks for a stream to the endpoint.
   *
   * @param isRetry another attempt came before
   * @param perTryMs what is given the attempt, until the head of its answer; 0: no bound
   */
  start(isRetry: boolean, perTryMs: number): void {
    if (perTryMs > 0) this.#startPerTry(perTryMs);
    const { load, share, breaker } = this.client;
    this.client.onAttempt(this.#startMs);
    load.inFlight++;
    load.asked();
    share.active++;
    share.pending++;
    this.#isPending = true;
    this.#isRetry = isRetry;
    if (isRetry) share.retries++;
    breaker?.onAttempt(this.#startMs);
    this.client.pool(this.#version).acquire(this);
  }

  onStream(stream: ClientStream): void {
    this.#wait(false);
    this.stream = stream;
    this.client.responses.request();
    this.#series.actual.request();
    this.#counted = true;
    this.#request.onStream(this);
  }

  onUnavailable(error: ConnectError): void {
    this.#wait(false);
    this.#over = true;
    this.#request.onUnavailable(this, error);
  }

  /** Fields as this endpoint is to get them, trailers as well. */
  fieldsFor(fields: Fields): Fields {
    return endpointFields(this.client, this.#version === 'http1' ? 'HTTP/1.1' : '', fields);
  }

  /** Gives the attempt up: nothing of it is heard any more. {@link finish} still says what counts. @param code of the reset */
  cancel(code: number): void {
    this.cancelled = true;
    this.#wait(false);
    if (this.#over) return;
    this.#over = true;
    this.stream?.reset(code);
  }

  /** The attempt's outcome is known. Counts it once. @param result what it says of the endpoint; null: nothing */
  finish(outcome: Outcome, result: AttemptResult | null): void {
    if (!this.#left && this.client.breaker) {
      if (result === null) this.client.breaker.onAbandoned();
      else this.client.breaker.onResult(result, result === 'local' ? 0 : serverStatus(outcome), performance.now());
    }
    if (!this.#counted) return this.#leave();
    this.#counted = false;
    const latencyMs = performance.now() - this.#startMs;
    this.client.responses.response(outcome, latencyMs);
    this.#series.actual.response(outcome, latencyMs);
    this.#leave();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#stopPerTry();
    this.#wait(false);
    const { load, share } = this.client;
    load.inFlight--;
    if (this.#head === null) {
      const nowMs = performance.now();
      // No answer is owed to a client that has not said all.
      if (this.#request.isComplete) load.abandoned(nowMs - this.#startMs, nowMs);
      else load.excused();
    }
    share.active--;
    if (this.#isRetry) share.retries--;
  }

  #startPerTry(ms: number): void {
    this.#perTry = turnAfter(Math.min(ms, MAX_TIMER_MS), () => this.#request.onPerTryTimeout(this, ms));
  }

  #stopPerTry(): void {
    if (this.#perTry) clearTimeout(this.#perTry);
  }

  #wait(isPending: boolean): void {
    if (this.#isPending && !isPending) this.client.share.pending--;
    this.#isPending = isPending;
  }

  onResponse(said: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#stopPerTry();
    const head = answerOf(this.client, said);
    const nowMs = performance.now();
    if (blameOfAnswer(head) === 'endpoint') this.client.load.answered(nowMs - this.#startMs, nowMs);
    else this.client.load.excused();
    this.#head = head;
    this.#isTunnel = this.#request.isTunnel(head);
    if (!this.#request.onAnswer(this, head, end)) {
      this.#over = true;
      return;
    }
    this.client.onAnswer();
    if (end) this.#onAnswerEnd(null);
  }

  /** The application has ended its direction. */
  onRequestEnd(): void {
    if (!this.#answerDone || this.#over) return;
    this.#over = true;
    if (this.#isTunnel) this.#request.onAnswerEnd(this, this.#head!, null);
  }

  onInformational(head: ResponseHead): void {
    if (!this.#over) this.#request.onAnswerInformational(answerOf(this.client, head));
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.#over) return;
    this.#request.onAnswerData(this, bytes, start, end, last);
    if (last) this.#onAnswerEnd(null);
  }

  onTrailers(fields: Fields): void {
    if (this.#over) return;
    this.#request.onAnswerTrailers(fields);
    this.#onAnswerEnd(fields);
  }

  onReset(code: number): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#answerDone && !this.#isTunnel) this.#request.onRestRefused();
    else this.#request.onAnswerReset(this, code);
  }

  onSent(octets: number): void {
    if (!this.#over) this.#request.onRequestSent(octets);
  }

  #onAnswerEnd(trailers: Fields | null): void {
    this.#answerDone = true;
    const { isComplete } = this.#request;
    if (isComplete) this.#over = true;
    if (isComplete || !this.#isTunnel) this.#request.onAnswerEnd(this, this.#head!, trailers);
  }
}

/** The HTTP status that says the same as a gRPC status, where that is the server's fault. */
function serverStatus({ status, grpcStatus }: Outcome): number {
  return SERVER_STATUS[grpcStatus] ?? status;
}

/** Source: google.rpc.Code, HTTP mapping. */
const SERVER_STATUS: Readonly<Record<string, number>> = {
  '2': 500,
  '4': 504,
  '12': 501,
  '13': 500,
  '14': 503,
  '15': 500,
};
