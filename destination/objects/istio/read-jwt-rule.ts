import { MESH_HEADERS } from '../../../api/mesh-words.ts';
import type { ClaimHeader, TokenPlace } from '../../../api/request-authentication.ts';
import { headerNameFault, tokenFault } from '../../../core/http/head-text.ts';
import { parseKeySet } from '../../../core/jwt/key-set.ts';
import type { FieldReader } from '../field-reader.ts';
import type { JwtRule, KeySource } from './request-authentication.ts';

/** Reads an entry of `spec.jwtRules`. Source: RequestAuthentication, "JWTRule". */
export function readJwtRule(reader: FieldReader): JwtRule {
  reader.allow([
    'issuer',
    'audiences',
    'jwksUri',
    'jwks_uri',
    'jwks',
    'fromHeaders',
    'fromParams',
    'fromCookies',
    'outputPayloadToHeader',
    'outputClaimToHeaders',
    'forwardOriginalToken',
    'spaceDelimitedClaims',
    'timeout',
  ]);
  const issuer = reader.text('issuer') ?? '';
  return {
    path: reader.path,
    issuer,
    audiences: reader.texts('audiences'),
    keys: readKeySource(reader, issuer),
    places: readPlaces(reader),
    isForwarded: reader.flag('forwardOriginalToken'),
    payloadHeader: reader.optionalText('outputPayloadToHeader', filledHeaderFault)?.toLowerCase() ?? '',
    claimHeaders: readClaimHeaders(reader),
    // Istio takes these for lists whatever is written.
    spaceDelimitedClaims: [...new Set([...LISTS, ...reader.texts('spaceDelimitedClaims')])],
  };
}

function readKeySource(reader: FieldReader, issuer: string): KeySource {
  const timeoutMs = reader.duration('timeout', 1) ?? DEFAULT_TIMEOUT_MS;
  if (timeoutMs > MAX_TIMEOUT_MS) reader.problem('timeout', `is longer than ${MAX_TIMEOUT_MS / 1000}s`);
  const field = reader.has('jwks_uri') ? 'jwks_uri' : 'jwksUri';
  if (field === 'jwks_uri' && reader.has('jwksUri')) reader.problem('jwks_uri', 'excludes jwksUri, which is the same');
  if (reader.has('jwks')) {
    if (reader.has(field)) reader.problem('jwks', `excludes ${field}, which stands beside it`);
    return { kind: 'inline', keys: readInline(reader) };
  }
  if (reader.has(field)) return { kind: 'url', url: reader.optionalText(field, urlFault) ?? '', timeoutMs };
  // OpenID Connect Discovery 1.0, section 4.
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  if (issuer !== '' && urlFault(issuer) !== null)
    reader.problem('', 'has neither jwks nor jwksUri, and its issuer is no http or https URL that could name the keys');
  return { kind: 'discovery', url, timeoutMs };
}

function readInline(reader: FieldReader) {
  const text = reader.text('jwks');
  const set = text === null ? 'is missing' : parseKeySet(text);
  if (typeof set === 'string') {
    if (text !== null) reader.problem('jwks', set);
    return [];
  }
  for (const each of set.leftOut) reader.warning('jwks', `${each}; it is left out`);
  if (set.hasPrivateKey)
    reader.warning(
      'jwks',
      'has a private key: whoever may read this object can make tokens; leave "d" and what follows out',
    );
  return set.keys;
}

function readPlaces(reader: FieldReader): TokenPlace[] {
  const headers = reader.nestedList('fromHeaders').flatMap((entry): TokenPlace[] => {
    entry.allow(['name', 'prefix']);
    const name = entry.text('name');
    const fault = name === null ? null : headerNameFault(name);
    if (fault !== null) entry.problem('name', fault);
    const header = name?.toLowerCase() ?? '';
    if (header === 'host' || header === 'cookie')
      entry.problem('name', `${header} is no header of a token; for cookies there is fromCookies`);
    return fault === null && name !== null ? [{ header, prefix: entry.textOr('prefix', '') }] : [];
  });
  const places = [
    ...headers,
    ...reader.texts('fromParams').map((query): TokenPlace => ({ query })),
    ...reader.texts('fromCookies', tokenFault).map((cookie): TokenPlace => ({ cookie })),
  ];
  return places.length > 0 ? places : DEFAULT_PLACES;
}

function readClaimHeaders(reader: FieldReader): ClaimHeader[] {
  return reader.nestedList('outputClaimToHeaders').flatMap((entry): ClaimHeader[] => {
    entry.allow(['header', 'claim']);
    const header = entry.text('header');
    const fault = header === null ? null : filledHeaderFault(header);
    if (fault !== null) entry.problem('header', fault);
    const claim = entry.text('claim');
    return header === null || claim === null ? [] : [{ header: header.toLowerCase(), claim: claim.split('.') }];
  });
}

/** Why a header cannot be one that a token fills. */
function filledHeaderFault(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === 'host' || lower === 'cookie') return `"${name}" cannot be filled by a token`;
  if (MESH_HEADERS.some((each) => each.name === lower.replaceAll('_', '-')))
    return `"${name}" is said by the mesh alone`;
  return headerNameFault(name);
}

function urlFault(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return `"${text}" is no http or https URL`;
  return url.username !== '' || url.password !== '' ? 'has a user or a password, which are not sent' : null;
}

/** Source: RFC 6750 section 2. */
const DEFAULT_PLACES: readonly TokenPlace[] & TokenPlace[] = [
  { header: 'authorization', prefix: 'Bearer ' },
  { query: 'access_token' },
];
const LISTS = ['scope', 'permission'];
const DEFAULT_TIMEOUT_MS = 5000;
const MAX_TIMEOUT_MS = 60_000;
