import type {
  ConsecutiveFailures as ConsecutiveSettings,
  SuccessRate as SuccessRateSettings,
} from '../../api/traffic-policy.ts';
import { WindowCount } from '../balance/window-count.ts';
import type { AttemptResult, Breaker, BreakerContext, BreakerState, EjectionCause } from './breaker.ts';

/**
 * Linkerd's failure accrual.
 *
 * ```
 *              failures in a row, or too small a share of successes
 *     closed ──────────────────────────────────────────────────────▶ open
 *       ▲                                                             │ the penalty is over
 *       │ success                                                     ▼
 *       └──────────────────────────────────────────────────────── probation: one attempt
 *                                    failure: open again, for twice as long
 * ```
 *
 * Source: linkerd2-proxy, failure accrual; `balancer.linkerd.io/failure-accrual-*`.
 */
export class FailureAccrual implements Breaker {
  readonly #settings: ConsecutiveSettings | SuccessRateSettings;
  readonly #context: BreakerContext;
  /** Only where their share counts. */
  readonly #recent: { readonly successes: WindowCount; readonly results: WindowCount } | null;
  #state: BreakerState['state'] = 'closed';
  #failures = 0;
  #ejections = 0;
  /** What it opened for; a failure of its probation opens it for the same. */
  #openedFor: EjectionCause = 'consecutive_failures';
  #untilMs = 0;
  /** The attempt of the probation is under way. */
  #isProbing = false;
  /** The endpoint is gone: nobody would give back what is taken of the bound for what is still under way there. */
  #isRetired = false;

  constructor(settings: ConsecutiveSettings | SuccessRateSettings, context: BreakerContext) {
    this.#settings = settings;
    this.#context = context;
    this.#recent =
      settings.kind === 'success-rate'
        ? { successes: new WindowCount(settings.windowMs), results: new WindowCount(settings.windowMs) }
        : null;
  }

  isEjected(nowMs: number): boolean {
    if (this.#state === 'closed') return false;
    if (this.#state === 'open') {
      if (nowMs < this.#untilMs) return true;
      this.#state = 'probation';
      this.#isProbing = false;
    }
    return this.#isProbing;
  }

  onAttempt(): void {
    if (this.#state === 'probation') this.#isProbing = true;
  }

  onResult(result: AttemptResult, _status: number, nowMs: number): void {
    if (this.#state === 'open' || this.#isRetired) return;
    const isSuccess = result === 'success';
    this.#recent?.results.add(nowMs);
    if (isSuccess) this.#recent?.successes.add(nowMs);
    if (this.#state === 'probation') return isSuccess ? this.#close() : this.#open(this.#openedFor, nowMs);
    this.#failures = isSuccess ? 0 : this.#failures + 1;
    const cause = this.#cause(nowMs);
    if (cause && this.#context.bound.take()) this.#open(cause, nowMs);
  }

  onAbandoned(): void {
    this.#isProbing = false;
  }

  retire(): void {
    if (this.#state !== 'closed') this.#context.bound.give();
    this.#state = 'closed';
    this.#isRetired = true;
  }

  stateAt(nowMs: number): BreakerState {
    const isOver = this.#state === 'open' && nowMs >= this.#untilMs;
    const state = isOver ? 'probation' : this.#state;
    return { state, ejections: this.#ejections, untilMs: state === 'open' ? this.#untilMs : 0 };
  }

  #cause(nowMs: number): EjectionCause | null {
    const settings = this.#settings;
    if (settings.maxFailures > 0 && this.#failures >= settings.maxFailures) return 'consecutive_failures';
    if (settings.kind !== 'success-rate') return null;
    const total = this.#recent!.results.sum(nowMs);
    if (total < settings.minRequests) return null;
    return this.#recent!.successes.sum(nowMs) / total < settings.threshold ? 'success_rate' : null;
  }

  /** Penalties double from one to the next. */
  #open(cause: EjectionCause, nowMs: number): void {
    const { minPenaltyMs, maxPenaltyMs, jitterRatio } = this.#settings;
    const penalty = Math.min(maxPenaltyMs, minPenaltyMs * 2 ** Math.min(this.#ejections, 30));
    const duration = penalty * (1 + this.#context.random() * jitterRatio);
    this.#state = 'open';
    this.#openedFor = cause;
    this.#ejections++;
    this.#untilMs = nowMs + duration;
    this.#context.onEject(cause, duration);
  }

  #close(): void {
    this.#context.bound.give();
    this.#state = 'closed';
    this.#failures = 0;
    this.#ejections = 0;
    this.#recent?.successes.clear();
    this.#recent?.results.clear();
    this.#context.onReturn();
  }
}
