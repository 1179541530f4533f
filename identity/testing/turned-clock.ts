import type { Clock, Timer } from '../../core/time/clock.ts';

/** What was planned: for how long, what, and whether it was cancelled. */
export interface Planned {
  readonly ms: number;
  readonly task: () => void;
  isCancelled: boolean;
}

/** Time that the test sets, and timers that it runs. */
export class TurnedClock implements Clock {
  nowMs: number;
  /** Every timer that was ever asked for, in order. */
  readonly timers: Planned[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.nowMs;
  }

  after(ms: number, task: () => void): Timer {
    const planned: Planned = { ms, task, isCancelled: false };
    this.timers.push(planned);
    return {
      cancel() {
        planned.isCancelled = true;
      },
    };
  }
}
