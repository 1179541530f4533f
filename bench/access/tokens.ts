/**
 * What tokens of end users cost: a request without one, with one that came before, and with one that is new, by algorithm.
 *
 *     make bench CASE=tokens   (ROUNDS=5)
 */
import { join } from 'node:path';

import type { TokenRule } from '../../api/request-authentication.ts';
import { parseKeySet } from '../../core/jwt/key-set.ts';
import { TokenIssuer } from '../../core/testing/token-issuer.ts';
import { RequestAuthenticator } from '../../proxy/tokens/request-authenticator.ts';
import { record, summary } from '../result.ts';

const RESULTS = join(import.meta.dirname, '../results/access.jsonl');
const ROUNDS = Number(process.env.ROUNDS || 5);
const REPEATED = 100_000;
const NEW = 1000;

const plain = ['accept', '*/*', 'user-agent', 'bench', 'x-request-id', '1'];
const claims = {
  iss: 'https://issuer.example',
  sub: 'alice',
  aud: ['api'],
  exp: 4_000_000_000,
  groups: ['a', 'b', 'c'],
};
const bearing = (text: string) => ({ method: 'GET', path: '/', fields: [...plain, 'authorization', `Bearer ${text}`] });

for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
  const issuer = new TokenIssuer(alg);
  const { keys } = parseKeySet(TokenIssuer.keySet(issuer)) as { keys: TokenRule['keys'] };
  const rule: TokenRule = {
    issuer: claims.iss,
    audiences: ['api'],
    keys,
    places: [{ header: 'authorization', prefix: 'Bearer ' }, { query: 'access_token' }],
    spaceDelimitedClaims: ['scope'],
    origin: 'RequestAuthentication/default/bench',
    path: 'spec.jwtRules[0]',
  };
  const fresh = Array.from({ length: NEW }, (_, jti) => bearing(issuer.token({ ...claims, jti })));
  note(`${alg}, a new token`, () => microseconds(new RequestAuthenticator([rule]), fresh, NEW));
  if (alg !== 'RS256') continue;
  const authenticator = new RequestAuthenticator([rule]);
  note('a token that came before', () => microseconds(authenticator, fresh.slice(0, 16), REPEATED));
  note('no token', () => microseconds(authenticator, [{ method: 'GET', path: '/', fields: plain }], REPEATED));
}

/** Of one request, over `count` of them. */
function microseconds(
  authenticator: RequestAuthenticator,
  requests: readonly ReturnType<typeof bearing>[],
  count: number,
): number {
  const begunMs = performance.now();
  for (let i = 0; i < count; i++) {
    const { fault } = authenticator.authenticate(requests[i % requests.length]!, Date.now());
    if (fault) throw new Error(fault.why);
  }
  return ((performance.now() - begunMs) * 1000) / count;
}

function note(contestant: string, measured: () => number): void {
  measured();
  const { median, spread } = summary(Array.from({ length: ROUNDS }, measured));
  const round = (figure: number) => Math.round(figure * 100) / 100;
  record(RESULTS, [
    {
      case: 'tokens',
      contestant,
      metric: 'request',
      unit: 'us',
      value: round(median),
      rounds: ROUNDS,
      spread: [round(spread[0]), round(spread[1])],
    },
  ]);
}
