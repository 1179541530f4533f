/**
 * `GET /trust` of destination's admin port, for loopback: which roots its proxies have been told of, and by whose certificates
 * they are known. `weft identity rotate` waits by it.
 */
export const TRUST_PAGE = '/trust';

/** Body of {@link TRUST_PAGE}. Fingerprints are SHA-256, upper-case hexadecimal with colons, as OpenSSL and Node print them. */
export interface TrustPage {
  /** Of the bundle that proxies acknowledge. */
  readonly version: string;
  /** Fingerprints of the roots in it. */
  readonly roots: readonly string[];
  /** RFC 3339; empty: nobody is asked to renew. */
  readonly renewIssuedBefore: string;
  /** Fingerprint of the authority that signed destination's own certificate; empty: it has none. */
  readonly issuer: string;
  readonly proxies: readonly {
    readonly namespace: string;
    readonly pod: string;
    readonly uid: string;
    /** Version of the bundle that the proxy has acknowledged last; empty: none yet. */
    readonly applied: string;
    /** Fingerprint of the authority that signed the certificate it is connected with. */
    readonly issuer: string;
    readonly notAfter: string;
  }[];
}
