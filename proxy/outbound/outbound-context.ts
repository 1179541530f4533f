import type { FailureDetails, FailureLog } from '../admin/failure-log.ts';
import type { Failure } from '../answers.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RetryContext } from './retries.ts';

/** What a request needs of the proxy. */
export interface OutboundContext extends RetryContext {
  readonly metrics: Metrics;
  readonly failures: FailureLog;
}

/** Tells metrics and the admin port of an answer of the proxy's own. */
export function noteFailure({ metrics, failures }: OutboundContext, failure: Failure, details: FailureDetails): void {
  metrics.outboundErrors.with({ error: failure.reason }).value++;
  failures.add('outbound', failure, details);
}
