import { createPublicKey, type KeyObject, verify } from 'node:crypto';

import type { TokenKey } from '../../api/request-authentication.ts';
import type { Token } from './token.ts';

/** A key that tokens are verified with, ready for use. */
export interface VerifyingKey {
  readonly is: TokenKey;
  readonly object: KeyObject;
}

/** Readies keys. @throws Error where one is none, which {@link parseKeySet} leaves out */
export function verifyingKeys(keys: readonly TokenKey[]): readonly VerifyingKey[] {
  return keys.map((is) => ({ is, object: createPublicKey({ key: { ...is }, format: 'jwk' }) }));
}

/**
 * Whether any of the keys has signed a token. The key decides the algorithm, never the token alone: a key is tried where its type,
 * curve and `alg` are those of the token's algorithm, and its `kid` is the token's where both have one.
 *
 * Synchronous: a signature takes less than what it costs to hold a request back (docs/adr/0018).
 *
 * @returns why not: no key fits, too many do, or the signature is not theirs; null: it is signed
 */
export function signatureFault(token: Token, keys: readonly VerifyingKey[]): string | null {
  const fitting = keys.filter(({ is }) => fits(token, is));
  if (fitting.length === 0) return 'is signed by no key that is known';
  if (fitting.length > MOST_TRIED) return `names no key, and ${fitting.length} could be meant, ${MOST_TRIED} at most`;
  const { hash, options } = token.algorithm;
  const signed = Buffer.from(token.signed);
  for (const { object } of fitting) if (verify(hash, signed, { key: object, ...options }, token.signature)) return null;
  return 'has a signature that is not of its key';
}

function fits({ algorithm, alg, kid }: Token, key: TokenKey): boolean {
  if (key.kty !== algorithm.kty || (algorithm.crv !== '' && 'crv' in key && key.crv !== algorithm.crv)) return false;
  if (key.alg !== undefined && key.alg !== alg && !(isEdwards(key.alg) && isEdwards(alg))) return false;
  return kid === null || key.kid === undefined || key.kid === kid;
}

/** Two names of one algorithm (RFC 9864). */
function isEdwards(alg: string): boolean {
  return alg === 'EdDSA' || alg === 'Ed25519';
}

/** Signatures that one token may cost. */
const MOST_TRIED = 16;
