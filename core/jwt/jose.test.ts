/** Against jose: what it signs is verified here, and what is signed here is verified by it, for each algorithm. */
import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import t from 'tap';

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
