/**
 * Against jose: what it signs is verified here, and what is signed here is verified by it, for each algorithm; and what is taken
 * here of tokens that were changed, it takes too.
 */
import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import t from 'tap';

import { Random } from '../testing/random.ts';
import { TokenIssuer } from '../testing/token-issuer.ts';
import { parseKeySet } from './key-set.ts';
import { signatureFault, verifyingKeys } from './signature.ts';
import { parseToken } from './token.ts';
import { TOKEN_ALGORITHMS } from './token-algorithm.ts';

for (const alg of TOKEN_ALGORITHMS.keys())
  t.test(`${alg}: a token of jose is good here, and one of ours is good there`, async (t) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const text = await new SignJWT({ groups: ['a'] })
      .setProtectedHeader({ alg, kid: 'one' })
      .setIssuer('me')
      .setSubject('alice')
      .setAudience(['api', 'web'])
      .setExpirationTime('1h')
      .sign(privateKey);
    const set = parseKeySet(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg }] }));
    const token = parseToken(text);
    if (typeof set === 'string' || typeof token === 'string') return t.fail(`${JSON.stringify(set)} ${String(token)}`);
    t.equal(signatureFault(token, verifyingKeys(set.keys)), null);
    t.match(token, { issuer: 'me', subject: 'alice', audiences: ['api', 'web'], claims: { groups: ['a'] } });
    const issuer = new TokenIssuer(alg);
    const { payload } = await jwtVerify(issuer.token({ iss: 'me', sub: 'bob' }), await importJWK(issuer.jwk, alg));
    t.equal(payload.sub, 'bob');
  });

t.test('of tokens that were changed nothing is taken that jose does not take', async (t) => {
  const issuer = new TokenIssuer('ES256');
  const set = parseKeySet(TokenIssuer.keySet(issuer));
  if (typeof set === 'string') return t.fail(set);
  const keys = verifyingKeys(set.keys);
  const key = await importJWK(issuer.jwk, 'ES256');
  const random = new Random(1);
  const whole = [
    issuer.token({ iss: 'me', sub: 'alice' }),
    issuer.token({ iss: 'me' }, { crit: ['x'], x: 1 }),
    issuer.token({ iss: 'me', exp: 1e15 }, { kid: undefined }),
    issuer.token('[1]'),
  ];
  let taken = 0;
  for (let i = 0; i < 1000; i++) {
    let text = random.pick(whole);
    for (let changes = random.below(3); changes > 0; changes--) {
      const at = random.below(text.length);
      const rest = text.slice(at + random.below(2));
      text = `${text.slice(0, at)}${random.pick(['', 'A', '.', '=', '+', ' ', '_', 'e30'])}${rest}`;
    }
    const token = parseToken(text);
    if (typeof token === 'string' || signatureFault(token, keys) !== null) continue;
    taken++;
    await t.resolves(jwtVerify(text, key), text);
  }
  t.ok(taken > 100, `${taken} are taken`);
});
