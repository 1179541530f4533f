import type { Balancer } from '../../../api/traffic-policy.ts';

/** Groups of nearness, and for each endpoint the index of its own; null: it gets nothing. */
export interface Grouping {
  readonly localities: NonNullable<Balancer['localities']>;
  readonly groupOf: readonly (number | null)[];
}

/** Where an endpoint is, and what it is called. */
export interface Located {
  /** `region/zone/subzone`. */
  readonly locality: string;
  /** Of its pod. */
  readonly labels: Readonly<Record<string, string>>;
}
