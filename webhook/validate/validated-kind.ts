import type { Findings } from './findings.ts';

/** A kind whose objects are checked when they are written. */
export interface ValidatedKind {
  readonly group: string;
  readonly versions: readonly string[];
  readonly kind: string;
  /** Plural, as in paths. */
  readonly resource: string;
  /** Another mesh or a gateway may read it too: it is refused in namespaces of this mesh alone, elsewhere warned of. */
  readonly isShared: boolean;
  /** Checks an object; `before` is the one that it replaces, null where it is new. Never throws. */
  findings(object: unknown, before: unknown): Findings;
}
