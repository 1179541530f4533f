/**
 * How the JSON Web Tokens of a pod's requests are checked (RFC 7519). Tokens are looked for where any rule says; each that is
 * found has to be good by one of the rules that look there. A request without a token is let on, and has no claims.
 */
export interface TokenRule {
  /** What the claim `iss` has to be, exactly. */
  readonly issuer: string;
  /** Any of these has to be an audience of the token; empty: it may be for anybody. */
  readonly audiences: readonly string[];
  /** Any of these has signed it; null: they are not known yet, and every token of the issuer is refused. */
  readonly keys: readonly TokenKey[] | null;
  /** The URL that the keys are from. Absent: they stand in the object. */
  readonly keysFrom?: string;
  /** Where a token may be, at least one place. */
  readonly places: readonly TokenPlace[];
  /** The application gets the token. Absent: it is removed. */
  readonly isForwarded?: true;
  /** Header, in lower case, that the application gets the token's payload in, as it is written in the token. Absent: none. */
  readonly payloadHeader?: string;
  /** Absent: none. */
  readonly claimHeaders?: readonly ClaimHeader[];
  /** Claims that are lists, written as a text with spaces. */
  readonly spaceDelimitedClaims: readonly string[];
  /** `RequestAuthentication/default/api`. */
  readonly origin: string;
  /** `spec.jwtRules[0]`. */
  readonly path: string;
}

/**
 * A place of a request that has a token. `header` is in lower case; `prefix` stands before the token, in either case, and is
 * often empty. A parameter of the query and a cookie have the token alone.
 */
export type TokenPlace =
  | { readonly header: string; readonly prefix: string }
  | { readonly query: string }
  | { readonly cookie: string };

/** A header that the application gets a claim in. */
export interface ClaimHeader {
  /** In lower case. */
  readonly header: string;
  /** Name of the claim, and of what it has nested in it. */
  readonly claim: readonly string[];
}

/** The public half of a key (RFC 7517, RFC 7518 section 6, RFC 8037). Numbers are base64url. */
export type TokenKey = { readonly kid?: string; readonly alg?: string } & (
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }
);

/** What rules may ask of a token: `principal` is `iss/sub`, `presenter` the claim `azp`, `audiences` any of `aud`. */
export type TokenAttribute = 'principal' | 'presenter' | 'audiences' | 'claims';
