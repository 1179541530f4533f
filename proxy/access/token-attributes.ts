import type { TokenAttribute } from '../../api/request-authentication.ts';
import { octetsOf } from '../routing/request-parts.ts';

/** What rules may ask of a token that was found good. Texts are Unicode. */
export interface TokenAttributes {
  /** `iss/sub`; empty where it lacks one of them. */
  readonly principal: string;
  /** The claim `azp`; empty: it has none. */
  readonly presenter: string;
  readonly audiences: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  /** Names of claims that are lists, written as a text with spaces. */
  readonly delimited: readonly string[];
}

/**
 * The values of an attribute, any of which a match may take, one character an octet; none: the token does not have it.
 * Of claims texts and lists of texts alone are any: numbers, truth values and objects are taken by no match, as in Istio.
 *
 * @param claim name of a claim, and of what is nested in it
 */
export function tokenValues(
  token: TokenAttributes,
  attribute: TokenAttribute,
  claim: readonly string[],
): readonly string[] {
  switch (attribute) {
    case 'principal':
      return token.principal === '' ? NONE : [octetsOf(token.principal)];
    case 'presenter':
      return token.presenter === '' ? NONE : [octetsOf(token.presenter)];
    case 'audiences':
      return token.audiences.map(octetsOf);
    case 'claims':
      return claimValues(token, claim).map(octetsOf);
  }
}

function claimValues({ claims, delimited }: TokenAttributes, claim: readonly string[]): readonly string[] {
  const value = nestedClaim(claims, claim);
  if (typeof value === 'string')
    return claim.length === 1 && delimited.includes(claim[0]!)
      ? value.split(' ').filter((each) => each !== '')
      : [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : NONE;
}

/** The value of a claim, or of what is nested in it; undefined: there is none. */
export function nestedClaim(claims: Readonly<Record<string, unknown>>, claim: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of claim) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

const NONE: readonly string[] = [];
