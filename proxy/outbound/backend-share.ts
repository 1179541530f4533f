import type { ConnectionLimits } from '../../api/traffic-policy.ts';
import type { PoolBounds } from '../transport/http-pool.ts';

/** What the endpoints of a backend have in common: its limits, and what is counted against them. */
export interface BackendShare extends PoolBounds {
  limits: ConnectionLimits;
  /** Attempts that wait for a connection. */
  pending: number;
  /** Attempts under way. */
  active: number;
  /** Attempts after the first of their request that are under way. */
  retries: number;
}
