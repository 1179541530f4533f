import type { Pattern } from '../../core/regex/pattern.ts';
import { PatternSet } from '../../core/regex/pattern-set.ts';
import type { Matcher, RequestView } from './predicate.ts';

/** One way into a route. */
export interface Entry {
  /** Place of the route in its list. */
  readonly order: number;
  /** What is left to be tried once the entry has been found. */
  readonly holds: Matcher;
}

/** Entries that are found by the same key. */
export class Bucket {
  /** Ascending in order. */
  readonly #entries: Entry[] = [];

  add(entry: Entry): void {
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.order > entry.order) at--;
    this.#entries.splice(at, 0, entry);
  }

  /** The first route before `limit` whose entry holds, or `limit`. */
  first(request: RequestView, limit: number): number {
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      const { order, holds } = entries[i]!;
      if (order >= limit) return limit;
      if (holds(request)) return order;
    }
    return limit;
  }
}

/** The bucket of a key, made where there is none. */
export function bucketOf(buckets: Map<string, Bucket>, key: string): Bucket {
  let bucket = buckets.get(key);
  if (!bucket) {
    bucket = new Bucket();
    buckets.set(key, bucket);
  }
  return bucket;
}

/** Entries that are found by a pattern of their own. */
export class PatternBucket {
  readonly #entries: readonly Entry[];
  readonly #set: PatternSet;

  /** @param patterns one for each entry */
  constructor(patterns: readonly Pattern[], entries: readonly Entry[]) {
    this.#set = new PatternSet(patterns);
    this.#entries = entries;
  }

  /** The first route before `limit` whose pattern matches `text` and whose entry holds, or `limit`. */
  first(text: string, request: RequestView, limit: number): number {
    const count = this.#set.match(text);
    for (let i = 0; i < count; i++) {
      const { order, holds } = this.#entries[this.#set.hits[i]!]!;
      if (order < limit && holds(request)) limit = order;
    }
    return limit;
  }
}
