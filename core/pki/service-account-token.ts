import { type KeyObject, sign, verify } from 'node:crypto';

/**
 * Claims of a projected service-account token that is bound to a pod.
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
export interface ServiceAccountTokenClaims {
  readonly iss: string;
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly nbf: number;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly pod: { readonly name: string; readonly uid: string };
    readonly serviceaccount: { readonly name: string; readonly uid: string };
  };
}

/** A compact JWT (RFC 7519) signed with ES256 by a P-256 key: what `weft run` gives its pods instead of Kubernetes. */
export function signServiceAccountToken(claims: ServiceAccountTokenClaims, key: KeyObject): string {
  const { namespace, serviceaccount } = claims['kubernetes.io'];
  const subject = `system:serviceaccount:${namespace}:${serviceaccount.name}`;
  const signed = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode({ ...claims, sub: subject })}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** A token that came apart into its parts; nothing in it is proved until {@link isTokenSignatureValid} says so. */
export interface ParsedToken {
  readonly algorithm: unknown;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: string;
  readonly signature: Buffer;
}

/**
 * Takes a compact JWT apart (RFC 7519); null when it is none. Nothing of it is proved: see {@link
 * isTokenSignatureValid}.
 */
export function parseToken(token: string): ParsedToken | null {
  const match = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token);
  if (!match) return null;
  const header = decode(match[1]!);
  const claims = decode(match[2]!);
  if (!header || !claims) return null;
  return {
    algorithm: header.alg,
    claims,
    signed: `${match[1]}.${match[2]}`,
    signature: Buffer.from(match[3]!, 'base64url'),
  };
}

/** Whether a token is signed with ES256 by the private half of `key` (RFC 7518 section 3.4); no other algorithm is. */
export function isTokenSignatureValid(token: ParsedToken, key: KeyObject): boolean {
  if (token.algorithm !== 'ES256' || token.signature.length !== 64) return false;
  return verify('sha256', Buffer.from(token.signed), { key, dsaEncoding: 'ieee-p1363' }, token.signature);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
