import type { RetryPolicy } from '../../api/routing.ts';
import { fieldValue, type ResponseHead } from '../http.ts';

/** Whether an answer is one that the rule tries again. @param isSuccess as the route classifies it */
export function retriesAnswer({ on }: RetryPolicy, head: ResponseHead, isSuccess: boolean): boolean {
  if (!isSuccess && on.outcomes.includes('failure')) return true;
  if (on.statuses?.some(({ min, max }) => head.status >= min && head.status <= max)) return true;
  const grpc = on.grpc ? fieldValue(head.fields, 'grpc-status') : null;
  if (grpc !== null && on.grpc!.includes(Number(grpc))) return true;
  if (!on.outcomes.includes('retriable-header')) return false;
  return on.headers?.some((name) => fieldValue(head.fields, name) !== null) ?? false;
}

/** The wait before a retry, milliseconds, uniform below `(2^n - 1) * base`. @param retry 1 for the first */
export function backoffMs({ backoff }: RetryPolicy, retry: number, random: number): number {
  if (!backoff) return 0;
  return random * Math.min(backoff.maxMs, (2 ** Math.min(retry, 30) - 1) * backoff.baseMs);
}

/**
 * How long the server asks to wait before another attempt, milliseconds: `retry-after` (RFC 9110 10.2.3) or gRPC's
 * `grpc-retry-pushback-ms`. Infinity: not to try again, which is also what a pushback means that is no number.
 *
 * @returns null where it says nothing
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
 */
export function pushbackMs({ fields }: ResponseHead, nowMs: number): number | null {
  const pushback = fieldValue(fields, 'grpc-retry-pushback-ms');
  if (pushback !== null) return /^\d{1,9}$/.test(pushback) ? Number(pushback) : Number.POSITIVE_INFINITY;
  const after = fieldValue(fields, 'retry-after');
  if (after === null) return null;
  if (/^\d{1,9}$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
