import { PROXY_ERROR_HEADER, type ProxyErrorReason } from '../api/proxy-headers.ts';
import type { ResponseHead, ServerStream } from './http.ts';
import { CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, MALFORMED_ANSWER } from './http2/wire-vocabulary.ts';

/** A failure that the proxy answers itself. A stranger learns neither reason nor message. */
export interface Failure {
  readonly reason: ProxyErrorReason;
  /** For the operator: what failed and why. */
  readonly message: string;
  /** gRPC's status, where it is not that of the reason. */
  readonly grpc?: number;
  /** What the client should prove, as `www-authenticate` says it. Absent: nothing that would help. */
  readonly challenge?: string;
}

/** The status of an answer: of HTTP, and of gRPC (0 to 16) where the request is gRPC. */
export interface AnswerStatus {
  readonly status: number;
  readonly grpc: number;
}

/** Every reason's HTTP and gRPC status. Source: linkerd2-proxy's mapping, reference page "Proxy errors". */
export const ANSWER_STATUS: Readonly<Record<ProxyErrorReason, AnswerStatus>> = {
  connect_failed: { status: 502, grpc: 14 },
  connect_timeout: { status: 504, grpc: 4 },
  destination_identity_mismatch: { status: 502, grpc: 14 },
  endpoint_reset: { status: 502, grpc: 14 },
  endpoint_closed: { status: 502, grpc: 14 },
  fail_fast: { status: 504, grpc: 4 },
  identity_not_ready: { status: 502, grpc: 14 },
  discovery_unavailable: { status: 503, grpc: 14 },
  request_timeout: { status: 504, grpc: 4 },
  response_timeout: { status: 504, grpc: 4 },
  idle_timeout: { status: 504, grpc: 4 },
  per_try_timeout: { status: 504, grpc: 4 },
  route_not_found: { status: 404, grpc: 5 },
  no_endpoint: { status: 503, grpc: 14 },
  backend_unknown: { status: 500, grpc: 14 },
  overflow: { status: 503, grpc: 14 },
  // As the rule says, in the place of these.
  fault_injected: { status: 503, grpc: 14 },
  rate_limited: { status: 429, grpc: 8 },
  loop_detected: { status: 508, grpc: 10 },
  policy_denied: { status: 403, grpc: 7 },
  token_invalid: { status: 401, grpc: 16 },
  token_for_others: { status: 403, grpc: 7 },
  opaque_on_http_port: { status: 403, grpc: 7 },
  peer_without_identity: { status: 403, grpc: 7 },
  peer_certificate_expired: { status: 502, grpc: 14 },
  peer_certificate_not_yet_valid: { status: 502, grpc: 14 },
  peer_certificate_untrusted: { status: 502, grpc: 14 },
  peer_certificate_incomplete: { status: 502, grpc: 14 },
  peer_certificate_unfit: { status: 502, grpc: 14 },
  peer_revoked: { status: 502, grpc: 14 },
  direct_without_identity: { status: 403, grpc: 7 },
  direct_without_transport_header: { status: 403, grpc: 7 },
  transport_header_invalid: { status: 400, grpc: 13 },
  not_own_address: { status: 403, grpc: 7 },
  request_malformed: { status: 400, grpc: 13 },
  response_malformed: { status: 502, grpc: 14 },
  upgrade_unsupported: { status: 501, grpc: 12 },
  target_invalid: { status: 400, grpc: 13 },
  target_unknown: { status: 502, grpc: 14 },
  unexpected: { status: 500, grpc: 13 },
};

/** The HTTP status of a reason. */
export function statusOf(reason: ProxyErrorReason): number {
  return ANSWER_STATUS[reason].status;
}

/**
 * Turns a failure into its answer: the one place that does.
 *
 * @param audience `peer`: the local application or a meshed peer learns why; `stranger`: the status alone
 */
export function answer(
  stream: ServerStream,
  failure: Failure,
  options: { grpc: boolean; audience: 'peer' | 'stranger' },
): ResponseHead {
  const { status } = ANSWER_STATUS[failure.reason];
  const grpc = failure.grpc ?? ANSWER_STATUS[failure.reason].grpc;
  stream.refuseRest();
  const why = [
    ...(failure.challenge === undefined ? [] : ['www-authenticate', failure.challenge]),
    ...(options.audience === 'peer' ? [PROXY_ERROR_HEADER, failure.reason] : []),
  ];
  if (options.grpc) {
    // Trailers-only (gRPC over HTTP/2, "Responses"): the status goes where a gRPC client looks for it.
    const fields = [
      'content-type',
      'application/grpc',
      'grpc-status',
      String(grpc),
      'grpc-message',
      options.audience === 'peer' ? percent(failure.message) : '',
      ...why,
    ];
    const head = { status: 200, fields };
    stream.sendResponse(head, true);
    return head;
  }
  const text = options.audience === 'peer' ? Buffer.from(`${failure.reason}: ${failure.message}\n`) : Buffer.alloc(0);
  const head = {
    status,
    fields: [
      'content-length',
      String(text.length),
      ...(text.length > 0 ? ['content-type', 'text/plain; charset=utf-8'] : []),
      ...why,
    ],
  };
  stream.sendResponse(head, text.length === 0);
  if (text.length > 0) stream.sendData(text, 0, text.length, true);
  return head;
}

/**
 * A request that was reset before its answer. Source of gRPC's statuses: gRPC over HTTP/2, "HTTP2 Transport Mapping"; what
 * it takes for INTERNAL is a server that has died as often as not, and UNAVAILABLE is what clients try again by.
 *
 * @param who has reset it @param code of HTTP/2, or MALFORMED_ANSWER
 */
export function resetFailure(reason: 'endpoint_reset' | 'endpoint_closed', who: string, code: number): Failure {
  if (code === MALFORMED_ANSWER)
    return { reason: 'response_malformed', message: `the answer of ${who} is none that can be read` };
  const message = `${who} ended the request with code ${code} before it answered`;
  const grpc = GRPC_OF_CODE[code];
  return grpc === undefined ? { reason, message } : { reason, message, grpc };
}

const GRPC_OF_CODE: Readonly<Record<number, number>> = {
  [CANCEL]: 1,
  [ENHANCE_YOUR_CALM]: 8,
  [INADEQUATE_SECURITY]: 7,
};

/** Answers with an injected fault: its status, or its gRPC status. @param grpc the client speaks gRPC over HTTP/2 */
export function answerFault(
  stream: ServerStream,
  fault: { readonly status: number } | { readonly grpc: number },
  grpc: boolean,
): ResponseHead {
  const status = 'status' in fault ? fault.status : ANSWER_STATUS.fault_injected.status;
  const code = 'grpc' in fault ? fault.grpc : (GRPC_OF_STATUS[fault.status] ?? UNKNOWN);
  const fields = grpc
    ? ['content-type', 'application/grpc', 'grpc-status', String(code), 'grpc-message', 'injected fault']
    : ['content-length', '0'];
  const head = { status: grpc ? 200 : status, fields: [...fields, PROXY_ERROR_HEADER, 'fault_injected'] };
  stream.sendResponse(head, true);
  return head;
}

/** What a gRPC client makes of an answer that is none of gRPC's. Source: gRPC, http-grpc-status-mapping. */
const GRPC_OF_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

/** Percent-encoding of `grpc-message`. */
function percent(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/g, (char) =>
    Array.from(Buffer.from(char), (octet) => `%${octet.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  );
}
