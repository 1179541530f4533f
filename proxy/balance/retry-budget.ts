import type { RetryBudget as Settings } from '../../api/routing.ts';
import { WindowCount } from './window-count.ts';

/**
 * Retries allowed beside ordinary requests: a share of those of the last `windowMs`, and some a second in any case.
 *
 * Source: Linkerd ServiceProfile `retryBudget` (tower's TpsBudget).
 */
export class RetryBudget {
  readonly #settings: Settings;
  readonly #deposits: WindowCount;
  readonly #withdrawals: WindowCount;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#deposits = new WindowCount(settings.windowMs);
    this.#withdrawals = new WindowCount(settings.windowMs);
  }

  /** An ordinary request went by. */
  deposit(nowMs: number): void {
    this.#deposits.add(nowMs);
  }

  /** @returns whether a retry may be made; if so, it is counted */
  withdraw(nowMs: number): boolean {
    const { minPerSecond, ratio, windowMs } = this.#settings;
    const earned = minPerSecond * (windowMs / 1000) + this.#deposits.sum(nowMs) * ratio;
    if (earned - this.#withdrawals.sum(nowMs) < 1) return false;
    this.#withdrawals.add(nowMs);
    return true;
  }
}
