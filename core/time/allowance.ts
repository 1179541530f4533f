import type { Clock } from './clock.ts';

/** Lets through `burst` things at once and `perMinute` a minute on average: a token bucket. */
export class Allowance {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMinute: number;
  #left: number;
  #countedAt: number;

  constructor(clock: Clock, rate: { readonly burst: number; readonly perMinute: number }) {
    this.#clock = clock;
    this.#burst = rate.burst;
    this.#perMinute = rate.perMinute;
    this.#left = rate.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Takes one. @returns false: that would be too many */
  take(): boolean {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#countedAt) / 60_000) * this.#perMinute);
    this.#countedAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
