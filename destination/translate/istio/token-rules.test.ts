import t from 'tap';

import { TokenIssuer } from '../../../core/testing/token-issuer.ts';
import { clusterOf } from '../../testing/cluster.ts';
import { istioSecurity, pod } from '../../testing/manifests.ts';
import { inboundConfig } from '../inbound-config.ts';

const JWKS = TokenIssuer.keySet(new TokenIssuer('ES256'));
const URL = 'https://issuer.example/keys';
const POD = pod('api-1', '10.244.0.1');

const authentication = (name: string, spec: object, metadata: object = {}) => {
  const object = istioSecurity('RequestAuthentication', name, spec);
  return { ...object, metadata: { ...object.metadata, ...metadata } };
};
const rules = (...issuers: readonly string[]) => ({ jwtRules: issuers.map((issuer) => ({ issuer, jwks: JWKS })) });

function translated(...objects: readonly object[]) {
  const { inquiry, cluster, source, complaints } = clusterOf(POD, ...objects);
  const config = () => inboundConfig(inquiry, [...source.objects.list('Pod')][0]!);
  return { config, cluster, complaints };
}

const issuersOf = (...objects: readonly object[]) =>
  translated(...objects)
    .config()
    .tokenRules?.map(({ issuer }) => issuer);

t.test('rules of all objects that select a pod add up, the narrowest first', async (t) => {
  const selector = { matchLabels: { app: 'api' } };
  t.same(
    issuersOf(
      authentication('mesh', rules('mesh'), { namespace: 'istio-system' }),
      authentication('selecting', { selector, ...rules('selecting') }, { namespace: 'istio-system' }),
      authentication('namespace', rules('namespace')),
      authentication('workload', { selector, ...rules('workload', 'second') }),
      authentication('others', { selector: { matchLabels: { app: 'web' } }, ...rules('others') }),
      authentication('elsewhere', rules('elsewhere'), { namespace: 'elsewhere' }),
    ),
    ['workload', 'second', 'namespace', 'selecting', 'mesh'],
  );
  t.equal(issuersOf(), undefined);
  t.equal(issuersOf(authentication('none', {})), undefined);
});

t.test('one that is attached to something else binds no pod', async (t) => {
  const targetRefs = [{ group: '', kind: 'Service', name: 'api' }];
  t.equal(issuersOf(authentication('waypoint', { targetRefs, ...rules('waypoint') })), undefined);
});

t.test('keys of a URL are those that were fetched; why there are none is told of the object', async (t) => {
  const { config, cluster, complaints } = translated(
    authentication('api', { jwtRules: [{ issuer: 'me', jwksUri: URL }] }),
  );
  t.match(config().tokenRules, [{ keys: null, keysFrom: URL }]);
  t.same(complaints, [], 'nobody has fetched them yet');
  t.same([...cluster.applyKeys(URL, { keys: null, fault: 'ECONNREFUSED' })], [`keys/${URL}`]);
  t.match(config().tokenRules, [{ keys: null }]);
  t.match(complaints.splice(0), [
    /RequestAuthentication\/default\/api.*jwtRules\[0\].jwksUri.*cannot be got: ECONNREFUSED; until then every token of me is refused/,
  ]);
  const keys = [{ kty: 'OKP', crv: 'Ed25519', x: 'x' }] as const;
  cluster.applyKeys(URL, { keys, fault: 'ECONNREFUSED' });
  t.match(config().tokenRules, [{ keys }]);
  t.match(complaints.splice(0), [/the keys that were got before stay in use/]);
  cluster.applyKeys(URL, { keys, fault: '' });
  config();
  t.same(complaints, []);
});

t.test('what looked at keys is computed again when they change', async (t) => {
  const { config, cluster } = translated(authentication('api', { jwtRules: [{ issuer: 'me', jwksUri: URL }] }));
  const { topics } = cluster.observe(config);
  t.ok([...cluster.applyKeys(URL, null)].every((topic) => topics.has(topic)));
});

t.test('one that cannot be read refuses every request, and no octets', async (t) => {
  const { config } = translated(authentication('api', { jwtRules: [{ issuer: 'me', jwks: 'none' }] }));
  const { access, tokenRules } = config();
  t.equal(tokenRules, undefined);
  const origin = 'RequestAuthentication/default/api';
  t.same(access?.layers, [{ deny: [{ when: { all: [] }, whenOctets: null, origin }], allow: null, origin }]);
});

t.test('a policy that asks for a token that nobody checks says so, and its values take no request', async (t) => {
  const policy = istioSecurity('AuthorizationPolicy', 'api', {
    action: 'DENY',
    rules: [{ when: [{ key: 'request.auth.claims[group]', values: ['banned'] }] }],
  });
  const unchecked = translated(policy);
  const [rule] = unchecked.config().access!.layers[0]!.deny;
  t.same([rule!.when, rule!.whenOctets], [{ any: [] }, { all: [] }]);
  t.match(unchecked.complaints, [/spec.rules\[0\].*asks for a JSON Web Token, and no RequestAuthentication says/]);
  const checked = translated(policy, authentication('api', rules('me')));
  t.match(checked.config().access?.layers, [
    { deny: [{ when: { token: 'claims', claim: ['group'], value: { exact: 'banned' } } }] },
  ]);
  t.same(checked.complaints, []);
});
