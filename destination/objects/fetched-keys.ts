import type { TokenKey } from '../../api/request-authentication.ts';

/** What has come of fetching a key set. */
export interface FetchedKeys {
  /** The last that were got; null: none ever were. */
  readonly keys: readonly TokenKey[] | null;
  /** Why they could not be got when they were last asked for, the same words for the same reason; empty: they were. */
  readonly fault: string;
}
