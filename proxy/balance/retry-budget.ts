import type { RetryBudget as Settings } from '../../api/routing.ts';

/**
 * Retries allowed beside ordinary requests: a share of those of the last `windowMs`, and some a second in any case.
 *
 * Counts in ten slots of the window. Source: Linkerd ServiceProfile `retryBudget` (tower's TpsBudget).
 */
export class RetryBudget {
  readonly #settings: Settings;
  readonly #slotMs: number;
  readonly #deposits = new Float64Array(SLOTS);
  readonly #withdrawals = new Float64Array(SLOTS);
  #slot = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#slotMs = settings.windowMs / SLOTS;
  }

  /** An ordinary request went by. */
  deposit(nowMs: number): void {
    this.#deposits[this.#at(nowMs)]!++;
  }

  /** @returns whether a retry may be made; if so, it is counted */
  withdraw(nowMs: number): boolean {
    const at = this.#at(nowMs);
    let allowed = this.#settings.minPerSecond * (this.#settings.windowMs / 1000);
    for (let i = 0; i < SLOTS; i++) allowed += this.#deposits[i]! * this.#settings.ratio - this.#withdrawals[i]!;
    if (allowed < 1) return false;
    this.#withdrawals[at]!++;
    return true;
  }

  /** The current slot; those that have gone out of the window are emptied. */
  #at(nowMs: number): number {
    const slot = Math.floor(nowMs / this.#slotMs);
    for (let step = Math.max(this.#slot + 1, slot - SLOTS + 1); step <= slot; step++) {
      this.#deposits[step % SLOTS] = 0;
      this.#withdrawals[step % SLOTS] = 0;
    }
    this.#slot = slot;
    return slot % SLOTS;
  }
}

const SLOTS = 10;
