import type { EjectionBound } from './ejection-bound.ts';

/**
 * How an attempt at an endpoint ended, as its breaker sees it. `failure`: an answer that the route counts as one. `local`: no
 * answer came (connection refused, reset, too late). What a client's own fault is, and what the client gave up, is none.
 */
export type AttemptResult = 'success' | 'failure' | 'local';

/** Leaves one endpoint out while it fails. */
export interface Breaker {
  /** Nothing is sent there. */
  isEjected(nowMs: number): boolean;
  /** The endpoint was chosen. */
  onAttempt(nowMs: number): void;
  /** @param status of the answer; 0: there was none */
  onResult(result: AttemptResult, status: number, nowMs: number): void;
  /** The attempt ended without saying anything of the endpoint. */
  onAbandoned(): void;
  /** The endpoint is gone. */
  retire(): void;
  /** As a request at that time would find it; changes nothing. */
  stateAt(nowMs: number): BreakerState;
}

/** How a breaker stands: `closed` lets all through, `open` nothing, `probation` one request that decides. */
export interface BreakerState {
  readonly state: 'closed' | 'open' | 'probation';
  /** Times that it has opened since it last stayed closed. */
  readonly ejections: number;
  /** `performance.now()` until which it is open; 0: it is not. */
  readonly untilMs: number;
}

/** What a breaker needs of its backend. */
export interface BreakerContext {
  readonly bound: EjectionBound;
  /** The endpoint is left out for so long. @param cause token of what the detector saw */
  readonly onEject: (cause: EjectionCause, durationMs: number) => void;
  /** It is chosen like the others again; not called for one that is gone. */
  readonly onReturn: () => void;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/**
 * What a detector saw: token of metric and log. `gateway_errors` are 502, 503 and 504; `local_origin` is what got no
 * answer: refused, reset or timed out.
 */
export type EjectionCause =
  | 'consecutive_failures'
  | 'success_rate'
  | 'consecutive_5xx'
  | 'gateway_errors'
  | 'local_origin';
