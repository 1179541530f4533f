import type { Pattern } from './pattern.ts';
import { Product } from './product.ts';
import { StateMachine } from './state-machine.ts';

/**
 * Patterns that are matched against the same text, mostly at little more than the cost of one.
 *
 * Those that are read in the same direction are stepped together (see {@link Product}); the few without a
 * {@link StateMachine}, or with hundreds of classes of characters, are asked one by one.
 */
export class PatternSet {
  /** Indexes of the patterns that matched, in no order; as many as {@link match} said, valid until its next call. */
  readonly hits: Int32Array;
  readonly #patterns: readonly Pattern[];
  readonly #products: readonly Product[];
  readonly #others: readonly number[];

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    this.hits = new Int32Array(patterns.length);
    const forward: number[] = [];
    const backward: number[] = [];
    const others: number[] = [];
    patterns.forEach(({ machine }, index) => {
      const isSteppable = machine instanceof StateMachine && machine.classes.count <= 256;
      const group = !isSteppable ? others : machine.isBackward ? backward : forward;
      group.push(index);
    });
    this.#products = [forward, backward]
      .filter((group) => group.length > 0)
      .map(
        (group) =>
          new Product(
            group,
            group.map((index) => patterns[index]!.machine as StateMachine),
          ),
      );
    this.#others = others;
  }

  /** @returns how many patterns match the text */
  match(text: string): number {
    let count = 0;
    for (let i = 0; i < this.#products.length; i++) count = this.#products[i]!.match(text, this.hits, count);
    for (let i = 0; i < this.#others.length; i++) {
      const index = this.#others[i]!;
      if (this.#patterns[index]!.matches(text)) this.hits[count++] = index;
    }
    return count;
  }
}
