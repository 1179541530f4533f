import type { Balancer } from '../../api/traffic-policy.ts';

/** How an endpoint that comes late is warmed up. */
export type SlowStart = NonNullable<Balancer['slowStart']>;

/**
 * The share of its normal load that an endpoint gets at an age, 0 exclusive to 1: `(age / window)^(1 / aggression)`, and at
 * least the minimum. Source: Envoy, "Slow start mode".
 */
export function warmth(slowStart: SlowStart | undefined, ageMs: number): number {
  if (!slowStart || ageMs >= slowStart.windowMs) return 1;
  const grown = (Math.max(ageMs, 1) / slowStart.windowMs) ** (1 / slowStart.aggression);
  return Math.max(slowStart.minimumFraction, grown, 0.001);
}
