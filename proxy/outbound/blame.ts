import { PROXY_ERROR_HEADER, PROXY_ERROR_REASONS, type ProxyErrorReason } from '../../api/proxy-headers.ts';
import { fieldValue, type ResponseHead } from '../http.ts';
import { ENHANCE_YOUR_CALM, PROTOCOL_ERROR } from '../http2/wire-vocabulary.ts';

/**
 * Whose fault a failed attempt is, which decides what follows for its endpoint (breaker, peak-EWMA, readiness) and for retries.
 *
 * - `endpoint`: it failed. It counts, and another may be tried.
 * - `impostor`: somebody else is at its address. It is avoided; nobody else is tried with what may be a stranger's request.
 * - `request`: it would fail anywhere. It says nothing of the endpoint, and is never tried again.
 * - `nobody`: a bound, or this proxy itself. It says nothing of the endpoint; only a rule that names the answer tries it again.
 */
export type Blame = 'endpoint' | 'impostor' | 'request' | 'nobody';

/** The one table that decides it, by what this proxy or the one at the far end says. */
export const BLAME: Readonly<Record<ProxyErrorReason, Blame>> = {
  connect_failed: 'endpoint',
  connect_timeout: 'endpoint',
  destination_identity_mismatch: 'impostor',
  endpoint_reset: 'endpoint',
  endpoint_closed: 'endpoint',
  fail_fast: 'nobody',
  identity_not_ready: 'nobody',
  discovery_unavailable: 'nobody',
  request_timeout: 'nobody',
  response_timeout: 'nobody',
  idle_timeout: 'nobody',
  per_try_timeout: 'endpoint',
  route_not_found: 'request',
  no_endpoint: 'nobody',
  backend_unknown: 'nobody',
  overflow: 'nobody',
  fault_injected: 'nobody',
  rate_limited: 'nobody',
  loop_detected: 'request',
  policy_denied: 'request',
  token_invalid: 'request',
  token_for_others: 'request',
  opaque_on_http_port: 'request',
  peer_without_identity: 'request',
  peer_certificate_expired: 'impostor',
  peer_certificate_not_yet_valid: 'impostor',
  peer_certificate_untrusted: 'impostor',
  peer_certificate_incomplete: 'impostor',
  peer_certificate_unfit: 'impostor',
  peer_revoked: 'impostor',
  direct_without_identity: 'request',
  direct_without_transport_header: 'request',
  transport_header_invalid: 'request',
  not_own_address: 'impostor',
  request_malformed: 'request',
  response_malformed: 'endpoint',
  upgrade_unsupported: 'request',
  target_invalid: 'request',
  target_unknown: 'request',
  unexpected: 'endpoint',
};

/** Whether an endpoint that cannot be connected to is avoided for a while. */
export function isAvoided(blame: Blame): boolean {
  return blame === 'endpoint' || blame === 'impostor';
}

/**
 * Why the proxy at the far end made an answer itself; null: the application did. What a newer proxy says that is not known
 * here is `unexpected`.
 *
 * @param head as `answerOf` leaves it: nobody but a proxy of ours has said so
 */
export function farReason({ fields }: ResponseHead): ProxyErrorReason | null {
  const said = fieldValue(fields, PROXY_ERROR_HEADER);
  return said === null ? null : REASONS.has(said) ? (said as ProxyErrorReason) : 'unexpected';
}

/** Whose fault an answer is, where the proxy at the far end made it; `endpoint`: the application made it, for good or bad. */
export function blameOfAnswer(head: ResponseHead): Blame {
  const reason = farReason(head);
  return reason === null ? 'endpoint' : BLAME[reason];
}

/**
 * Whose fault a reset by the endpoint is. Our proxies pass on no code of their application's before an answer, so that these are
 * their engine's word on what it was sent (RFC 9113 sections 8.1.1, 10.5). Of other servers they may be a fault of their own.
 *
 * @param code of HTTP/2
 */
export function blameOfReset(code: number, hasWeftProxy: boolean): Blame {
  if (!hasWeftProxy) return 'endpoint';
  return code === PROTOCOL_ERROR ? 'request' : code === ENHANCE_YOUR_CALM ? 'nobody' : 'endpoint';
}

const REASONS: ReadonlySet<string> = new Set(PROXY_ERROR_REASONS);
