/** Exponential back-off with full jitter in the upper half: between half of the step and the step. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: { minMs: number; maxMs: number; random?: () => number }) {
    this.#minMs = options.minMs;
    this.#maxMs = options.maxMs;
    this.#random = options.random ?? Math.random;
  }

  /** Milliseconds to wait before the next try; doubles with every call up to the maximum. */
  next(): number {
    const step = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return step * (0.5 + this.#random() * 0.5);
  }

  /** A try succeeded: the next wait is the shortest again. */
  reset(): void {
    this.#failures = 0;
  }
}
