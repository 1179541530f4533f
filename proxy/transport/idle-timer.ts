/** 24.8 days; a longer timer would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Tells when something has been idle for a time, for what rests and wakes with every request: the timer is armed once and
 * looks, when it fires, at how long the rest has lasted. Setting and clearing one for each rest costs every request.
 */
export class IdleTimer {
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | null = null;
  /** When the rest began, monotonic milliseconds; -1: awake. */
  #sinceMs = -1;

  /** @param onIdle called once, when it has rested for `idleMs` */
  constructor(idleMs: number, onIdle: () => void) {
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  /** It rests from now on. */
  rest(): void {
    this.#sinceMs = performance.now();
    if (!this.#timer) this.#arm(this.#idleMs);
  }

  /**
   * It has rested for its time, and `onIdle` is still to be called: a program that was stopped for a while hears of its sockets
   * before its timers.
   */
  get isOverdue(): boolean {
    return this.#sinceMs >= 0 && performance.now() - this.#sinceMs >= this.#idleMs;
  }

  /** It rests no longer. The timer stays armed. */
  wake(): void {
    this.#sinceMs = -1;
  }

  /** It is gone: `onIdle` is not called any more. */
  stop(): void {
    this.#sinceMs = -1;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#fire(), ms).unref();
  }

  #fire(): void {
    this.#timer = null;
    if (this.#sinceMs < 0) return;
    const leftMs = this.#sinceMs + this.#idleMs - performance.now();
    if (leftMs > 1) return this.#arm(leftMs);
    this.#sinceMs = -1;
    this.#onIdle();
  }
}
