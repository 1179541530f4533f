import { DEFAULT_RETRY_BUDGET, type RetryBudget } from '../../../api/routing.ts';
import type { FieldReader } from '../field-reader.ts';

/**
 * Reads `retryBudget`. Istio bounds the retries that are under way at once, Weft those of a window: retries are `percent` of
 * the requests of `budgetInterval` (0: the default window), and `minRetryConcurrency` a second are always allowed.
 *
 * Source: DestinationRule, "TrafficPolicy.RetryBudget".
 */
export function readRetryBudget(reader: FieldReader): RetryBudget {
  reader.allow(['percent', 'minRetryConcurrency', 'budgetInterval']);
  const percent = reader.has('percent') ? reader.number('percent', { min: 0, max: 100, integer: false }) : null;
  const intervalMs = reader.duration('budgetInterval') ?? 0;
  if (intervalMs > 60_000) reader.problem('budgetInterval', 'is longer than 60s');
  return {
    ratio: (percent ?? 20) / 100,
    minPerSecond: reader.whole('minRetryConcurrency', 0, 2 ** 31 - 1) ?? 3,
    windowMs: intervalMs === 0 ? DEFAULT_RETRY_BUDGET.windowMs : Math.max(1000, intervalMs),
  };
}
