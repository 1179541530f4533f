import { createPublicKey } from 'node:crypto';

import type { TokenKey } from '../../api/request-authentication.ts';
import { TOKEN_ALGORITHMS } from './token-algorithm.ts';

/** What a JSON Web Key Set has for verifying tokens. */
export interface KeySet {
  readonly keys: readonly TokenKey[];
  /** Why others of its keys are left out, a sentence for each. */
  readonly leftOut: readonly string[];
  /** It has what tokens are signed with, too. */
  readonly hasPrivateKey: boolean;
}

/** Longest key set that is read, octets. */
export const MAX_KEY_SET_OCTETS = 256 * 1024;
/** Most keys of a set; a set with more is not used. */
export const MAX_KEYS = 64;

/**
 * Reads a JSON Web Key Set (RFC 7517 section 5). Keys that are for something else, or that are of no use, are left out; of the
 * others the public half alone is kept.
 *
 * @returns what is wrong with the set as a whole, a few words, or the set. One without a key that can be used is wrong
 */
export function parseKeySet(text: string): KeySet | string {
  if (Buffer.byteLength(text) > MAX_KEY_SET_OCTETS) return `is longer than ${MAX_KEY_SET_OCTETS} octets`;
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return 'is no JSON';
  }
  const { keys } = (isObject(set) ? set : {}) as { keys?: unknown };
  if (!Array.isArray(keys)) return 'is no JSON Web Key Set, which has a list of "keys"';
  if (keys.length > MAX_KEYS) return `has ${keys.length} keys, ${MAX_KEYS} at most`;
  const read = keys.map(readKey);
  const leftOut = read.flatMap((each, at) => (typeof each === 'string' ? `keys[${at}] ${each}` : []));
  const usable = read.filter((each) => typeof each !== 'string');
  if (usable.length === 0)
    return `has no key that a token can be verified with${leftOut.map((each) => `; ${each}`).join('')}`;
  return { keys: usable, leftOut, hasPrivateKey: keys.some((key) => isObject(key) && Object.hasOwn(key, 'd')) };
}

/** @returns why it is left out, or the key */
function readKey(value: unknown): TokenKey | string {
  if (!isObject(value)) return 'is no object';
  const { kty, use, key_ops: operations, kid, alg } = value;
  if (use !== undefined && use !== 'sig') return 'is not for signatures';
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return 'is not for verifying';
  if (kid !== undefined && typeof kid !== 'string') return 'has a kid that is no text';
  const key = publicHalf(value);
  if (typeof key === 'string') return key;
  const known = typeof alg === 'string' ? TOKEN_ALGORITHMS.get(alg) : undefined;
  if (alg !== undefined && !known) return `is for ${shown(alg)}, which is not taken`;
  if (known && (known.kty !== kty || (known.crv !== '' && known.crv !== value.crv)))
    return `is of another type than its alg ${shown(alg)}`;
  try {
    createPublicKey({ key: { ...key }, format: 'jwk' });
  } catch {
    return 'is no public key';
  }
  return { ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg: alg as string }), ...key };
}

/** @returns why it can be none, or the numbers of the key */
function publicHalf({ kty, n, e, crv, x, y }: Readonly<Record<string, unknown>>): TokenKey | string {
  if (kty === 'RSA') {
    if (typeof n !== 'string' || typeof e !== 'string') return 'has no n and e';
    const bits = bitsOf(n);
    if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
      return `has ${bits} bits, and an RSA key has ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`;
    // A large exponent makes verification as dear as signing.
    if (bitsOf(e) > MAX_EXPONENT_BITS) return `has an exponent of more than ${MAX_EXPONENT_BITS} bits`;
    return { kty, n, e };
  }
  if (kty !== 'EC' && kty !== 'OKP') return `is of the type ${shown(kty)}, which is not taken`;
  const isKnown = [...TOKEN_ALGORITHMS.values()].some((each) => each.kty === kty && each.crv === crv);
  if (!isKnown || typeof crv !== 'string') return `is on the curve ${shown(crv)}, which is not taken`;
  if (typeof x !== 'string' || (kty === 'EC' && typeof y !== 'string')) return 'has no coordinates';
  return kty === 'EC' ? { kty, crv, x, y: y as string } : { kty, crv, x };
}

/** Length of a number that is written as base64url. */
function bitsOf(number: string): number {
  const octets = Buffer.from(number, 'base64url');
  const first = octets.findIndex((octet) => octet !== 0);
  return first < 0 ? 0 : (octets.length - first) * 8 - (Math.clz32(octets[first]!) - 24);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : `a ${typeof value}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MAX_EXPONENT_BITS = 32;
