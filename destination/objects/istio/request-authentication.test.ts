import t from 'tap';

import { TokenIssuer } from '../../../core/testing/token-issuer.ts';
import { formatProblem, isError, type Problem } from '../problem.ts';
import { readRequestAuthentication, refusalOfAll } from './read-request-authentication.ts';

const issuer = new TokenIssuer('ES256');
const object = (spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'RequestAuthentication',
  metadata: { namespace: 'default', name: 'api' },
  spec,
});
const RULE = { issuer: 'https://issuer.example', jwks: TokenIssuer.keySet(issuer) };

/** A rule as it is read. */
function read(rule: object) {
  return readRequestAuthentication(object({ jwtRules: [{ ...RULE, ...rule }] }), []).rules[0]!;
}

/** What is wrong with a spec; empty: nothing. */
function faultOf(spec: object): string {
  try {
    readRequestAuthentication(object(spec), []);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const faultOfRule = (rule: object) => faultOf({ jwtRules: [{ ...RULE, ...rule }] });

/** What is only said. */
function warningsOf(spec: object): string[] {
  const problems: Problem[] = [];
  readRequestAuthentication(object(spec), problems);
  return problems.filter((each) => !isError(each)).map(formatProblem);
}

t.test('a rule without more looks where OAuth puts tokens, and forwards none', async (t) => {
  t.match(read({}), {
    issuer: 'https://issuer.example',
    audiences: { length: 0 },
    keys: { kind: 'inline', keys: [{ kty: 'EC', kid: issuer.kid }] },
    places: [{ header: 'authorization', prefix: 'Bearer ' }, { query: 'access_token' }],
    isForwarded: false,
    payloadHeader: '',
    claimHeaders: { length: 0 },
    spaceDelimitedClaims: ['scope', 'permission'],
  });
});

t.test('what it says of places is instead of those', async (t) => {
  t.same(read({ fromHeaders: [{ name: 'X-Jwt', prefix: 'JWT ' }], fromParams: ['t'], fromCookies: ['c'] }).places, [
    { header: 'x-jwt', prefix: 'JWT ' },
    { query: 't' },
    { cookie: 'c' },
  ]);
});

t.test('keys stand in the object, at a URL, or where the issuer says', async (t) => {
  const keys = (rule: object) => read({ jwks: undefined, ...rule }).keys;
  t.same(keys({ jwksUri: 'http://keys.example/a' }), { kind: 'url', url: 'http://keys.example/a', timeoutMs: 5000 });
  t.match(keys({ jwks_uri: 'https://keys.example', timeout: '1.5s' }), { kind: 'url', timeoutMs: 1500 });
  t.match(keys({}), { kind: 'discovery', url: 'https://issuer.example/.well-known/openid-configuration' });
  t.match(keys({ issuer: 'https://issuer.example/tenant/' }), {
    url: 'https://issuer.example/tenant/.well-known/openid-configuration',
  });
});

t.test('what cannot be honoured is refused as a whole', async (t) => {
  const faults: [object, RegExp][] = [
    [{ issuer: '' }, /issuer is no text, or an empty one/],
    [
      { issuer: 'someone@example.com', jwks: undefined },
      /has neither jwks nor jwksUri, and its issuer is no http or https URL/,
    ],
    [{ jwks: 'none' }, /jwks is no JSON/],
    [{ jwks: '{"keys":[]}' }, /jwks has no key/],
    [{ jwks: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }, /is of the type "oct", which is not taken/],
    [{ jwksUri: 'https://keys.example' }, /jwks excludes jwksUri/],
    [{ jwks: undefined, jwksUri: 'ftp://keys.example' }, /is no http or https URL/],
    [{ jwks: undefined, jwksUri: 'file:///etc/passwd' }, /is no http or https URL/],
    [{ jwks: undefined, jwksUri: 'https://a:b@keys.example' }, /has a user or a password/],
    [{ timeout: '2m' }, /timeout is longer than 60s/],
    [{ timeout: 'soon' }, /is no duration/],
    [{ fromHeaders: [{ name: 'x jwt' }] }, /is no header name/],
    [{ fromHeaders: [{ name: 'Cookie' }] }, /for cookies there is fromCookies/],
    [{ fromHeaders: [{}] }, /name is missing/],
    [{ fromCookies: ['a=b'] }, /is no name of a header or method/],
    [{ outputPayloadToHeader: 'content-length' }, /cannot be changed/],
    [{ outputPayloadToHeader: 'l5d-client-id' }, /is said by the mesh alone/],
    [{ outputClaimToHeaders: [{ header: 'x_forwarded_client_cert', claim: 'sub' }] }, /is said by the mesh alone/],
    [{ outputClaimToHeaders: [{ header: 'Host', claim: 'sub' }] }, /cannot be filled by a token/],
    [{ outputClaimToHeaders: [{ header: 'x-sub' }] }, /claim is missing/],
    [{ forwardOriginalToken: 'yes' }, /is neither true nor false/],
    [{ jwtHeaders: ['x'] }, /is unknown; known are issuer/],
    [{ audiences: 'api' }, /is no list/],
  ];
  for (const [rule, fault] of faults) t.match(faultOfRule(rule), fault, JSON.stringify(rule));
  t.match(faultOf({ selector: {}, targetRefs: [{ kind: 'Service', name: 'a' }] }), 'excludes selector');
  t.match(faultOf({ jwtRules: Array(4097).fill(RULE) }), 'has 4097 rules, 4096 at most');
});

t.test('what is there in vain, or should not be there, is said', async (t) => {
  t.same(warningsOf({}), ['spec.jwtRules: is empty, and so no token is looked at']);
  const keys = [{ ...issuer.privateJwk }, { kty: 'oct', k: 'c2VjcmV0' }];
  t.match(warningsOf({ jwtRules: [{ ...RULE, jwks: JSON.stringify({ keys }) }] }), [
    /keys\[1\] is of the type "oct", which is not taken; it is left out/,
    /has a private key: whoever may read this object can make tokens/,
  ]);
});

t.test('what stands for one that cannot be read is for whom it was for, as far as that can be read', async (t) => {
  const selector = { matchLabels: { app: 'api' } };
  t.match(refusalOfAll(object({ selector, jwtRules: 7 })), {
    selector: { app: 'api' },
    isForOthers: false,
    isStandIn: true,
  });
  t.match(refusalOfAll(object({ selector: 7 })), { selector: null });
  t.match(refusalOfAll(object({ targetRefs: [{}] })), { isForOthers: true });
});
