import type { WeightedBackend } from '../../api/routing.ts';

/**
 * Shares requests out by weight: exactly in the long run and evenly in the short. Each pick is the next of an additive
 * recurrence with the golden ratio, whose points fill the unit interval as evenly as any sequence can (Kronecker; the
 * discrepancy of n points is of the order of log n / n), from a random start so that proxies do not march in step.
 */
export class Split {
  readonly #backends: readonly WeightedBackend[];
  readonly #total: number;
  #at = Math.random();

  constructor(backends: readonly WeightedBackend[]) {
    this.#backends = backends.filter(({ weight }) => weight > 0);
    this.#total = this.#backends.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** The alternative of the next request; null: there is none. */
  next(): WeightedBackend | null {
    const count = this.#backends.length;
    if (count <= 1) return this.#backends[0] ?? null;
    this.#at += GOLDEN;
    if (this.#at >= 1) this.#at -= 1;
    let left = this.#at * this.#total;
    for (let i = 0; i < count; i++) {
      left -= this.#backends[i]!.weight;
      if (left < 0) return this.#backends[i]!;
    }
    return this.#backends[count - 1]!;
  }
}

/** The golden ratio less one. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
