import type { WeightedBackend } from '../../api/routing.ts';

/**
 * Gives requests to backends by weight: exact in the long run and smooth in the short.
 *
 * Each request takes the next point of a sequence that goes round the circle of weights by the golden ratio, which leaves
 * no part of it out for long: of any 1,000 requests in a row each backend gets its share, give or take 3. Chance would be
 * out by 15 now and then. What every n-th request gets is spread as evenly.
 *
 *     0 ├──────── a: 80 ────────┼─ b: 15 ─┼ c: 5 ┤ 2^32      point = point + 0.618… * 2^32, round the circle
 *
 * Source: https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence
 */
export class Split {
  readonly #backends: readonly WeightedBackend[];
  /** Where the part of each backend ends, 0 to 2^32. */
  readonly #ends: readonly number[];
  /** 0 to below 2^32. */
  #point: number;

  /** @param start 0 to below 1; proxies begin at different points, so that together they are even too */
  constructor(split: readonly WeightedBackend[], start = Math.random()) {
    this.#backends = split.filter(({ weight }) => weight > 0);
    const total = this.#backends.reduce((sum, { weight }) => sum + weight, 0);
    let sum = 0;
    this.#ends = this.#backends.map(({ weight }) => {
      sum += weight;
      return (sum / total) * CIRCLE;
    });
    this.#point = Math.floor(start * CIRCLE);
  }

  /** The backend of the next request; null: none has a weight above 0. */
  next(): WeightedBackend | null {
    const point = this.#point;
    this.#point = (point + GOLDEN_STEP) % CIRCLE;
    for (let i = 0; i < this.#ends.length; i++) if (point < this.#ends[i]!) return this.#backends[i]!;
    return this.#backends.at(-1) ?? null;
  }
}

const CIRCLE = 2 ** 32;
/** 2^32 divided by the golden ratio; odd, so that all 2^32 points have their turn. */
const GOLDEN_STEP = 0x9e3779b9;
