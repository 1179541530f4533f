import type { Pattern } from '../../core/regex/pattern.ts';
import { PatternSet } from '../../core/regex/pattern-set.ts';
import type { Entry } from './entry.ts';
import type { RequestView } from './predicate.ts';

/** An entry and the pattern that the request's path must match for it. */
export interface PatternEntry {
  readonly pattern: Pattern;
  readonly entry: Entry;
}

/** Entries that are found by patterns of the path. */
export class PatternEntries {
  /** Key: index of the pattern. */
  readonly #entries: readonly Entry[];
  readonly #set: PatternSet;

  constructor(entries: readonly PatternEntry[]) {
    this.#set = new PatternSet(entries.map(({ pattern }) => pattern));
    this.#entries = entries.map(({ entry }) => entry);
  }

  /** The first route before `limit` whose pattern matches `text` and whose entry holds, or `limit`. */
  first(text: string, request: RequestView, limit: number): number {
    const count = this.#set.match(text);
    for (let i = 0; i < count; i++) {
      const { order, holds } = this.#entries[this.#set.hits[i]!]!;
      if (order < limit && (holds === null || holds(request))) limit = order;
    }
    return limit;
  }
}
