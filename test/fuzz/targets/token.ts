import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

import type { TokenRule } from '../../../api/request-authentication.ts';
import type { Random } from '../../../core/testing/random.ts';
import { RequestAuthenticator } from '../../../proxy/tokens/request-authenticator.ts';
import { damage, type Target } from '../target.ts';

/** The same in each run, so that cases are: 32 octets of one value, as PKCS #8 has an Ed25519 key (RFC 8410 section 7). */
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = createPublicKey(privateKey);
const NOW_MS = 1_800_000_000_000;
const ISSUER = 'me';

const RULE: TokenRule = {
  issuer: ISSUER,
  audiences: ['api'],
  keys: [{ kty: 'OKP', crv: 'Ed25519', x: publicKey.export({ format: 'jwk' }).x! }],
  places: [
    { header: 'authorization', prefix: 'Bearer ' },
    { header: 'x-jwt', prefix: '' },
    { query: 't' },
    { cookie: 't' },
  ],
  payloadHeader: 'x-payload',
  claimHeaders: [{ header: 'x-sub', claim: ['sub'] }],
  spaceDelimitedClaims: ['scope'],
  origin: 'RequestAuthentication/default/fuzz',
  path: 'spec.jwtRules[0]',
};
const authenticator = new RequestAuthenticator([RULE]);

/**
 * A request's target and its fields, a line each, with tokens in some of the places. Whatever is taken is signed, of the issuer,
 * for the audience and in time; and of a request that is let on no token is left, and no header that a client has lent itself.
 */
export const token: Target = {
  make(random) {
    const [before, after] = [random.pick(['', 'b&', '&', 'b;', '%74=&']), random.pick(['', '&c=d', ';c', '&&t='])];
    const lines = [random.oneIn(3) ? `/a?${before}t=${tokenOf(random)}${after}` : '/a?b=c'];
    if (random.oneIn(2))
      lines.push(`authorization: ${random.pick(['Bearer ', 'bearer\t', 'Basic ', 'Bearer'])}${tokenOf(random)}`);
    if (random.oneIn(3)) lines.push(`cookie: a=b; t=${tokenOf(random)}; c="d"`);
    if (random.oneIn(4)) lines.push(`X-JWT: ${tokenOf(random)}`);
    if (random.oneIn(4))
      lines.push(random.pick(['x_jwt: a.b.c', 'X-Sub: mallory', 'x_sub: mallory', 'x-payload: e30']));
    return damage(Buffer.from(lines.join('\n'), 'latin1'), random);
  },
  run(octets) {
    const [path = '', ...rest] = Buffer.from(octets).toString('latin1').split('\n');
    const fields = rest.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const request = { method: 'GET', path, fields };
    const found = authenticator.authenticate(request, NOW_MS);
    const again = authenticator.authenticate(request, NOW_MS);
    if (JSON.stringify(found) !== JSON.stringify(again)) throw new Error('the same request is found otherwise');
    if (found.token) assertGood(path, fields, found.token.principal);
    if (!found.fault) assertPlain(found, found.token?.claims.sub);
    return JSON.stringify({ ...found, validUntilMs: String(found.validUntilMs) });
  },
};

/** Of what may be in a request one has to be a token that whoever reads it plainly would take. */
function assertGood(path: string, fields: readonly string[], principal: string): void {
  const text = unescaped(`${path}\n${fields.join('\n')}`);
  const isGood = [...text.matchAll(/([\w-]+)\.([\w-]+)\.([\w-]+)/g)].some(
    ([, head = '', payload = '', signature = '']) => {
      if (!verify(null, Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, 'base64url')))
        return false;
      const claims = objectOf(Buffer.from(payload, 'base64url').toString());
      const isForUs = [claims.aud].flat().includes('api');
      return (
        isForUs &&
        claims.iss === ISSUER &&
        !((claims.exp as number) < NOW_MS / 1000 - 60) &&
        principal === (claims.sub ? `${ISSUER}/${claims.sub}` : '')
      );
    },
  );
  if (!isGood) throw new Error('a token is taken that is none');
}

function assertPlain({ path, fields }: { path: string; fields: readonly string[] }, subject: unknown): void {
  const { token: left, fault } = authenticator.authenticate({ method: 'GET', path, fields }, NOW_MS);
  if (left || fault) throw new Error('a token is left');
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase().replaceAll('_', '-');
    if (name === 'x-sub' && fields[i + 1] !== subject) throw new Error('a header of a claim is lent');
  }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

function unescaped(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}

/** Mostly a good one, sometimes of which something is wrong. */
function tokenOf(random: Random): string {
  const header = random.oneIn(6) ? { alg: random.pick(['none', 'HS256', 'ES256', 'EDDSA']) } : { alg: 'EdDSA' };
  const claims = {
    iss: random.oneIn(8) ? 'you' : ISSUER,
    sub: random.pick(['alice', 'bob']),
    aud: random.pick(['api', ['web', 'api'], 'web']),
    exp: random.pick([1_800_000_600, 1_700_000_000, '1800000600']),
  };
  const [head, payload] = [header, claims].map((part) => {
    const text = Buffer.from(JSON.stringify(part));
    return Buffer.from(random.oneIn(8) ? damage(text, random) : text).toString('base64url');
  });
  const signature = sign(null, Buffer.from(`${head}.${payload}`), privateKey).toString('base64url');
  return `${head}.${payload}.${random.oneIn(8) ? signature.slice(1) : signature}`;
}
