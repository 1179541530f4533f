import type { Test } from 'tap';

interface FakeTimer {
  dueMs: number;
  readonly ms: number;
  readonly run: () => void;
}

/** The process's timers until a test has ended, turned by the test. Intervals stay as they are. */
export class FakeTimers {
  #nowMs = 0;
  readonly #waiting = new Set<FakeTimer>();

  constructor(t: Test) {
    const { setTimeout, clearTimeout } = globalThis;
    const set = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      this.#set(ms, () => callback(...args));
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: FakeTimer) =>
      void this.#waiting.delete(timer)) as unknown as typeof clearTimeout;
    t.teardown(() => {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    });
  }

  /** Delays of those that wait, milliseconds. */
  get waiting(): number[] {
    return [...this.#waiting].map(({ ms }) => ms);
  }

  /** Lets time go by; what is due runs in its order. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#waiting].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
      if (!next) break;
      this.#nowMs = next.dueMs;
      this.#waiting.delete(next);
      next.run();
    }
    this.#nowMs = untilMs;
  }

  #set(ms: number, run: () => void) {
    const timer = {
      ms,
      run,
      dueMs: this.#nowMs + ms,
      refresh: () => {
        timer.dueMs = this.#nowMs + ms;
      },
    };
    this.#waiting.add(timer);
    return timer;
  }
}
