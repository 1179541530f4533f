/** Successes and failures of the last `windowMs`, in ten slots. */
export class SuccessWindow {
  readonly #slotMs: number;
  readonly #successes = new Float64Array(SLOTS);
  readonly #failures = new Float64Array(SLOTS);
  #slot = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
  }

  add(isSuccess: boolean, nowMs: number): void {
    const at = this.#at(nowMs);
    if (isSuccess) this.#successes[at]!++;
    else this.#failures[at]!++;
  }

  counts(nowMs: number): { successes: number; total: number } {
    this.#at(nowMs);
    let successes = 0;
    let failures = 0;
    for (let i = 0; i < SLOTS; i++) {
      successes += this.#successes[i]!;
      failures += this.#failures[i]!;
    }
    return { successes, total: successes + failures };
  }

  clear(): void {
    this.#successes.fill(0);
    this.#failures.fill(0);
  }

  /** The current slot; those that have gone out of the window are emptied. */
  #at(nowMs: number): number {
    const slot = Math.floor(nowMs / this.#slotMs);
    for (let step = Math.max(this.#slot + 1, slot - SLOTS + 1); step <= slot; step++) {
      this.#successes[step % SLOTS] = 0;
      this.#failures[step % SLOTS] = 0;
    }
    this.#slot = slot;
    return slot % SLOTS;
  }
}

const SLOTS = 10;
