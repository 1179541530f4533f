import type { TokenRule } from '../../api/request-authentication.ts';
import { signatureFault, type VerifyingKey, verifyingKeys } from '../../core/jwt/signature.ts';
import { parseToken, type Token } from '../../core/jwt/token.ts';
import { nestedClaim, type TokenAttributes } from '../access/token-attributes.ts';
import type { TokenFault } from '../access/token-fault.ts';
import { headerValue, octetsOf } from '../routing/request-parts.ts';
import { type RememberedToken, RememberedTokens } from './remembered-tokens.ts';
import { type Carrier, TokenPlaces } from './token-places.ts';

/** What is found of a request's tokens. */
export interface Authentication extends Carrier {
  /** null: it has none, or none that is good. */
  readonly token: TokenAttributes | null;
  /** null: nothing is wrong with it. */
  readonly fault: TokenFault | null;
  /** When the same request has to be looked at again, milliseconds since 1970. */
  readonly validUntilMs: number;
}

/** A request whose tokens are looked at. */
export interface AuthenticatedRequest extends Carrier {
  readonly method: string;
}

/**
 * Checks the JSON Web Tokens of requests by the rules of RequestAuthentications.
 *
 * A request without a token is let on. Each token that is found has to be good by one of the rules that look where it was found,
 * and there may not be two that differ: who would be meant then is nobody's to guess. What the application gets has neither the
 * token, unless its rule forwards it, nor a header of a rule that the client has lent itself.
 *
 * Source: https://istio.io/latest/docs/reference/config/security/request_authentication/
 */
export class RequestAuthenticator {
  readonly #rules: readonly CompiledRule[];
  readonly #places: TokenPlaces;
  readonly #isLent: (name: string) => boolean;
  /** Signatures that are good, and those that are not: a flood of the latter pushes none of the former out. */
  readonly #good = new RememberedTokens(BOUNDS_OF_GOOD);
  readonly #bad = new RememberedTokens(BOUNDS_OF_BAD);
  /** Signatures that were looked at. */
  verifications = 0;

  /** @throws Error where a rule has something that this version does not know, or a key that is none */
  constructor(rules: readonly TokenRule[]) {
    this.#rules = rules.map((rule) => ({
      rule,
      places: new TokenPlaces(rule.places),
      keys: rule.keys && verifyingKeys(rule.keys),
    }));
    this.#places = TokenPlaces.ofAll(rules);
    this.#isLent = lentNames(rules);
  }

  /** @param nowMs since 1970 */
  authenticate(request: AuthenticatedRequest, nowMs: number): Authentication {
    const found = new Set(this.#places.find(request));
    found.delete('');
    const plain = { path: request.path, fields: this.withoutLent(request.fields) };
    if (found.size === 0) return { ...plain, token: null, fault: null, validUntilMs: Number.POSITIVE_INFINITY };
    // Whoever asks whether a request may be made proves nothing by it (Fetch, "CORS-preflight request").
    if (isPreflight(request))
      return { ...this.#places.without(plain), token: null, fault: null, validUntilMs: Number.POSITIVE_INFINITY };
    if (found.size > 1) return refused(plain, this.#fault('has more than one token, and they are different'));
    const [text] = found as unknown as [string];
    const token = this.#read(text);
    if (typeof token === 'string') return refused(plain, this.#fault(`has a token that ${token}`));
    let fault: RankedFault | null = null;
    for (const [at, each] of this.#rules.entries()) {
      if (!each.places.find(request).includes(text)) continue;
      const wrong = this.#faultBy(token, text, at, nowMs);
      if (!wrong) return this.#accepted(plain, token.token, each.rule);
      if (!fault || wrong.rank > fault.rank) fault = wrong;
    }
    return refused(plain, fault!);
  }

  /** Fields without those that a rule fills by a token, and without what a server might take for them or for a token. */
  withoutLent(fields: readonly string[]): readonly string[] {
    for (let i = 0; i < fields.length; i += 2) {
      if (!this.#isLent(fields[i]!)) continue;
      const kept: string[] = [];
      for (let j = 0; j < fields.length; j += 2) if (!this.#isLent(fields[j]!)) kept.push(fields[j]!, fields[j + 1]!);
      return kept;
    }
    return fields;
  }

  /** @returns what is wrong with it, or the token */
  #read(text: string): RememberedToken | string {
    const known = this.#good.find(text) ?? this.#bad.find(text);
    if (known) return known;
    const token = parseToken(text);
    return typeof token === 'string' ? token : { token, signatures: new Map() };
  }

  /** What a rule has against a token, the later the closer it came; null: nothing. The order is Envoy's. */
  #faultBy(remembered: RememberedToken, text: string, at: number, nowMs: number): RankedFault | null {
    const { token } = remembered;
    const { rule, keys } = this.#rules[at]!;
    const { origin, path } = rule;
    const fault = (rank: number, why: string, kind: TokenFault['kind'] = 'invalid'): RankedFault => ({
      rank,
      kind,
      why: `has a token that ${why}`,
      origin,
      path,
    });
    if (token.issuer !== rule.issuer) return fault(1, `is issued by ${shown(token.issuer)}, not by ${rule.issuer}`);
    if (token.expiresAt !== null && nowMs >= expiryMs(token.expiresAt)) return fault(2, 'has expired');
    if (token.notBefore !== null && nowMs < token.notBefore * 1000 - SKEW_MS) return fault(2, 'is not valid yet');
    if (rule.audiences.length > 0 && !hasAudience(token, rule.audiences))
      return fault(3, 'is for others', 'for-others');
    if (!keys) {
      const why = `is issued by ${rule.issuer}, whose keys are not known yet (${rule.keysFrom ?? 'no source'})`;
      return fault(4, why, 'keys-unknown');
    }
    let wrong = remembered.signatures.get(at);
    if (wrong === undefined) {
      wrong = signatureFault(token, keys);
      this.verifications++;
      remembered.signatures.set(at, wrong);
      (wrong === null ? this.#good : this.#bad).keep(text, remembered);
    }
    return wrong === null ? null : fault(4, wrong);
  }

  #accepted(plain: Carrier, token: Token, rule: TokenRule): Authentication {
    const { path, fields } = rule.isForwarded ? plain : this.#places.without(plain);
    return {
      path,
      fields: [...fields, ...filledBy(token, rule)],
      token: attributesOf(token, rule),
      fault: null,
      validUntilMs: token.expiresAt === null ? Number.POSITIVE_INFINITY : expiryMs(token.expiresAt),
    };
  }

  #fault(why: string): TokenFault {
    const { origin, path } = this.#rules[0]!.rule;
    return { kind: 'invalid', why, origin, path };
  }
}

interface CompiledRule {
  readonly rule: TokenRule;
  readonly places: TokenPlaces;
  /** null: not known yet. */
  readonly keys: readonly VerifyingKey[] | null;
}

interface RankedFault extends TokenFault {
  readonly rank: number;
}

/** It is looked at again whenever it comes: what is not valid yet may be soon. */
function refused(plain: Carrier, { kind, why, origin, path }: TokenFault): Authentication {
  return { ...plain, token: null, fault: { kind, why, origin, path }, validUntilMs: 0 };
}

function isPreflight({ method, fields }: AuthenticatedRequest): boolean {
  if (method !== 'OPTIONS') return false;
  return PREFLIGHT.every((name) => (headerValue(fields, name) ?? '') !== '');
}

/** Any of the audiences; with or without a scheme and a slash at its end, as Envoy compares them. */
function hasAudience({ audiences }: Token, wanted: readonly string[]): boolean {
  const bare = wanted.map(bareAudience);
  return audiences.some((each) => bare.includes(bareAudience(each)));
}

function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function attributesOf({ issuer, subject, audiences, claims }: Token, rule: TokenRule): TokenAttributes {
  return {
    principal: issuer === '' || subject === '' ? '' : `${issuer}/${subject}`,
    presenter: typeof claims.azp === 'string' ? claims.azp : '',
    audiences,
    claims,
    delimited: rule.spaceDelimitedClaims,
  };
}

/** Headers that a rule fills. A claim that no header can hold is left out. */
function filledBy(token: Token, { payloadHeader, claimHeaders = [] }: TokenRule): string[] {
  const fields = payloadHeader === undefined ? [] : [payloadHeader, token.payload];
  for (const { header, claim } of claimHeaders) {
    const value = nestedClaim(token.claims, claim);
    const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
    if (isPlain && !CONTROL.test(String(value))) fields.push(header, octetsOf(String(value)));
  }
  return fields;
}

/**
 * Whether a field is one that a rule fills, or one that a server that makes variables of fields (RFC 3875 section 4.1.18) hears as
 * that, or as one that has a token.
 */
function lentNames(rules: readonly TokenRule[]): (name: string) => boolean {
  const filled = new Set(
    rules.flatMap(({ payloadHeader, claimHeaders = [] }) => [
      ...(payloadHeader === undefined ? [] : [payloadHeader]),
      ...claimHeaders.map(({ header }) => header),
    ]),
  );
  const placed = new Set(
    rules.flatMap(({ places }) => places.flatMap((place) => ('header' in place ? place.header : []))),
  );
  const heard = new Set([...filled, ...placed].map((name) => name.replaceAll('_', '-')));
  return (field) => {
    const name = field.toLowerCase();
    return filled.has(name) || (heard.has(name.replaceAll('_', '-')) && !placed.has(name));
  };
}

function expiryMs(seconds: number): number {
  return seconds * 1000 + SKEW_MS;
}

function shown(issuer: string): string {
  return issuer === '' ? 'nobody' : JSON.stringify(issuer.slice(0, 100));
}

/** How far clocks may differ, as for Envoy. */
const SKEW_MS = 60_000;
const PREFLIGHT = ['origin', 'access-control-request-method'];
const CONTROL = /[\0-\x1f\x7f]|\p{Surrogate}/u;
const BOUNDS_OF_GOOD = { mostTokens: 1000, mostCharacters: 512 * 1024 };
const BOUNDS_OF_BAD = { mostTokens: 100, mostCharacters: 64 * 1024 };
