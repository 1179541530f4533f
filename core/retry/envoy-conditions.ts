import type { RetryConditions } from '../../api/routing.ts';

/**
 * What a list of Envoy's conditions (`5xx,reset,503`) stands for, those of gRPC among them. Blanks are not allowed.
 *
 * @param onUnknown called with each entry that is none; it is left out
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter `x-envoy-retry-on`, `x-envoy-retry-grpc-on`
 */
export function envoyConditions(text: string, onUnknown: (entry: string) => void): RetryConditions {
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
    else if (!condition) onUnknown(entry);
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

/** Every condition that is a word. */
export const ENVOY_CONDITIONS: readonly string[] = [...CONDITIONS.keys()];
