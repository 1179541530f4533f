/** `GET /identity` of a proxy's admin port, for loopback: who the proxy is, and whom it trusts. `weft identity POD` shows it. */
export const IDENTITY_PAGE = '/identity';

/** Body of {@link IDENTITY_PAGE}. */
export interface IdentityPage {
  readonly identity: string;
  readonly spiffe: string;
  /** PEM chain, leaf first; empty: there is no certificate yet. */
  readonly chain: string;
  /** PEM of the roots that are trusted. */
  readonly trustBundle: string;
  /** Connections to others by the group of their key exchange (RFC 8446 section 4.2.7), since the start. */
  readonly keyExchanges: Readonly<Record<string, number>>;
  /** What nobody is trusted by. */
  readonly revoked: { readonly serials: number; readonly identities: number };
}
