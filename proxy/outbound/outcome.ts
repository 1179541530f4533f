import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { Backend, Endpoint, OutboundTarget, Route } from '../../api/routing.ts';
import { type Failure, statusOf } from '../answers.ts';
import type { AttemptResult } from '../breaker/breaker.ts';
import { type Fields, fieldValue, type RequestHead, type ResponseHead } from '../http.ts';
import type { Outcome } from '../telemetry/metrics.ts';
import { grpcStatus } from '../telemetry/outcome-labels.ts';
import type { ConnectError } from '../transport/dialer.ts';
import { BLAME, blameOfAnswer, blameOfReset, farReason } from './blame.ts';

/*
 * How a request or an attempt ends, as metrics tell it (an outcome), and where the proxy answers itself, why (a failure).
 */

/** Of what was answered. @param trailers that ended the answer; null: none, or it has not ended */
export function answeredOutcome(head: ResponseHead, success: boolean, trailers: Fields | null): Outcome {
  return {
    status: head.status,
    success,
    grpcStatus: grpcStatusOf(head, trailers),
    error: farReason(head) ?? '',
  };
}

/** What an answer says of its endpoint; null: nothing. @param isSuccess as its route classifies it */
export function answerResult(head: ResponseHead, isSuccess: boolean): AttemptResult | null {
  return blameOfAnswer(head) !== 'endpoint' ? null : isSuccess ? 'success' : 'failure';
}

/** What it says of an endpoint that there was no connection; null: nothing. */
export function unreachableResult({ reason }: ConnectError): AttemptResult | null {
  return BLAME[reason] === 'endpoint' ? 'local' : null;
}

/** What a reset by its proxy, or by itself, says of an endpoint; null: nothing. @param code of HTTP/2 */
export function resetResult(code: number, hasWeftProxy: boolean): AttemptResult | null {
  return blameOfReset(code, hasWeftProxy) === 'endpoint' ? 'local' : null;
}

/** The gRPC status of an answer, from its trailers where it has some; empty: it says none. */
export function grpcStatusOf(head: ResponseHead, trailers: Fields | null): string {
  return grpcStatus(fieldValue(trailers ?? head.fields, 'grpc-status'));
}

/** Of what the proxy answers itself. */
export function failedOutcome(reason: ProxyErrorReason): Outcome {
  return { status: statusOf(reason), success: false, grpcStatus: '', error: reason };
}

/** Of an injected fault: it counts as a failure, whatever the classes of the route. @param head as it was answered */
export function faultOutcome(head: ResponseHead): Outcome {
  return { ...answeredOutcome(head, false, null), error: 'fault_injected' };
}

/** The application gave the request up. The status is nginx's; nobody is sent it. */
export const CANCELLED_OUTCOME: Outcome = { status: 499, success: true, grpcStatus: '', error: 'cancelled' };

/** The endpoint broke its answer off, of which the application has had something. */
export const BROKEN_OFF_OUTCOME: Outcome = { status: 0, success: false, grpcStatus: '', error: 'endpoint_reset' };

/** No route takes the request. Its query is not told. */
export function unmatchedFailure({ name, port }: OutboundTarget, { method, path }: RequestHead): Failure {
  return { reason: 'route_not_found', message: `no route of ${name}:${port} takes ${method} ${path.split('?', 1)[0]}` };
}

/** A bound of the backend allows no other attempt. @param message which */
export function overflowFailure(message: string): Failure {
  return { reason: 'overflow', message };
}

/** The target is gone. @param backend its name */
export function retiredFailure(backend: string): Failure {
  return { reason: 'target_unknown', message: `${backend}: destination knows it no more` };
}

/** Why a backend has no endpoint that may be used. */
export function whyEmpty({ endpoints }: Backend): string {
  return endpoints.length > 0 ? `all ${endpoints.length} endpoints are ejected` : 'it has no ready endpoint';
}

/** It has none, and its rule says what to answer then. @param backend its name @param why of {@link whyEmpty} */
export function emptyFailure(backend: string, why: string, whenEmpty: 500 | 503): Failure {
  return { reason: whenEmpty === 503 ? 'no_endpoint' : 'backend_unknown', message: `${backend}: ${why}` };
}

/** It has none, and none has come while the request waited. */
export function failFastFailure(backend: string, why: string, waitedMs: number): Failure {
  return { reason: 'fail_fast', message: `${backend}: ${why} for ${waitedMs} ms` };
}

/** No connection to the endpoint. */
export function unreachableFailure(endpoint: Endpoint, { reason, message }: ConnectError): Failure {
  return { reason, message: `${addressOf(endpoint)}: ${message}` };
}

/** The endpoint did not answer within the time that an attempt has. */
export function perTryFailure(endpoint: Endpoint, ms: number, { origin }: Route): Failure {
  const message = `no answer of ${addressOf(endpoint)} within ${ms} ms, the time that ${origin} gives an attempt`;
  return { reason: 'per_try_timeout', message };
}

/** A timeout of the whole request has passed. @param deadlineMs what the client gave the request; 0: it did not say */
export function timeoutFailure(reason: ProxyErrorReason, ms: number, deadlineMs: number, route: Route): Failure {
  const { origin, timeouts } = route;
  const isClients = reason === 'request_timeout' && ms === deadlineMs && ms !== timeouts.requestMs;
  const whose = isClients ? 'deadline of the client' : `timeout of ${origin}`;
  return { reason, message: `${MISSED[reason] ?? 'no answer'} within ${ms} ms, the ${whose}` };
}

const MISSED: Readonly<Partial<Record<ProxyErrorReason, string>>> = {
  idle_timeout: 'not an octet',
  response_timeout: 'the answer is not done',
};

/** `address:port` of an endpoint. */
export function addressOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}
