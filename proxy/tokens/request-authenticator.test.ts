import t from 'tap';

import type { TokenRule } from '../../api/request-authentication.ts';
import { parseKeySet } from '../../core/jwt/key-set.ts';
import { encoded, TokenIssuer } from '../../core/testing/token-issuer.ts';
import { RequestAuthenticator } from './request-authenticator.ts';
import { TokenChecks } from './token-checks.ts';

const ISSUER = 'https://issuer.example';
const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;
const issuer = new TokenIssuer('ES256');

function rule(more: Partial<TokenRule> = {}): TokenRule {
  const { keys } = parseKeySet(TokenIssuer.keySet(issuer)) as { keys: TokenRule['keys'] };
  return {
    issuer: ISSUER,
    audiences: [],
    keys,
    places: [{ header: 'authorization', prefix: 'Bearer ' }, { query: 'access_token' }],
    spaceDelimitedClaims: ['scope'],
    origin: 'RequestAuthentication/default/api',
    path: 'spec.jwtRules[0]',
    ...more,
  };
}

const tokenOf = (claims: object = {}, header = {}) =>
  issuer.token({ iss: ISSUER, sub: 'alice', exp: NOW + 600, ...claims }, header);

function ask(
  rules: readonly TokenRule[],
  fields: readonly string[],
  { path = '/a', method = 'GET', nowMs = NOW_MS } = {},
) {
  return new RequestAuthenticator(rules).authenticate({ method, path, fields }, nowMs);
}

const bearing = (text: string) => ['Authorization', `Bearer ${text}`];

t.test('a request without a token is let on, and proves nothing', async (t) => {
  const fields = ['Accept', '*/*'];
  const found = ask([rule()], fields);
  t.same(found, { path: '/a', fields, token: null, fault: null, validUntilMs: Number.POSITIVE_INFINITY });
  for (const other of ['Basic YTpi', 'Bearer', 'Bearer ', 'Bearerx a.b.c'])
    t.match(ask([rule()], ['authorization', other]), { token: null, fault: null }, other);
});

t.test('a good token says who it is, and does not reach the application', async (t) => {
  const claims = { aud: ['api', 'web'], azp: 'app', groups: ['a'] };
  const found = ask([rule()], ['Accept', '*/*', ...bearing(tokenOf(claims))]);
  t.match(found, {
    fault: null,
    fields: ['Accept', '*/*'],
    token: { principal: `${ISSUER}/alice`, presenter: 'app', audiences: ['api', 'web'], claims: { groups: ['a'] } },
    validUntilMs: (NOW + 660) * 1000,
  });
  const text = tokenOf();
  t.same(ask([rule({ isForwarded: true })], bearing(text)).fields, bearing(text), 'but where it is forwarded');
});

t.test('a token is found wherever a rule looks, and removed there', async (t) => {
  const text = tokenOf();
  const at = (places: TokenRule['places'], fields: readonly string[], path = '/a') =>
    ask([rule({ places })], fields, { path });
  const isGood = { fault: null, token: { principal: `${ISSUER}/alice` } };
  const header = at([{ header: 'x-jwt', prefix: '' }], ['X-JWT', ` ${text} `, 'a', 'b']);
  t.match(header, isGood);
  t.same(header.fields, ['a', 'b']);
  const prefixed = at([{ header: 'x-jwt', prefix: 'Token ' }], ['x-jwt', `token\t${text}`]);
  t.match(prefixed, isGood);
  const query = at([{ query: 'jwt' }], [], `/a?b=c&jwt=${text}&d`);
  t.match(query, { ...isGood, path: '/a?b=c&d' });
  t.equal(at([{ query: 'jwt' }], [], `/a?%6Awt=${text}`).path, '/a', 'an escaped name');
  for (const [asked, sent] of [
    [`/a?b;jwt=${text};c=d`, '/a?b;c=d'],
    [`/a?jwt=${text}&b=c`, '/a?b=c'],
    [`/a?b=c&jwt=${text}`, '/a?b=c'],
    [`/a?jwt=${text}`, '/a'],
    [`/a?&jwt=${text}&&b=`, '/a?b='],
    [`/a?c&&jwt=${text}&&b=;d`, '/a?c&&&b=;d'],
  ] as const)
    t.match(at([{ query: 'jwt' }], [], asked), { ...isGood, path: sent });
  t.equal(at([{ query: 'jwt' }], [], '/a?&b;c&').path, '/a?&b;c&', 'what has none is as it was');
  const cookie = at([{ cookie: 'jwt' }], ['cookie', `a=b; jwt="${text}"; c=d`]);
  t.match(cookie, isGood);
  t.same(cookie.fields, ['cookie', 'a=b; c=d']);
  t.same(at([{ cookie: 'jwt' }], ['cookie', `jwt=${text}`]).fields, [], 'no cookie is left');
  t.match(at([{ header: 'x-jwt', prefix: '' }], bearing(text)), { token: null, fault: null }, 'nobody looks there');
});

t.test('a token is refused for what is wrong with it', async (t) => {
  const other = new TokenIssuer('ES256');
  const claims = { iss: ISSUER, sub: 'alice', exp: NOW + 600 };
  const why = (text: string, more: Partial<TokenRule> = {}) => ask([rule(more)], bearing(text)).fault?.why;
  t.equal(why(other.token(claims, { kid: issuer.kid })), 'has a token that has a signature that is not of its key');
  t.equal(why(other.token(claims, { kid: 'other' })), 'has a token that is signed by no key that is known');
  t.match(why(tokenOf({ iss: 'https://other.example' })), 'is issued by "https://other.example", not by');
  t.match(why(tokenOf({ iss: undefined })), 'is issued by nobody');
  t.equal(why(tokenOf({ exp: NOW - 60 })), 'has a token that has expired');
  t.equal(why(tokenOf({ exp: NOW - 59 })), undefined, 'clocks may differ by a minute');
  t.equal(why(tokenOf({ nbf: NOW + 61 })), 'has a token that is not valid yet');
  t.equal(why(tokenOf({ nbf: NOW + 60 })), undefined);
  t.match(why(tokenOf({ exp: String(NOW + 600) })), 'exp that is no number');
  t.match(why('abc'), 'is not of the form');
  t.match(why(`${tokenOf()}, Bearer x`), 'has a token that has a signature that is no base64url');
  t.match(why(tokenOf(), { keys: null, keysFrom: 'https://issuer.example/keys' }), 'whose keys are not known yet');
});

t.test('a token for others is told from one that is no good', async (t) => {
  const fault = (aud: unknown, audiences: readonly string[]) =>
    ask([rule({ audiences })], bearing(tokenOf({ aud }))).fault?.kind;
  t.equal(fault('web', ['api']), 'for-others');
  t.equal(fault(undefined, ['api']), 'for-others');
  t.equal(fault(['web', 'api'], ['api']), undefined);
  t.equal(fault('https://api.example/', ['api.example']), undefined, 'as Envoy compares them');
  t.equal(fault('api.example.evil', ['api.example']), 'for-others');
});

t.test('two tokens that differ are none; the same one twice is one', async (t) => {
  const text = tokenOf();
  const second = tokenOf({ sub: 'bob' });
  const why = 'has more than one token, and they are different';
  t.equal(ask([rule()], bearing(text), { path: `/a?access_token=${second}` }).fault?.why, why);
  t.equal(ask([rule()], [...bearing(text), ...bearing(second)]).fault?.why, why, 'two lines of a header');
  t.equal(ask([rule()], [], { path: `/?access_token=${text}&access_token=${second}` }).fault?.why, why);
  const twice = ask([rule()], bearing(text), { path: `/a?access_token=${text}` });
  t.match(twice, { fault: null, path: '/a', fields: { length: 0 } });
});

t.test('of several issuers the one decides whose token it is', async (t) => {
  const second = new TokenIssuer('RS256');
  const { keys } = parseKeySet(TokenIssuer.keySet(second)) as { keys: TokenRule['keys'] };
  const rules = [rule(), rule({ issuer: 'second', keys, path: 'spec.jwtRules[1]' })];
  t.match(ask(rules, bearing(tokenOf())).token, { principal: `${ISSUER}/alice` });
  t.match(ask(rules, bearing(second.token({ iss: 'second', sub: 'bob' }))).token, { principal: 'second/bob' });
  const forged = issuer.token({ iss: 'second', sub: 'bob' });
  t.match(ask(rules, bearing(forged)).fault, { path: 'spec.jwtRules[1]', why: /no key that is known/ });
  const elsewhere = [rule(), rule({ issuer: 'second', keys, places: [{ header: 'x-jwt', prefix: '' }] })];
  t.match(ask(elsewhere, bearing(second.token({ iss: 'second', sub: 'bob' }))).fault, { kind: 'invalid' });
});

t.test('headers that a token fills are what the token says, and nothing else', async (t) => {
  const filling = rule({
    payloadHeader: 'x-payload',
    claimHeaders: [
      { header: 'x-sub', claim: ['sub'] },
      { header: 'x-age', claim: ['age'] },
      { header: 'x-city', claim: ['address', 'city'] },
      { header: 'x-list', claim: ['list'] },
      { header: 'x-line', claim: ['line'] },
      { header: 'x-proto', claim: ['__proto__', 'x'] },
    ],
  });
  const lent = [
    'X-Sub',
    'mallory',
    'x_sub',
    'mallory',
    'X-Payload',
    'e30',
    'x-list',
    'a',
    'x_payload',
    'e30',
    'ok',
    '1',
  ];
  t.same(ask([filling], lent).fields, ['ok', '1'], 'without a token');
  t.same(
    ask([filling], [...lent, ...bearing('forged')]).fields.filter((each) => each === 'mallory'),
    [],
  );
  t.same(new RequestAuthenticator([filling]).withoutLent(['x-sub', 'mallory', 'x_sub', 'm']), [], 'in trailers');
  const text = tokenOf({ age: 7, address: { city: 'Zürich' }, list: ['a'], line: 'a\r\nx: y' });
  t.same(ask([filling], [...lent, ...bearing(text)]).fields, [
    'ok',
    '1',
    'x-payload',
    text.split('.')[1],
    'x-sub',
    'alice',
    'x-age',
    '7',
    'x-city',
    'Z\xc3\xbcrich',
  ]);
});

t.test('nobody lends itself a header of a token by its twin with underscores', async (t) => {
  const found = ask([rule({ places: [{ header: 'x-jwt', prefix: '' }] })], ['x_jwt', 'forged', 'X_JWT', 'forged']);
  t.match(found, { fields: { length: 0 }, token: null, fault: null });
});

t.test('a preflight is let on, and takes no token with it', async (t) => {
  const fields = ['origin', 'https://web.example', 'access-control-request-method', 'PUT', ...bearing('forged')];
  const found = ask([rule()], fields, { method: 'OPTIONS' });
  t.match(found, { token: null, fault: null });
  t.equal(found.fields.length, 4);
  t.match(
    ask([rule()], bearing('forged'), { method: 'OPTIONS' }).fault,
    { kind: 'invalid' },
    'an OPTIONS that is none',
  );
});

t.test('a token that comes again costs no signature, until it has expired', async (t) => {
  const authenticator = new RequestAuthenticator([rule()]);
  const request = { method: 'GET', path: '/', fields: bearing(tokenOf()) };
  for (let i = 0; i < 3; i++) t.equal(authenticator.authenticate(request, NOW_MS).fault, null);
  t.equal(authenticator.verifications, 1);
  t.match(authenticator.authenticate(request, NOW_MS + 660_000).fault, { why: 'has a token that has expired' });
  const forged = { ...request, fields: bearing(new TokenIssuer('ES256').token({ iss: ISSUER }, { kid: issuer.kid })) };
  for (let i = 0; i < 3; i++) t.match(authenticator.authenticate(forged, NOW_MS).fault, { kind: 'invalid' });
  t.equal(authenticator.verifications, 2, 'nor does one that is refused');
});

t.test('what is remembered of tokens is bounded', async (t) => {
  const authenticator = new RequestAuthenticator([rule()]);
  const first = { method: 'GET', path: '/', fields: bearing(tokenOf({ jti: 'first', pad: 'x'.repeat(4000) })) };
  authenticator.authenticate(first, NOW_MS);
  for (let i = 0; i < 120; i++)
    authenticator.authenticate({ ...first, fields: bearing(tokenOf({ jti: `${i}`, pad: 'x'.repeat(4000) })) }, NOW_MS);
  t.equal(authenticator.verifications, 121);
  authenticator.authenticate(first, NOW_MS);
  t.equal(authenticator.verifications, 122, 'it was forgotten');
});

t.test('rules that are the same keep what was found out; keys that are lost at their source stay', async (t) => {
  const checks = new TokenChecks(() => t.fail());
  const request = { method: 'GET', path: '/', fields: bearing(tokenOf()) };
  const fetched = rule({ keysFrom: 'https://issuer.example/keys' });
  t.equal(checks.of(request, NOW_MS), null, 'there are no rules');
  checks.update([{ ...fetched, keys: null }]);
  t.match(checks.of(request, NOW_MS), { fault: { kind: 'keys-unknown' } });
  checks.update([fetched]);
  t.match(checks.of(request, NOW_MS), { fault: null });
  t.match(checks.update([{ ...fetched, keys: null }]), [{ keys: fetched.keys }], 'destination has begun anew');
  t.match(checks.of(request, NOW_MS), { fault: null });
  checks.update([{ ...fetched, keys: null, keysFrom: 'https://other.example/keys' }]);
  t.match(checks.of(request, NOW_MS), { fault: { kind: 'keys-unknown' } });
  t.equal(checks.update([]), undefined);
  t.equal(checks.of(request, NOW_MS), null);
});

t.test('rules that cannot be checked by refuse every request, and say so', async (t) => {
  const faults: string[] = [];
  const checks = new TokenChecks((fault) => faults.push(fault));
  checks.update([rule({ places: [{ body: 'jwt' } as never] })]);
  const request = { method: 'GET', path: '/', fields: [] };
  t.match(checks.of(request, NOW_MS), { fault: { kind: 'invalid' } });
  t.same(faults, ['RequestAuthentication/default/api: knows no place of tokens by body']);
});

t.test('a payload goes on as it is written in the token', async (t) => {
  const claims = `{ "iss": "${ISSUER}",  "sub":"alice" }`;
  const { fields } = ask([rule({ payloadHeader: 'x-payload' })], bearing(issuer.token(claims)));
  t.same(fields, ['x-payload', encoded(claims)]);
});
