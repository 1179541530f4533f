import type { Change, Kind, Kinds } from '../translate/kinds/kinds.ts';

/**
 * Where the state of the mesh comes from: a list of objects and a feed of changes.
 *
 * A cluster ({@link file://./kubernetes.ts}) and a folder ({@link file://./folder.ts}) implement it; nothing above can
 * tell which.
 */
export interface Source {
  /** What is held, and what changes. */
  readonly objects: ObjectFeed;
  /** Begins, and resolves once every kind has been listed. Rejects only where the settings can never work. */
  start(): Promise<void>;
  /** Ends every connection, watch and timer. What is held stays. */
  stop(): Promise<void>;
  /** Milliseconds since each kind (or folder) was last known to be up to date, by its name. */
  staleness(): ReadonlyMap<string, number>;
}

export interface ObjectFeed {
  /** Every object of a kind, in no order. */
  list<K extends Kind>(kind: K): Iterable<Kinds[K]>;
  /** Number of objects of a kind. */
  count(kind: Kind): number;
  /** Calls `listener` synchronously after each batch of changes; the returned function ends that. */
  onChange(listener: (changes: readonly Change[]) => void): () => void;
}
