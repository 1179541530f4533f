import { createHmac } from 'node:crypto';
import t from 'tap';

import { encoded, TokenIssuer } from '../testing/token-issuer.ts';
import { parseKeySet } from './key-set.ts';
import { signatureFault, verifyingKeys } from './signature.ts';
import { MAX_TOKEN_CHARACTERS, parseToken } from './token.ts';
import { TOKEN_ALGORITHMS } from './token-algorithm.ts';
import { hasUniqueNames } from './unique-names.ts';

const CLAIMS = { iss: 'https://issuer.example', sub: 'alice', aud: ['api'], exp: 4_000_000_000, nbf: 1, groups: ['a'] };

/** Why a token is not one of a key set; null: it is. */
function faultOf(text: string, set: string): string | null {
  const token = parseToken(text);
  const { keys } = parseKeySet(set) as Exclude<ReturnType<typeof parseKeySet>, string>;
  return typeof token === 'string' ? token : signatureFault(token, verifyingKeys(keys));
}

for (const alg of TOKEN_ALGORITHMS.keys())
  t.test(`a token of ${alg} is good by its key, and by no other, whatever of it is changed`, async (t) => {
    const [issuer, other] = [new TokenIssuer(alg), new TokenIssuer(alg)];
    const set = TokenIssuer.keySet(issuer);
    const text = issuer.token(CLAIMS);
    t.equal(faultOf(text, set), null);
    t.equal(
      faultOf(other.token(CLAIMS), set),
      'has a signature that is not of its key',
      'another key of the same name',
    );
    const [head = '', payload = '', signature = ''] = text.split('.');
    const changed = encoded(JSON.stringify({ ...CLAIMS, sub: 'mallory' }));
    t.equal(faultOf(`${head}.${changed}.${signature}`, set), 'has a signature that is not of its key', 'claims');
    const octets = Buffer.from(signature, 'base64url');
    for (const at of [0, octets.length >> 1, octets.length - 1]) {
      const other = Buffer.from(octets);
      other[at]! ^= 1;
      t.type(faultOf(`${head}.${payload}.${other.toString('base64url')}`, set), 'string', `signature at ${at}`);
    }
    t.equal(
      faultOf(`${head}.${payload}.${octets.subarray(0, -1).toString('base64url')}`, set),
      'has a signature that is not of its key',
    );
    t.equal(faultOf(issuer.token(CLAIMS, { kid: undefined }), set), null, 'a token that names no key');
    t.equal(faultOf(issuer.token(CLAIMS, { kid: 'other' }), set), 'is signed by no key that is known');
  });

t.test('a token is read with what it says of itself', async (t) => {
  const token = parseToken(new TokenIssuer('ES256', 'one').token({ ...CLAIMS, aud: 'api' }));
  t.match(token, {
    alg: 'ES256',
    kid: 'one',
    issuer: 'https://issuer.example',
    subject: 'alice',
    audiences: ['api'],
    expiresAt: 4_000_000_000,
    notBefore: 1,
  });
  t.match(parseToken(new TokenIssuer().token({})), {
    issuer: '',
    subject: '',
    audiences: { length: 0 },
    expiresAt: null,
  });
});

t.test('the algorithm is the key’s: neither none, nor a shared secret, nor another of the same key', async (t) => {
  const issuer = new TokenIssuer('RS256');
  const set = TokenIssuer.keySet(issuer);
  const notTaken = 'is signed by an algorithm that is not taken';
  for (const alg of ['none', 'None', 'NONE', 'HS256', 'HS512', 'RS1', '', 'toString', '__proto__'])
    t.equal(faultOf(issuer.token(CLAIMS, { alg }), set), notTaken, alg);
  t.equal(faultOf(issuer.token(CLAIMS, { alg: ['RS256'] }), set), notTaken);
  const unsigned = `${encoded(JSON.stringify({ alg: 'none' }))}.${encoded(JSON.stringify(CLAIMS))}.`;
  t.equal(faultOf(unsigned, set), 'is not of the form header.payload.signature');
  // The public key as a shared secret: CVE-2016-10555 and its like.
  const signed = `${encoded(JSON.stringify({ alg: 'HS256' }))}.${encoded(JSON.stringify(CLAIMS))}`;
  const mac = createHmac('sha256', JSON.stringify(issuer.jwk)).update(signed).digest('base64url');
  t.equal(faultOf(`${signed}.${mac}`, set), notTaken);
  t.equal(faultOf(issuer.token(CLAIMS, { alg: 'PS256' }), set), 'has a signature that is not of its key');
  t.equal(faultOf(issuer.token(CLAIMS, { alg: 'ES256' }), set), 'is signed by no key that is known');
  const bound = JSON.stringify({ keys: [{ ...issuer.jwk, alg: 'RS512' }] });
  t.equal(faultOf(issuer.token(CLAIMS), bound), 'is signed by no key that is known', 'a key for another algorithm');
});

t.test('ES256 with a key of another curve is no key', async (t) => {
  const other = new TokenIssuer('ES384', 'one');
  t.equal(
    faultOf(new TokenIssuer('ES256', 'one').token(CLAIMS), TokenIssuer.keySet(other)),
    'is signed by no key that is known',
  );
});

t.test('what is no token is told from what is', async (t) => {
  const issuer = new TokenIssuer();
  const text = issuer.token(CLAIMS);
  const [head = '', payload = '', signature = ''] = text.split('.');
  const form = 'is not of the form header.payload.signature';
  for (const none of ['', 'a', 'a.b', '..', `${head}.${payload}`, `${text}.x`, `.${payload}.${signature}`])
    t.equal(parseToken(none), form, none);
  t.match(parseToken(`${head}.${payload}.${signature}=`), 'base64url', 'padding');
  t.match(parseToken(`${head}.${payload}.${signature.slice(0, -1)}+`), 'base64url', 'base64 of another alphabet');
  t.match(parseToken(`${head} .${payload}.${signature}`), 'base64url', 'a space');
  t.match(parseToken(`${head}\n.${payload}.${signature}`), 'base64url', 'a line end');
  t.equal(parseToken('a'.repeat(MAX_TOKEN_CHARACTERS + 1)), `is longer than ${MAX_TOKEN_CHARACTERS} characters`);
  t.equal(parseToken(issuer.token('[]')), 'has a payload that is no object');
  t.equal(parseToken(issuer.token('null')), 'has a payload that is no object');
  t.equal(parseToken(issuer.token('{"iss":')), 'has a payload that is no JSON');
  t.equal(parseToken(issuer.token(CLAIMS, { crit: ['b64'], b64: false })), 'demands an extension that is not known');
  t.equal(parseToken(issuer.token(CLAIMS, { kid: 7 })), 'has a kid that is no text');
  const latin = `${head}.${Buffer.from('{"sub":"\xe9"}', 'latin1').toString('base64url')}.${signature}`;
  t.equal(parseToken(latin), 'has a payload that is no JSON', 'no UTF-8');
  // The same octets, written in another way: bits that stand for nothing.
  const last = payload.at(-1)!;
  if (payload.length % 4 !== 0)
    for (const other of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
      if (
        other !== last &&
        Buffer.from(payload.slice(0, -1) + other, 'base64url').equals(Buffer.from(payload, 'base64url'))
      )
        t.match(parseToken(`${head}.${payload.slice(0, -1)}${other}.${signature}`), 'base64url');
});

t.test('claims have the types that they should have', async (t) => {
  const issuer = new TokenIssuer();
  const faults: [object, string][] = [
    [{ iss: 7 }, 'has an iss that is no text'],
    [{ iss: null }, 'has an iss that is no text'],
    [{ sub: ['alice'] }, 'has a sub that is no text'],
    [{ aud: 7 }, 'has an aud that is neither a text nor a list of texts'],
    [{ aud: ['api', 7] }, 'has an aud that is neither a text nor a list of texts'],
    [{ exp: '4000000000' }, 'has an exp that is no number'],
    [{ exp: null }, 'has an exp that is no number'],
    [{ exp: -1 }, 'has an exp that is no number'],
    [{ exp: true }, 'has an exp that is no number'],
    [{ nbf: '1' }, 'has an nbf that is no number'],
    [{ iat: {} }, 'has an iat that is no number'],
  ];
  for (const [claims, fault] of faults) t.equal(parseToken(issuer.token({ ...CLAIMS, ...claims })), fault);
  t.equal(parseToken(issuer.token('{"exp":1e999}')), 'has an exp that is no number', 'more than a number holds');
});

t.test('a name that stands twice makes an object unreadable, however it is written', async (t) => {
  for (const text of [
    '{}',
    '[]',
    '7',
    '"a"',
    '{"a":1,"b":{"a":1}}',
    '{"a":["a","a"]}',
    '[{"a":1},{"a":2}]',
    '{"a":"\\"a\\":"}',
  ])
    t.ok(hasUniqueNames(text), text);
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":{},"a":2}',
    '{"b":{"a":1,"a":1}}',
    '[{"a":1,"a":1}]',
    '{"a":1,"\\u0061":2}',
    '{"a":[1,{"b":2}], "a" : 3}',
  ])
    t.notOk(hasUniqueNames(text), text);
  const issuer = new TokenIssuer();
  t.equal(parseToken(issuer.token('{"sub":"alice","sub":"mallory"}')), 'has a payload that has a name twice');
});

t.test('of a key set what can verify is kept, its public half alone', async (t) => {
  const [ec, rsa] = [new TokenIssuer('ES256'), new TokenIssuer('RS256')];
  const set = parseKeySet(
    JSON.stringify({
      keys: [
        { ...ec.privateJwk, kid: 'ec' },
        { ...rsa.jwk, use: 'sig', x5c: ['…'] },
        { kty: 'oct', k: 'c2VjcmV0' },
      ],
    }),
  );
  t.match(set, { hasPrivateKey: true, leftOut: ['keys[2] is of the type "oct", which is not taken'] });
  t.same(
    (set as { keys: readonly object[] }).keys.map((key) => Object.keys(key).sort()),
    [
      ['crv', 'kid', 'kty', 'x', 'y'],
      ['e', 'kid', 'kty', 'n'],
    ],
  );
});

t.test('what is no key set, or has no key that is any good, says why', async (t) => {
  const { jwk } = new TokenIssuer('ES256');
  const { jwk: rsa } = new TokenIssuer('RS256');
  const of = (...keys: readonly object[]) => parseKeySet(JSON.stringify({ keys }));
  t.equal(parseKeySet('<html>'), 'is no JSON');
  t.equal(parseKeySet('[]'), 'is no JSON Web Key Set, which has a list of "keys"');
  t.equal(parseKeySet('{"keys":{}}'), 'is no JSON Web Key Set, which has a list of "keys"');
  t.match(of(), 'has no key that a token can be verified with');
  t.match(of({ ...jwk, use: 'enc' }), 'is not for signatures');
  t.match(of({ ...jwk, key_ops: ['sign'] }), 'is not for verifying');
  t.match(of({ ...jwk, alg: 'HS256' }), 'is for "HS256", which is not taken');
  t.match(of({ ...jwk, alg: 'RS256' }), 'is of another type than its alg');
  t.match(of({ ...jwk, crv: 'secp256k1' }), 'is on the curve "secp256k1", which is not taken');
  t.match(of({ ...jwk, x: jwk.y }), 'is no public key', 'a point that is not on the curve');
  t.match(of({ ...rsa, n: 'AQAB' }), 'has 17 bits, and an RSA key has 2048 to 8192');
  t.match(of({ ...rsa, n: Buffer.alloc(2048, 255).toString('base64url') }), 'has 16384 bits');
  t.match(of({ ...rsa, e: rsa.n }), 'has an exponent of more than 32 bits');
  t.equal(of(...Array(65).fill(jwk)), 'has 65 keys, 64 at most');
  t.equal(parseKeySet(`{"keys":[${' '.repeat(300_000)}]}`), 'is longer than 262144 octets');
});

t.test('a token that names no key costs a bounded number of signatures', async (t) => {
  const issuers = Array.from({ length: 17 }, (_, at) => new TokenIssuer('ES256', `key-${at}`));
  const set = TokenIssuer.keySet(...issuers);
  const text = issuers[16]!.token(CLAIMS, { kid: undefined });
  t.equal(faultOf(text, set), 'names no key, and 17 could be meant, 16 at most');
  t.equal(faultOf(issuers[16]!.token(CLAIMS), set), null);
});
