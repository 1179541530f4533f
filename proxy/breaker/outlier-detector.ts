import type { OutlierDetection } from '../../api/traffic-policy.ts';
import type { AttemptResult, Breaker, BreakerContext, BreakerState, EjectionCause } from './breaker.ts';

/**
 * Istio's outlier detection: a run of errors ejects an endpoint at once, for the base time times the number of its
 * ejections; each healthy interval takes one off that number.
 *
 * Without split, what has no answer counts as 5xx and as gateway error. The endpoint is back as soon as its time is over,
 * where Envoy waits for its next sweep.
 *
 * Source: Envoy, "Outlier detection"; istio.io, DestinationRule `outlierDetection`.
 */
export class OutlierDetector implements Breaker {
  readonly #settings: OutlierDetection;
  readonly #context: BreakerContext;
  #run5xx = 0;
  #runGateway = 0;
  #runLocal = 0;
  #ejections = 0;
  #untilMs = 0;
  #isOut = false;
  /** The endpoint is gone: nobody would give back what is taken of the bound for what is still under way there. */
  #isRetired = false;
  /** When the number of ejections was last brought up to date. */
  #healthyMs = 0;

  constructor(settings: OutlierDetection, context: BreakerContext) {
    this.#settings = settings;
    this.#context = context;
  }

  isEjected(nowMs: number): boolean {
    if (!this.#isOut) return false;
    if (nowMs >= this.#untilMs) {
      this.#return(nowMs);
      return false;
    }
    return !this.#context.bound.isPanic;
  }

  onAttempt(): void {}

  onResult(result: AttemptResult, status: number, nowMs: number): void {
    if (this.#isRetired) return;
    this.#heal(nowMs);
    const { splitsLocalOrigin, errorStatuses } = this.#settings;
    if (result === 'local' && splitsLocalOrigin) {
      this.#runLocal++;
    } else {
      this.#runLocal = 0;
      const isServerError = result === 'local' || (errorStatuses ? errorStatuses.includes(status) : status >= 500);
      const isGatewayError = result === 'local' || (isServerError && status >= 502 && status <= 504);
      this.#run5xx = isServerError ? this.#run5xx + 1 : 0;
      this.#runGateway = isGatewayError ? this.#runGateway + 1 : 0;
    }
    const cause = this.#isOut ? null : this.#cause();
    if (cause && this.#context.bound.take()) this.#eject(cause, nowMs);
  }

  onAbandoned(): void {}

  retire(): void {
    if (this.#isOut) this.#context.bound.give();
    this.#isOut = false;
    this.#isRetired = true;
  }

  stateAt(nowMs: number): BreakerState {
    const isOut = this.#isOut && nowMs < this.#untilMs;
    return { state: isOut ? 'open' : 'closed', ejections: this.#ejections, untilMs: isOut ? this.#untilMs : 0 };
  }

  #cause(): EjectionCause | null {
    const { consecutive5xx, consecutiveGatewayErrors, consecutiveLocalFailures } = this.#settings;
    if (consecutive5xx > 0 && this.#run5xx >= consecutive5xx) return 'consecutive_5xx';
    if (consecutiveGatewayErrors > 0 && this.#runGateway >= consecutiveGatewayErrors) return 'gateway_errors';
    return consecutiveLocalFailures > 0 && this.#runLocal >= consecutiveLocalFailures ? 'local_origin' : null;
  }

  #eject(cause: EjectionCause, nowMs: number): void {
    const { baseEjectionMs, maxEjectionMs } = this.#settings;
    this.#ejections++;
    const duration = Math.min(Math.max(maxEjectionMs, baseEjectionMs), baseEjectionMs * this.#ejections);
    this.#untilMs = nowMs + duration;
    this.#isOut = true;
    this.#context.onEject(cause, duration);
  }

  #return(nowMs: number): void {
    this.#context.bound.give();
    this.#isOut = false;
    this.#run5xx = 0;
    this.#runGateway = 0;
    this.#runLocal = 0;
    this.#healthyMs = nowMs;
    this.#context.onReturn();
  }

  #heal(nowMs: number): void {
    if (this.#isOut || this.#ejections === 0) return;
    const intervals = Math.floor((nowMs - this.#healthyMs) / this.#settings.intervalMs);
    if (intervals <= 0) return;
    this.#ejections = Math.max(0, this.#ejections - intervals);
    this.#healthyMs += intervals * this.#settings.intervalMs;
  }
}
