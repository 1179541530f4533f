/** How often something happened in the last `windowMs`, counted in ten slots of the window. */
export class WindowCount {
  readonly #slotMs: number;
  readonly #slots = new Float64Array(SLOTS);
  #slot = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
  }

  /** Counts one now. @param nowMs milliseconds, never less than in a call before */
  add(nowMs: number): void {
    this.#slots[this.#at(nowMs)]!++;
  }

  /** How often in the window that ends now, which may miss up to a tenth of it. @param nowMs as in {@link add} */
  sum(nowMs: number): number {
    this.#at(nowMs);
    let sum = 0;
    for (let i = 0; i < SLOTS; i++) sum += this.#slots[i]!;
    return sum;
  }

  clear(): void {
    this.#slots.fill(0);
  }

  /** The current slot; those that have gone out of the window are emptied. */
  #at(nowMs: number): number {
    const slot = Math.floor(nowMs / this.#slotMs);
    for (let step = Math.max(this.#slot + 1, slot - SLOTS + 1); step <= slot; step++) this.#slots[step % SLOTS] = 0;
    this.#slot = slot;
    return slot % SLOTS;
  }
}

const SLOTS = 10;
