import type { RateLimit } from '../../api/routing.ts';

/** A bound of some clients together, in place of that of each identity. */
export type RateOverride = NonNullable<RateLimit['overrides']>[number];

/** The override that each client falls under, by identity; of two that name it the later. */
export function overridesByClient({ overrides = [] }: RateLimit): ReadonlyMap<string, RateOverride> {
  return new Map(overrides.flatMap((override) => override.clients.map((client) => [client, override] as const)));
}
