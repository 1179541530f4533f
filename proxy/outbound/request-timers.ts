import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { Timeouts } from '../../api/routing.ts';
import { MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { turnAfter } from '../transport/turn.ts';

/** Hears that a timeout has passed: a request. */
export interface TimeoutListener {
  /** @param ms how long it was */
  onTimeout(reason: ProxyErrorReason, ms: number): void;
}

/** The timeouts of one request. Made only where it has any. */
export class RequestTimers {
  #responseMs: number;
  readonly #listener: TimeoutListener;
  #head: NodeJS.Timeout | null = null;
  readonly #request: NodeJS.Timeout | null;
  #response: NodeJS.Timeout | null = null;
  readonly #idle: NodeJS.Timeout | null;

  /** @param deadlineMs what the client itself gives the request; 0: it does not say */
  constructor(timeouts: Timeouts, deadlineMs: number, listener: TimeoutListener) {
    this.#listener = listener;
    const { headMs = 0, requestMs = 0, responseMs = 0, idleMs = 0 } = timeouts;
    this.#responseMs = responseMs;
    this.#head = this.#start('request_timeout', headMs);
    const wholeMs = requestMs > 0 && deadlineMs > 0 ? Math.min(requestMs, deadlineMs) : requestMs || deadlineMs;
    this.#request = this.#start('request_timeout', wholeMs);
    this.#idle = this.#start('idle_timeout', idleMs);
  }

  /** The request has been sent whole. */
  onRequestEnd(): void {
    this.#response ??= this.#start('response_timeout', this.#responseMs);
  }

  /** The answer's head goes to the client. */
  onHead(): void {
    if (this.#head) clearTimeout(this.#head);
    this.onRequestEnd();
    this.onActivity();
  }

  /** The answer has opened a tunnel, which has no end of its own: only its pauses are timed, as in Envoy. */
  onTunnel(): void {
    for (const timer of [this.#head, this.#request, this.#response]) if (timer) clearTimeout(timer);
    this.#responseMs = 0;
    this.onActivity();
  }

  /** Octets went either way. */
  onActivity(): void {
    this.#idle?.refresh();
  }

  stop(): void {
    for (const timer of [this.#head, this.#request, this.#response, this.#idle]) if (timer) clearTimeout(timer);
  }

  #start(reason: ProxyErrorReason, ms: number): NodeJS.Timeout | null {
    if (ms <= 0) return null;
    return turnAfter(Math.min(ms, MAX_TIMER_MS), () => this.#listener.onTimeout(reason, ms));
  }
}

/** Whether a request needs timers at all: most have none, and then nothing is made for it. */
export function hasTimeouts({ headMs, requestMs, responseMs, idleMs }: Timeouts): boolean {
  return Boolean(headMs || requestMs || responseMs || idleMs);
}
