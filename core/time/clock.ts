/** Time as a constructor argument, so that tests can turn it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds, with fractions. */
  monotonic(): number;
  /** Runs `task` once after `ms`; does not keep the process alive. */
  after(ms: number, task: () => void): Timer;
}

/** A task that waits. To cancel one that has run, or was cancelled, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The machine's clock. Delays beyond 2^31-1 ms (24.8 days) are cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(ms, 0x7fff_ffff)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
