import type { RetryConditions, RetryPolicy } from '../../../api/routing.ts';
import { ENVOY_CONDITIONS, envoyConditions } from '../../../core/retry/envoy-conditions.ts';
import type { FieldReader } from '../field-reader.ts';

/**
 * Reads `retries`; null: it switches them off (`attempts: 0`). What Istio tries again without any rule is not: only what
 * provably never reached the application is.
 *
 * Source: VirtualService, "HTTPRetry"; https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
export function readRetries(reader: FieldReader): RetryPolicy | null {
  reader.allow([
    ...['attempts', 'perTryTimeout', 'retryOn', 'retryRemoteLocalities', 'retryIgnorePreviousHosts', 'backoff'],
  ]);
  const limit = reader.whole('attempts', 0, 2 ** 31 - 1) ?? 0;
  const perTryMs = reader.duration('perTryTimeout', 1) ?? 0;
  const baseMs = reader.duration('backoff', 1) ?? DEFAULT_BACKOFF_MS;
  const on = readRetryOn(reader, reader.optionalText('retryOn') ?? DEFAULT_RETRY_ON);
  const leavesLocality = reader.flag('retryRemoteLocalities');
  const reusesEndpoints = reader.has('retryIgnorePreviousHosts') && !reader.flag('retryIgnorePreviousHosts');
  if (limit > 0)
    return {
      on,
      limit,
      maxBodyBytes: 64 * 1024,
      ...(perTryMs > 0 && { perTryMs }),
      backoff: { baseMs, maxMs: baseMs * 10 },
      ...(leavesLocality && { leavesLocality }),
      ...(reusesEndpoints && { reusesEndpoints }),
    };
  const others = Object.keys(reader.fields).filter((name) => name !== 'attempts' && reader.has(name));
  if (others.length > 0) reader.problem(others[0]!, 'is written where attempts is 0, which is never to try again');
  return null;
}

function readRetryOn(reader: FieldReader, text: string): RetryConditions {
  if (text.split(',').includes('retriable-headers'))
    reader.warning('retryOn', 'retriable-headers names no header, and so never tries anything again');
  return envoyConditions(text, (entry) => {
    const hint = entry.trim() === entry ? '' : ' (blanks are not allowed)';
    const known = ENVOY_CONDITIONS.join(', ');
    reader.problem('retryOn', `"${entry}" is no condition${hint}; known are ${known} and statuses such as 503`);
  });
}

const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const DEFAULT_BACKOFF_MS = 25;
