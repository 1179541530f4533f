import type { ObjectFeed } from '../objects/object-feed.ts';

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
