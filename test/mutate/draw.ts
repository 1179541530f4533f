import type { Random } from '../../core/testing/random.ts';
import { type Mutant, mutantOf, type Place } from './place.ts';

/** The places of one file with the source that they were found in. */
export interface FilePlaces {
  readonly source: string;
  readonly places: readonly Place[];
}

/**
 * Draws mutants, spread over the files in proportion to their places. Where the types refuse one, another alternative of
 * its place is drawn, then the next place of the same stretch. The same `random` draws the same.
 */
export class Draw {
  readonly #random: Random;
  readonly #sources: ReadonlyMap<string, string>;
  /** Each file's places in an order of chance, file after file; taken ones are null. */
  readonly #line: (Place | null)[];
  readonly #offset: number;
  readonly #step: number;
  /** What is left of the place drawn last. */
  #rest: Mutant[] = [];

  constructor(files: readonly FilePlaces[], count: number, random: Random) {
    this.#random = random;
    this.#sources = new Map(files.map(({ source, places }) => [places[0]?.file ?? '', source]));
    this.#line = files.flatMap(({ places }) => shuffled(places, random));
    this.#step = this.#line.length / count;
    this.#offset = random.below(1000) / 1000;
  }

  /** Draws number `index` (from 0) from a place of its own. Null when no place is left. */
  first(index: number): Mutant | null {
    const length = this.#line.length;
    const start = Math.floor((index + this.#offset) * this.#step);
    for (let i = 0; i < length; i++) {
      const at = (start + i) % length;
      const place = this.#line[at];
      if (!place) continue;
      this.#line[at] = null;
      const source = this.#sources.get(place.file)!;
      this.#rest = shuffled(place.alternatives, this.#random)
        .slice(0, MAX_TRIES)
        .map((alternative) => mutantOf(place, alternative, source));
      return this.#rest.pop()!;
    }
    return null;
  }

  /** Draws number `index` again: the types have refused what was drawn. */
  again(index: number): Mutant | null {
    return this.#rest.pop() ?? this.first(index);
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  return order;
}

/** Alternatives of one place that are tried: each that the types refuse costs seconds. */
const MAX_TRIES = 3;
