import type { Change, Kind, Kinds } from './kinds.ts';

/** What is held of every object, and what changes. */
export interface ObjectFeed {
  /** Every object of a kind, in no order. */
  list<K extends Kind>(kind: K): Iterable<Kinds[K]>;
  /** Number of objects of a kind. */
  count(kind: Kind): number;
  /** Calls `listener` synchronously after each batch of changes; the returned function ends that. */
  onChange(listener: (changes: readonly Change[]) => void): () => void;
}
