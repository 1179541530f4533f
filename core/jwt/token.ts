import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './token-algorithm.ts';
import { hasUniqueNames } from './unique-names.ts';

/** A JSON Web Token as it is written, of which nothing is proved yet. */
export interface Token {
  readonly algorithm: TokenAlgorithm;
  /** Name of the algorithm. */
  readonly alg: string;
  /** Name of the key; null: it names none. */
  readonly kid: string | null;
  /** Empty: it says none. */
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970; null: never. */
  readonly expiresAt: number | null;
  readonly notBefore: number | null;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The payload as it is written, base64url. */
  readonly payload: string;
  /** What is signed. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** Longest token that is looked at, characters. */
export const MAX_TOKEN_CHARACTERS = 16 * 1024;

/**
 * Reads a token in compact form (RFC 7515 section 7.1) as strictly as its words allow:
 *
 *     BASE64URL(header) "." BASE64URL(payload) "." BASE64URL(signature)
 *
 * A name that stands twice, a time that is a text, a critical extension, a character that is none of base64url: each makes it
 * unreadable, because somebody else may read it differently.
 *
 * @returns what is wrong with it in a few words, or the token
 */
export function parseToken(text: string): Token | string {
  if (text.length > MAX_TOKEN_CHARACTERS) return `is longer than ${MAX_TOKEN_CHARACTERS} characters`;
  const [head = '', payload = '', sign = '', ...rest] = text.split('.');
  if (head === '' || payload === '' || sign === '' || rest.length > 0)
    return 'is not of the form header.payload.signature';
  const header = decodedObject(head);
  if (typeof header === 'string') return `has a header that ${header}`;
  const { alg, kid } = header;
  const algorithm = typeof alg === 'string' ? TOKEN_ALGORITHMS.get(alg) : undefined;
  if (!algorithm) return 'is signed by an algorithm that is not taken';
  if (Object.hasOwn(header, 'crit')) return 'demands an extension that is not known';
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KEY_NAME)) return 'has a kid that is no text';
  const claims = decodedObject(payload);
  if (typeof claims === 'string') return `has a payload that ${claims}`;
  const signature = decoded(sign);
  if (!signature) return 'has a signature that is no base64url';
  const { iss = '', sub = '', aud = [] } = claims;
  if (typeof iss !== 'string') return 'has an iss that is no text';
  if (typeof sub !== 'string') return 'has a sub that is no text';
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((each) => typeof each === 'string'))
    return 'has an aud that is neither a text nor a list of texts';
  const odd = TIMES.find((name) => !isTime(claims[name]));
  if (odd !== undefined) return `has an ${odd} that is no number`;
  return {
    algorithm,
    alg: alg as string,
    kid: kid ?? null,
    issuer: iss,
    subject: sub,
    audiences,
    expiresAt: (claims.exp as number | undefined) ?? null,
    notBefore: (claims.nbf as number | undefined) ?? null,
    claims,
    payload,
    signed: `${head}.${payload}`,
    signature,
  };
}

/** Whether a claim is a time, or not there (RFC 7519 section 2, NumericDate). */
function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);
}

/** @returns what is wrong, or the object */
function decodedObject(part: string): Record<string, unknown> | string {
  const octets = decoded(part);
  if (!octets) return 'is no base64url';
  try {
    const text = UTF8.decode(octets);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no object';
    return hasUniqueNames(text) ? (value as Record<string, unknown>) : 'has a name twice';
  } catch {
    return 'is no JSON';
  }
}

/** Octets of base64url without padding; null: it is none, or not the one way to write them (RFC 4648 section 3.5). */
function decoded(part: string): Buffer | null {
  if (!BASE64URL.test(part)) return null;
  const octets = Buffer.from(part, 'base64url');
  return octets.toString('base64url') === part ? octets : null;
}

const BASE64URL = /^[A-Za-z0-9_-]+$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TIMES = ['exp', 'nbf', 'iat'] as const;
const MAX_KEY_NAME = 1024;
