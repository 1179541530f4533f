import type { Random } from '../../../core/testing/random.ts';

/** Chooses what generated policies have of what they may have. */
export class Choice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick<T>(...from: readonly T[]): T {
    return this.#random.pick(from);
  }

  /** True once in so many times. */
  chance(times: number): boolean {
    return this.#random.oneIn(times);
  }

  /** At least one and at most `most`. */
  some<T>(most: number, make: (at: number) => T): T[] {
    return this.upTo(most - 1, make, 1);
  }

  /** At least `least`, none unless told otherwise, and at most `most` more. */
  upTo<T>(most: number, make: (at: number) => T, least = 0): T[] {
    return Array.from({ length: least + this.#random.below(most + 1) }, (_, at) => make(at));
  }

  /** At most `most` different ones, in the order of `from`. */
  different<T>(most: number, from: readonly T[]): T[] {
    const chosen = new Set(this.upTo(most, () => this.pick(...from)));
    return from.filter((each) => chosen.has(each));
  }

  /** The same in another order, in which objects come to who reads them. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.#random.below(rest.length), 1)[0]!);
  }
}
