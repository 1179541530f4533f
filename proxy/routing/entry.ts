import type { Matcher, RequestView } from './predicate.ts';

/**
 * One way into a route. Entries that are found by the same key are a chain in the order of their routes: with a thousand
 * routes every object on the way is one that the processor has to wait for.
 */
export interface Entry {
  /** Place of the route in its list. */
  readonly order: number;
  /** What is left to be tried once the entry has been found; null: nothing. */
  readonly holds: Matcher | null;
  next: Entry | null;
}

/** Puts an entry into a chain. @returns the chain */
export function insert(chain: Entry | null, entry: Entry): Entry {
  if (!chain || chain.order > entry.order) {
    entry.next = chain;
    return entry;
  }
  let before = chain;
  while (before.next && before.next.order <= entry.order) before = before.next;
  entry.next = before.next;
  before.next = entry;
  return chain;
}

/** Puts an entry into the chain of a key. */
export function insertAt(chains: Map<string, Entry>, key: string, entry: Entry): void {
  chains.set(key, insert(chains.get(key) ?? null, entry));
}

/** The first route before `limit` with an entry that holds, or `limit`. */
export function firstOf(chain: Entry | null | undefined, request: RequestView, limit: number): number {
  for (let entry = chain; entry && entry.order < limit; entry = entry.next)
    if (entry.holds === null || entry.holds(request)) return entry.order;
  return limit;
}
