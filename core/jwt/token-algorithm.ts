import { constants } from 'node:crypto';

/** How a token of an algorithm is verified: with a key of which type, and what of it `node:crypto` is told. */
export interface TokenAlgorithm {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  /** Curve of the key; empty: it has none. */
  readonly crv: string;
  /** null: the algorithm has its own. */
  readonly hash: string | null;
  /** Options of the key. */
  readonly options: { readonly padding?: number; readonly saltLength?: number; readonly dsaEncoding?: 'ieee-p1363' };
}

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const ECDSA = { dsaEncoding: 'ieee-p1363' } as const;

/**
 * The algorithms whose tokens are taken, by their name in a token's header (RFC 7518 section 3.1, RFC 8037, RFC 9864). Neither
 * `none` nor those of a shared secret are among them: what is published to verify with must not be enough to sign with.
 */
export const TOKEN_ALGORITHMS: ReadonlyMap<string, TokenAlgorithm> = new Map([
  ['RS256', algorithm('RSA', '', 'sha256', PKCS1)],
  ['RS384', algorithm('RSA', '', 'sha384', PKCS1)],
  ['RS512', algorithm('RSA', '', 'sha512', PKCS1)],
  ['PS256', algorithm('RSA', '', 'sha256', PSS)],
  ['PS384', algorithm('RSA', '', 'sha384', PSS)],
  ['PS512', algorithm('RSA', '', 'sha512', PSS)],
  ['ES256', algorithm('EC', 'P-256', 'sha256', ECDSA)],
  ['ES384', algorithm('EC', 'P-384', 'sha384', ECDSA)],
  ['ES512', algorithm('EC', 'P-521', 'sha512', ECDSA)],
  ['EdDSA', algorithm('OKP', 'Ed25519', null, {})],
  ['Ed25519', algorithm('OKP', 'Ed25519', null, {})],
]);

function algorithm(
  kty: TokenAlgorithm['kty'],
  crv: string,
  hash: string | null,
  options: TokenAlgorithm['options'],
): TokenAlgorithm {
  return { kty, crv, hash, options };
}
