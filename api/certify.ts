/**
 * `POST /v1/certify` of identity: JSON over TLS 1.3, HTTP/2 or HTTP/1.1.
 *
 * The server proves itself with identity's own DNS identity, checked against the pod's trust bundle. The token
 * authenticates the client, which has no certificate yet.
 */

export const CERTIFY_PATH = '/v1/certify';

/** Body of a request for a certificate: the token says who asks, the CSR which key and names the certificate is for. */
export interface CertifyRequest {
  /** Service-account token (JWT) of audience {@link TOKEN_AUDIENCE}, at most 16 KiB. */
  readonly token: string;
  /** PEM `CERTIFICATE REQUEST` (RFC 2986) with a P-256 key, at most 8 KiB. */
  readonly csr: string;
}

/** Body of status 200: the certificate, and whom its holder is to trust. */
export interface CertifyResponse {
  /** PEM, leaf first, then intermediates up to but without the root. */
  readonly chain: string;
  /** PEM of every root to trust. */
  readonly trustBundle: string;
  /** When the leaf was made valid and when it expires, RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
}

/** Body of every refusal of identity: status 400 (malformed), 401 (token), 403 (CSR) or 503 (try again). */
export interface CertifyError {
  readonly error: {
    /** Stable token, e.g. `token_expired`, `csr_san_not_owned`. */
    readonly reason: string;
    /** What failed, why, and what to do next. Holds no secret. */
    readonly message: string;
  };
}

/**
 * Private certificate extension of a leaf: which pod the certificate was made for. Value: a UTF8String holding
 * the JSON of {@link WorkloadExtension}. Not critical.
 * The arc is 2.25, UUID-based object identifiers (ITU-T X.667), which nobody has to register.
 */
export const WORKLOAD_EXTENSION_OID = '2.25.203571348021';

/**
 * The pod that a certificate was made for, in its extension {@link WORKLOAD_EXTENSION_OID}. Destination takes the
 * workload from here alone, never from a message.
 */
export interface WorkloadExtension {
  readonly pod: string;
  /** Pod UID: names are used again, UIDs are not. */
  readonly uid: string;
}
