import { createPrivateKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';

import { TOKEN_ALGORITHMS } from '../jwt/token-algorithm.ts';

/** Somebody who makes JSON Web Tokens, for tests: a key of an algorithm, and its public half. */
export class TokenIssuer {
  readonly alg: string;
  readonly kid: string;
  readonly #privateKey: KeyObject;
  readonly jwk: JsonWebKey & { readonly kid: string };

  constructor(alg = 'ES256', kid = `key-of-${alg}`) {
    const { kty, crv } = TOKEN_ALGORITHMS.get(alg)!;
    const { privateKey, publicKey } =
      kty === 'RSA'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : kty === 'EC'
          ? generateKeyPairSync('ec', { namedCurve: crv })
          : generateKeyPairSync('ed25519');
    this.alg = alg;
    this.kid = kid;
    this.#privateKey = privateKey;
    this.jwk = { ...publicKey.export({ format: 'jwk' }), kid };
  }

  /** A JSON Web Key Set of issuers' public halves, as text. */
  static keySet(...issuers: readonly TokenIssuer[]): string {
    return JSON.stringify({ keys: issuers.map(({ jwk }) => jwk) });
  }

  /** A token. @param claims as an object, or as the text of one @param header over what it has by itself; undefined: left out */
  token(claims: object | string, header: object = {}): string {
    const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
    const head = JSON.stringify({ alg: this.alg, typ: 'JWT', kid: this.kid, ...header });
    const signed = `${encoded(head)}.${encoded(payload)}`;
    const { hash, options } = TOKEN_ALGORITHMS.get(this.alg)!;
    return `${signed}.${sign(hash, Buffer.from(signed), { key: this.#privateKey, ...options }).toString('base64url')}`;
  }

  /** The private half as a JSON Web Key, for what must not have it. */
  get privateJwk(): JsonWebKey {
    return createPrivateKey(this.#privateKey.export({ format: 'pem', type: 'pkcs8' })).export({ format: 'jwk' });
  }
}

/** Base64url of a text. */
export function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}
