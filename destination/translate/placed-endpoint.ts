import type { Endpoint } from '../../api/routing.ts';

/** An endpoint, and what decides how near it is and which subsets it is in. */
export interface PlacedEndpoint {
  readonly endpoint: Endpoint;
  /** Of its pod, or of the entry that names it; null: it has none, and is in no subset. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** `region/zone/subzone`, unknown parts empty. */
  readonly locality: string;
}
