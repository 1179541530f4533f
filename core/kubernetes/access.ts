/**
 * What a file asks of the API server, declared beside the code that asks: a test compares the declarations of a program
 * with its role in manifests/rbac.ts, both ways.
 */
export interface Access {
  /** API group, empty for the core group. */
  readonly group: string;
  /** Plural, `configmaps`. */
  readonly resource: string;
  readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'update' | 'patch')[];
  /** The only object that is asked for; absent: any. */
  readonly name?: string;
  /** Whether it is asked for in the namespace of the control plane alone. */
  readonly isOwnNamespace?: boolean;
}

/** Verbs of a ListWatch. */
export const LIST_WATCH = ['list', 'watch'] as const;
