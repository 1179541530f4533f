/** How many endpoints of a backend may be left out at once. */
export class EjectionBound {
  /** Endpoints that there are. */
  total = 0;
  #ejected = 0;
  readonly #maxFraction: number;
  readonly #minHealthyFraction: number;

  /**
   * @param maxFraction of all that may be ejected, 0 to 1; one always may
   * @param minHealthyFraction with a smaller share left nothing counts as ejected, 0 to 1
   */
  constructor(maxFraction: number, minHealthyFraction: number) {
    this.#maxFraction = maxFraction;
    this.#minHealthyFraction = minHealthyFraction;
  }

  get ejected(): number {
    return this.#ejected;
  }

  /** Counts one more, if it may be. */
  take(): boolean {
    if (this.#ejected > 0 && (this.#ejected + 1) / this.total > this.#maxFraction) return false;
    this.#ejected++;
    return true;
  }

  /** Gives back what {@link take} has counted: the endpoint is used again, or gone. */
  give(): void {
    this.#ejected--;
  }

  /** So few are left that the detector is more likely wrong than they are: all are used. */
  get isPanic(): boolean {
    return this.total > 0 && (this.total - this.#ejected) / this.total < this.#minHealthyFraction;
  }
}
