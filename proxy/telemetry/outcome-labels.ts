import type { Labels } from './registry.ts';

/**
 * The labels of a status that a server has said: one that is registered, or known of a widespread server, as it is; any other
 * as the `x00` of its class, which it means (RFC 9110 section 15). Statuses of HTTP/1.1 have three digits, 000 to 999.
 */
export function statusLabel(status: number): string {
  return KNOWN.has(status) ? String(status) : String(Math.floor(status / 100) * 100);
}

/**
 * The gRPC status that an answer says, `0` to `16`. What is none of these is UNKNOWN, as a client of gRPC takes it; empty: it
 * says nothing.
 *
 * @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */
export function grpcStatus(said: string | null): string {
  if (said === null || said === '') return '';
  return /^(?:\d|1[0-6])$/.test(said) ? said : UNKNOWN;
}

/** Labels of how an exchange ended, beside those of its series. A gRPC status is told of 200 alone: others say more themselves. */
export function outcomeLabels(status: number, success: boolean, grpc: string, error: string): Labels {
  return {
    status_code: statusLabel(status),
    classification: success ? 'success' : 'failure',
    ...(grpc !== '' && status === 200 && { grpc_status: grpc }),
    ...(error !== '' && { error }),
  };
}

const UNKNOWN = '2';

/** IANA's registry of 2026, then what nginx, Cloudflare, AWS and Envoy's neighbours send, and 0: an answer that broke off. */
const KNOWN: ReadonlySet<number> = new Set([
  ...[100, 101, 102, 103, 104],
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226],
  ...[300, 301, 302, 303, 304, 305, 307, 308],
  ...[
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
  ],
  ...[425, 426, 428, 429, 431, 451],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
  ...[0, 419, 420, 440, 444, 449, 460, 463, 494, 495, 496, 497, 498, 499],
  ...[509, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 561, 598, 599],
]);
