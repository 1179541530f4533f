/** Headers, ALPN names and reason tokens that proxies exchange. */

/** Why a proxy made the answer itself: a {@link ProxyErrorReason}. */
export const PROXY_ERROR_HEADER = 'weft-proxy-error';
/** HTTP/1 carried in HTTP/2: `HTTP/1.1`, `HTTP/1.0`, each with `; absolute-form`. Linkerd's, so that its peers restore it. */
export const ORIG_PROTO_HEADER = 'l5d-orig-proto';
/** Method of a request that asks for an upgrade, where it is not GET: an extended CONNECT (RFC 8441) has no room for it. */
export const UPGRADE_METHOD_HEADER = 'weft-upgrade-method';
/** Verified identity of the client, set towards the application; a client's own is removed. */
export const CLIENT_ID_HEADER = 'l5d-client-id';
export const FORWARDED_CLIENT_CERT_HEADER = 'x-forwarded-client-cert';
/** Canonical name of the target, client proxy to server proxy: picks the inbound profile. */
export const DST_CANONICAL_HEADER = 'l5d-dst-canonical';

/** Target of a request, `host` or `host:port`: application to proxy, in ingress mode. Linkerd's. */
export const DST_OVERRIDE_HEADER = 'l5d-dst-override';

/**
 * How the application wants this request retried and timed out, where {@link REQUEST_OVERRIDES_ANNOTATION} allows it.
 * Linkerd's: durations such as `300ms`; lists of conditions as in its annotations.
 */
export const LINKERD_OVERRIDE_HEADERS = {
  retryLimit: 'l5d-retry-limit',
  retryHttp: 'l5d-retry-http',
  retryGrpc: 'l5d-retry-grpc',
  retryTimeout: 'l5d-retry-timeout',
  /** The short form; `requestTimeout` wins over it. */
  timeout: 'l5d-timeout',
  requestTimeout: 'l5d-request-timeout',
  responseTimeout: 'l5d-response-timeout',
} as const;
/** The same of Envoy: durations are whole milliseconds. */
export const ENVOY_OVERRIDE_HEADERS = {
  maxRetries: 'x-envoy-max-retries',
  retryOn: 'x-envoy-retry-on',
  retryGrpcOn: 'x-envoy-retry-grpc-on',
  retriableStatusCodes: 'x-envoy-retriable-status-codes',
  perTryTimeoutMs: 'x-envoy-upstream-rq-per-try-timeout-ms',
  timeoutMs: 'x-envoy-upstream-rq-timeout-ms',
} as const;

/** HTTP/2 frames follow; header names keep their case. */
export const ALPN_WEFT_HTTP = 'weft.http/1';
/** Octets follow, the server's after one of its proxy's that says whether they may (`proxy/transport/octets-verdict.ts`). */
export const ALPN_WEFT_OPAQUE = 'weft.opaque/2';
/** Octets follow, whether or not anybody takes them. */
export const ALPN_WEFT_OPAQUE_UNCONFIRMED = 'weft.opaque/1';
/** Linkerd's transport header follows and names the port. */
export const ALPN_TRANSPORT_HEADER = 'transport.l5d.io/v1';

/** Every reason a proxy gives for an answer or a close of its own. docs/reference/proxy-errors.md explains each. */
export const PROXY_ERROR_REASONS = [
  'connect_failed',
  'connect_timeout',
  'destination_identity_mismatch',
  'endpoint_reset',
  'endpoint_closed',
  'fail_fast',
  'identity_not_ready',
  'discovery_unavailable',
  'request_timeout',
  'response_timeout',
  'idle_timeout',
  'per_try_timeout',
  'route_not_found',
  'no_endpoint',
  'backend_unknown',
  'overflow',
  'fault_injected',
  'rate_limited',
  'loop_detected',
  'policy_denied',
  'token_invalid',
  'token_for_others',
  'opaque_on_http_port',
  'peer_without_identity',
  'peer_certificate_expired',
  'peer_certificate_not_yet_valid',
  'peer_certificate_untrusted',
  'peer_certificate_incomplete',
  'peer_certificate_unfit',
  'peer_revoked',
  'direct_without_identity',
  'direct_without_transport_header',
  'transport_header_invalid',
  'not_own_address',
  'request_malformed',
  'response_malformed',
  'upgrade_unsupported',
  'target_invalid',
  'target_unknown',
  'unexpected',
] as const;

/**
 * Why a proxy made an answer itself, or refused a connection: the one token for header, metric, log and test.
 * docs/reference/proxy-errors.md has what to do about each.
 */
export type ProxyErrorReason = (typeof PROXY_ERROR_REASONS)[number];
