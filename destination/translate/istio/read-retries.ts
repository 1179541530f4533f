import type { RetryConditions, RetryPolicy } from '../../../api/routing.ts';
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

/** What `retryOn` stands for, entry by entry. Source: Envoy, `x-envoy-retry-on` and `x-envoy-retry-grpc-on`. */
function readRetryOn(reader: FieldReader, text: string): RetryConditions {
  const outcomes = new Set<RetryConditions['outcomes'][number]>();
  const statuses: { min: number; max: number }[] = [];
  const grpc: number[] = [];
  const headers: string[] = [];
  for (const entry of text.split(',')) {
    const condition = CONDITIONS.get(entry);
    for (const outcome of condition?.outcomes ?? []) outcomes.add(outcome);
    statuses.push(...(condition?.statuses ?? []));
    grpc.push(...(condition?.grpc ?? []));
    headers.push(...(condition?.headers ?? []));
    if (/^[1-5]\d\d$/.test(entry)) statuses.push({ min: Number(entry), max: Number(entry) });
    else if (!condition) {
      const known = [...CONDITIONS.keys()].join(', ');
      const hint = entry.trim() === entry ? '' : ' (blanks are not allowed)';
      reader.problem('retryOn', `"${entry}" is no condition${hint}; known are ${known} and statuses such as 503`);
    }
    if (entry === 'retriable-headers')
      reader.warning('retryOn', 'retriable-headers names no header, and so never tries anything again');
  }
  return {
    outcomes: [...outcomes],
    ...(statuses.length > 0 && { statuses }),
    ...(grpc.length > 0 && { grpc }),
    ...(headers.length > 0 && { headers }),
  };
}

const NO_ANSWER = ['reset', 'connect-failure', 'refused-stream', 'head-timeout'] as const;

const CONDITIONS: ReadonlyMap<string, Partial<RetryConditions>> = new Map<string, Partial<RetryConditions>>([
  ['5xx', { outcomes: NO_ANSWER, statuses: [{ min: 500, max: 599 }] }],
  ['gateway-error', { outcomes: NO_ANSWER, statuses: [{ min: 502, max: 504 }] }],
  ['reset', { outcomes: NO_ANSWER }],
  ['reset-before-request', { outcomes: ['connect-failure', 'refused-stream'] }],
  ['connect-failure', { outcomes: ['connect-failure'] }],
  ['refused-stream', { outcomes: ['refused-stream'] }],
  ['retriable-4xx', { statuses: [{ min: 409, max: 409 }] }],
  // The statuses stand beside it in the list.
  ['retriable-status-codes', {}],
  ['retriable-headers', {}],
  ['envoy-ratelimited', { outcomes: ['retriable-header'], headers: ['x-envoy-ratelimited'] }],
  // There is no HTTP/3 in the mesh.
  ['http3-post-connect-failure', {}],
  ['cancelled', { grpc: [1] }],
  ['deadline-exceeded', { grpc: [4] }],
  ['resource-exhausted', { grpc: [8] }],
  ['internal', { grpc: [13] }],
  ['unavailable', { grpc: [14] }],
]);

const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const DEFAULT_BACKOFF_MS = 25;
