import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { RetryConditions, RetryPolicy } from '../../api/routing.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { RetryBudget } from '../balance/retry-budget.ts';
import { fieldValue, type ResponseHead } from '../http.ts';
import { REFUSED_STREAM } from '../http2/wire-vocabulary.ts';
import type { BackendShare } from './backend-share.ts';
import { BLAME, blameOfReset, farReason } from './blame.ts';
import type { RequestBody } from './request-body.ts';

/** What follows a failed attempt. */
export interface RetryVerdict {
  /** Another attempt after so many milliseconds; null: none. */
  readonly waitMs: number | null;
  readonly because: RetryReason;
}

/**
 * Why there is another attempt, or none.
 *
 * - `not_arrived`: again, because the application has provably not seen the request. `rule`: again, because the rule says so.
 * - `no_rule`: nothing says so. `final`: another endpoint would not help, or must not be tried. `delivered`: the client has
 *   something of the answer. `not_kept`, `incomplete`: the body was too long to be sent again, or has not come whole.
 * - `pushback`: the server asks for a longer wait than anybody waits. `attempts`: there were as many as the rule allows.
 * - `limit`, `no_budget`: the bound of the backend, or the budget of the target; causes in `route_retryable_total` too.
 */
export type RetryReason =
  | 'not_arrived'
  | 'rule'
  | 'no_rule'
  | 'final'
  | 'delivered'
  | 'not_kept'
  | 'incomplete'
  | 'pushback'
  | 'attempts'
  | 'limit'
  | 'no_budget';

/** What retries need of the proxy. */
export interface RetryContext {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/**
 * The retries of one request: told how an attempt failed, they say whether another follows, and count it.
 *
 *     it never reached the application ─▶ at once, a few times
 *     the rule names it ─▶ body kept and whole? ─▶ attempts left? ─▶ bound of the backend ─▶ budget ─▶ after its wait
 *     else ─▶ no
 *
 * Endpoints that were tried are remembered, to be avoided; of an `E` nothing else matters than whether our proxy answers.
 * They are asked while the attempt that failed still counts in `share`.
 */
export class Retries<E extends { readonly hasWeftProxy: boolean }> {
  readonly #policy: RetryPolicy | null;
  readonly #body: Pick<RequestBody, 'isComplete' | 'canReplay'> | null;
  readonly #share: Pick<BackendShare, 'limits' | 'retries'>;
  readonly #target: { readonly budget: Pick<RetryBudget, 'withdraw'> };
  readonly #context: RetryContext;
  /** Attempts after the first. */
  #made = 0;
  /** Those of them that the rule allowed. */
  #ruled = 0;
  #connectFailures = 0;
  /** Made at the first retry: most requests have none. */
  #tried: E[] | null = null;

  /**
   * @param policy the rule of the route; null: it has none
   * @param body null: the request has none
   * @param share bounds of the backend, and what is counted against them; read at each use
   * @param target whose budget is drawn on; an update may give it another
   */
  constructor(
    policy: RetryPolicy | null,
    body: Pick<RequestBody, 'isComplete' | 'canReplay'> | null,
    share: Pick<BackendShare, 'limits' | 'retries'>,
    target: { readonly budget: Pick<RetryBudget, 'withdraw'> },
    context: RetryContext,
  ) {
    this.#policy = policy;
    this.#body = body;
    this.#share = share;
    this.#target = target;
    this.#context = context;
  }

  /** Whether the next attempt is not the first. */
  get isRetry(): boolean {
    return this.#made > 0;
  }

  /** Endpoints that the next attempt avoids; null: none. */
  get tried(): readonly E[] | null {
    return this.#tried;
  }

  /** The head of an answer has come. @param isSuccess as the route classifies it */
  onAnswer(endpoint: E, head: ResponseHead, isSuccess: boolean): RetryVerdict {
    const reason = endpoint.hasWeftProxy ? farReason(head) : null;
    if (!isSuccess && reason !== null && this.#neverArrived(reason)) return this.#again(endpoint, AT_ONCE);
    const blame = reason === null ? 'endpoint' : BLAME[reason];
    if (blame === 'request') return FINAL;
    const policy = this.#policy;
    if (policy === null || !names(policy, head, isSuccess || blame !== 'endpoint')) return NO_RULE;
    const askedMs = pushbackMs(head, this.#context.clock.now());
    if (askedMs !== null && askedMs > MAX_PUSHBACK_MS) return PUSHBACK;
    return this.#byRule(endpoint, policy, askedMs);
  }

  /** There was no connection, and nothing was sent. */
  onUnreachable(endpoint: E, reason: ProxyErrorReason): RetryVerdict {
    if (BLAME[reason] !== 'endpoint') return FINAL;
    if (++this.#connectFailures < CONNECT_ATTEMPTS) return this.#again(endpoint, AT_ONCE);
    return this.#onCondition(endpoint, this.#has('connect-failure'));
  }

  /** The attempt ended without a whole answer. @param isDelivered something of the answer has gone to the client */
  onReset(endpoint: E, code: number, isDelivered: boolean): RetryVerdict {
    if (isDelivered) return DELIVERED;
    if (blameOfReset(code, endpoint.hasWeftProxy) === 'request') return FINAL;
    const isUnprocessed = code === REFUSED_STREAM;
    if (isUnprocessed && this.#canReplay && this.#made < CONNECT_ATTEMPTS) return this.#again(endpoint, AT_ONCE);
    const isNamed = this.#has('failure') || this.#has('reset') || (isUnprocessed && this.#has('refused-stream'));
    return this.#onCondition(endpoint, isNamed);
  }

  /** The time that the rule gives one attempt has passed before the head of an answer came. */
  onPerTryTimeout(endpoint: E): RetryVerdict {
    return this.#onCondition(endpoint, this.#has('head-timeout'));
  }

  /** The endpoint's proxy says that its application could not be connected to. */
  #neverArrived(reason: ProxyErrorReason): boolean {
    return this.#canReplay && NOT_ARRIVED.has(reason) && ++this.#connectFailures < CONNECT_ATTEMPTS;
  }

  get #canReplay(): boolean {
    return this.#body === null || this.#body.canReplay;
  }

  #has(outcome: RetryConditions['outcomes'][number]): boolean {
    return this.#policy?.on.outcomes.includes(outcome) ?? false;
  }

  #onCondition(endpoint: E, isNamed: boolean): RetryVerdict {
    return isNamed ? this.#byRule(endpoint, this.#policy!, null) : NO_RULE;
  }

  /** What the rule tries again: unless the body or a bound forbids it. @param askedMs what the server asks to wait */
  #byRule(endpoint: E, policy: RetryPolicy, askedMs: number | null): RetryVerdict {
    const refusal = this.#refusal(policy);
    if (refusal !== null) return refusal;
    this.#ruled++;
    const waitMs = askedMs ?? backoffMs(policy, this.#ruled, this.#context.random());
    return this.#again(endpoint, { waitMs, because: 'rule' });
  }

  /** Why what the rule tries again is not; null: it may be, and is taken from the budget. */
  #refusal({ limit }: RetryPolicy): RetryVerdict | null {
    if (!this.#canReplay) return NOT_KEPT;
    if (this.#body !== null && !this.#body.isComplete) return INCOMPLETE;
    if (limit > 0 && this.#ruled >= limit) return ATTEMPTS;
    const { limits, retries } = this.#share;
    const others = this.#made > 0 ? retries - 1 : retries;
    if (others >= (limits.maxRetries ?? Number.POSITIVE_INFINITY)) return LIMIT;
    return this.#target.budget.withdraw(this.#context.clock.monotonic()) ? null : NO_BUDGET;
  }

  #again(endpoint: E, verdict: RetryVerdict): RetryVerdict {
    this.#made++;
    const policy = this.#policy;
    if (!policy?.reusesEndpoints || policy.leavesLocality) {
      this.#tried ??= [];
      this.#tried.push(endpoint);
    }
    return verdict;
  }
}

/**
 * Whether {@link Retries.onAnswer} may say that the request is tried again. Most answers are none of those, and retries
 * need not even be made to ask.
 */
export function mayTryAgain(policy: RetryPolicy | null, head: ResponseHead, isSuccess: boolean): boolean {
  return !isSuccess || (policy !== null && names(policy, head, isSuccess));
}

/** Whether an answer is one that the rule tries again. */
function names({ on }: RetryPolicy, head: ResponseHead, isSuccess: boolean): boolean {
  if (!isSuccess && on.outcomes.includes('failure')) return true;
  if (on.statuses?.some(({ min, max }) => head.status >= min && head.status <= max)) return true;
  const grpc = on.grpc ? fieldValue(head.fields, 'grpc-status') : null;
  if (grpc !== null && on.grpc!.includes(Number(grpc))) return true;
  if (!on.outcomes.includes('retriable-header')) return false;
  return on.headers?.some((name) => fieldValue(head.fields, name) !== null) ?? false;
}

/** The wait before a retry, milliseconds, uniform below `(2^n - 1) * base`. @param retry 1 for the first */
function backoffMs({ backoff }: RetryPolicy, retry: number, random: number): number {
  if (!backoff) return 0;
  return random * Math.min(backoff.maxMs, (2 ** Math.min(retry, 30) - 1) * backoff.baseMs);
}

/**
 * How long the server asks to wait before another attempt, milliseconds: `retry-after` (RFC 9110 10.2.3) or gRPC's
 * `grpc-retry-pushback-ms`. Infinity: not to try again, which is also what a pushback means that is no number.
 *
 * @param nowMs since the epoch
 * @returns null where it says nothing
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
 */
function pushbackMs({ fields }: ResponseHead, nowMs: number): number | null {
  const pushback = fieldValue(fields, 'grpc-retry-pushback-ms');
  if (pushback !== null) return /^\d{1,9}$/.test(pushback) ? Number(pushback) : Number.POSITIVE_INFINITY;
  const after = fieldValue(fields, 'retry-after');
  if (after === null) return null;
  if (/^\d{1,9}$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

/** Attempts to connect, each to another endpoint where there is one. */
const CONNECT_ATTEMPTS = 3;
/** A server that asks for a longer wait is not tried again: its answer goes to the application. */
const MAX_PUSHBACK_MS = 5000;
/** What an endpoint's proxy says of an application that has not seen the request. */
const NOT_ARRIVED: ReadonlySet<ProxyErrorReason> = new Set(['connect_failed', 'connect_timeout']);

// Verdicts are shared, because every answer has one.
const AT_ONCE: RetryVerdict = { waitMs: 0, because: 'not_arrived' };
const NO_RULE = no('no_rule');
const FINAL = no('final');
const DELIVERED = no('delivered');
const NOT_KEPT = no('not_kept');
const INCOMPLETE = no('incomplete');
const PUSHBACK = no('pushback');
const ATTEMPTS = no('attempts');
const LIMIT = no('limit');
const NO_BUDGET = no('no_budget');

function no(because: RetryReason): RetryVerdict {
  return { waitMs: null, because };
}
