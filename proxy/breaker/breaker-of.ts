import type { CircuitBreaker } from '../../api/traffic-policy.ts';
import type { Breaker, BreakerContext } from './breaker.ts';
import { FailureAccrual } from './failure-accrual.ts';
import { OutlierDetector } from './outlier-detector.ts';

/** Makes the breaker of one endpoint. @param context its own, but for `bound`, which all of its backend share */
export function breakerOf(settings: CircuitBreaker, context: BreakerContext): Breaker {
  return settings.kind === 'outlier-detection'
    ? new OutlierDetector(settings, context)
    : new FailureAccrual(settings, context);
}
