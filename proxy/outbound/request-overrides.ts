import { ENVOY_OVERRIDE_HEADERS as envoy, LINKERD_OVERRIDE_HEADERS as linkerd } from '../../api/proxy-headers.ts';
import type { RetryConditions, RetryPolicy, Route, Timeouts } from '../../api/routing.ts';
import { envoyConditions } from '../../core/retry/envoy-conditions.ts';
import { LINKERD_GRPC_CODES, linkerdStatuses } from '../../core/retry/linkerd-conditions.ts';
import { parseDuration } from '../../core/time/duration.ts';
import { type Fields, fieldValue, type RequestHead, withoutFields } from '../http.ts';
import type { CompiledRoute } from '../routing/route-table.ts';

/** A request without the headers that said how it is handled, and its route as they changed it. */
export interface OverriddenRequest {
  readonly head: RequestHead;
  readonly route: CompiledRoute;
}

/**
 * What the application itself says of a request's retries and timeouts, in Linkerd's or Envoy's headers, in place of what
 * its route says. Both say it: Linkerd's hold. A value that cannot be read changes nothing.
 *
 * Only called where the target allows it ({@link OutboundTarget.requestOverrides}).
 *
 * @returns null: it says nothing
 * @see https://linkerd.io/2/reference/retries/, https://linkerd.io/2/reference/timeouts/, Envoy: "Router", HTTP headers
 */
export function overriddenRequest(head: RequestHead, compiled: CompiledRoute): OverriddenRequest | null {
  const fields = withoutFields(head.fields, OVERRIDE_HEADERS);
  if (fields === head.fields) return null;
  const { route } = compiled;
  const timeouts = timeoutsOf(head.fields, route);
  const retry = retryOf(head.fields, route.retry);
  const origin = `${route.origin}, changed by headers of the request`;
  return { head: { ...head, fields }, route: { ...compiled, route: { ...route, timeouts, retry, origin } } };
}

function timeoutsOf(fields: Fields, { timeouts }: Route): Timeouts {
  const requestMs =
    duration(fields, linkerd.requestTimeout) ?? duration(fields, linkerd.timeout) ?? whole(fields, envoy.timeoutMs);
  const responseMs = duration(fields, linkerd.responseTimeout);
  // Both dialects mean the whole request by it, which a timeout of its head alone would cut short.
  const { headMs, ...others } = timeouts;
  return {
    ...others,
    ...(requestMs !== null ? { requestMs } : headMs !== undefined && { headMs }),
    ...(responseMs !== null && { responseMs }),
  };
}

/** Without a condition, of its own or of the route, nothing is tried again, whatever the limit. */
function retryOf(fields: Fields, retry: RetryPolicy | null): RetryPolicy | null {
  const on = conditionsOf(fields) ?? retry?.on;
  const limit = whole(fields, linkerd.retryLimit) ?? whole(fields, envoy.maxRetries);
  // A route's own limit of 0 is none at all; a request's is never to try again.
  if (!on || limit === 0) return null;
  const perTryMs = duration(fields, linkerd.retryTimeout) ?? whole(fields, envoy.perTryTimeoutMs) ?? retry?.perTryMs;
  return { ...(retry ?? DEFAULTS), on, limit: limit ?? retry?.limit ?? 1, ...(perTryMs !== undefined && { perTryMs }) };
}

function conditionsOf(fields: Fields): RetryConditions | null {
  const statuses = list(fields, linkerd.retryHttp).flatMap((entry) => linkerdStatuses(entry) ?? []);
  const grpc = list(fields, linkerd.retryGrpc).flatMap((entry) => LINKERD_GRPC_CODES.get(entry) ?? []);
  if (statuses.length > 0 || grpc.length > 0)
    return {
      outcomes: ['connect-failure', 'refused-stream', 'head-timeout'],
      ...(statuses.length > 0 && { statuses }),
      ...(grpc.length > 0 && { grpc }),
    };
  const entries = [...list(fields, envoy.retryOn), ...list(fields, envoy.retryGrpcOn)];
  const isByStatus = entries.includes('retriable-status-codes');
  const written = isByStatus ? [...entries, ...list(fields, envoy.retriableStatusCodes)] : entries;
  const { outcomes, ...answers } = envoyConditions(written.join(','), () => {});
  return outcomes.length > 0 || Object.keys(answers).length > 0 ? { outcomes, ...answers } : null;
}

function list(fields: Fields, name: string): string[] {
  const text = fieldValue(fields, name);
  return text === null ? [] : text.split(',').map((entry) => entry.trim());
}

/** Milliseconds; null: it is not there, or is none. 0 takes a timeout away. */
function duration(fields: Fields, name: string): number | null {
  const text = fieldValue(fields, name);
  return text === null ? null : parseDuration(text, { hasDays: true });
}

function whole(fields: Fields, name: string): number | null {
  const text = fieldValue(fields, name);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

const OVERRIDE_HEADERS: ReadonlySet<string> = new Set([...Object.values(linkerd), ...Object.values(envoy)]);

const DEFAULTS = { maxBodyBytes: 64 * 1024, backoff: { baseMs: 25, maxMs: 250 } } as const;
