import type { Clock, Timer } from '../time/clock.ts';
import { CLOCK_SKEW_MS } from './authority.ts';

/** When a certificate is renewed next: once, at the soonest of the moments that were asked for. */
export class RenewalTimer {
  readonly #clock: Clock;
  readonly #renew: () => void;
  #timer: Timer | null = null;
  /** Of the timer, monotonic milliseconds. */
  #dueMs = 0;
  #demanded = '';
  #isStopped = false;

  /** @param renew may ask for the next moment whenever it likes, and more than one renewal may be under way */
  constructor(clock: Clock, renew: () => void) {
    this.#clock = clock;
    this.#renew = renew;
  }

  /** Renews after `waitMs`, or sooner where that is asked for already. */
  after(waitMs: number): void {
    const dueMs = this.#clock.monotonic() + waitMs;
    if (this.#isStopped || (this.#timer && this.#dueMs <= dueMs)) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = null;
      this.#renew();
    });
  }

  /**
   * Whether a certificate is to be renewed because it was made before an instant. Of each instant that is said once, so that
   * clocks that differ have nobody renew twice.
   *
   * @param instant RFC 3339; empty: nobody asks @param notBefore of the certificate, milliseconds since the epoch
   */
  isDemanded(instant: string, notBefore: number): boolean {
    if (instant === '' || instant === this.#demanded) return false;
    this.#demanded = instant;
    return notBefore + CLOCK_SKEW_MS < Date.parse(instant);
  }

  /** Renews no more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
