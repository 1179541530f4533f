import type { Clock, Timer } from '../time/clock.ts';

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Timers that have yet to run. */
  get pending(): number {
    return this.#timers.length;
  }

  after(ms: number, task: () => void): Timer {
    const timer = { at: this.#now + ms, task };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  /** Lets time pass and runs every timer at its time. */
  advance(ms: number): void {
    const until = this.#now + ms;
    const next = () => this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
    for (let due = next(); due; due = next()) {
      this.#now = due.at;
      this.#run(due);
    }
    this.#now = until;
  }

  /** Lets time pass in which nothing runs, and then runs what is overdue: a process that was stopped. */
  freeze(ms: number): void {
    this.#now += ms;
    for (const due of this.#timers.filter(({ at }) => at <= this.#now)) this.#run(due);
  }

  #run(due: { readonly at: number; readonly task: () => void }): void {
    this.#timers = this.#timers.filter((each) => each !== due);
    due.task();
  }
}
