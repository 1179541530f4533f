import t from 'tap';

import { TokenIssuer } from '../../core/testing/token-issuer.ts';
import {
  istioSecurity,
  linkerdPolicy,
  namespace,
  pod,
  rateLimit,
  server,
  service,
  serviceProfile,
  slice,
  virtualService,
} from '../../destination/testing/manifests.ts';
import { ask } from './testing/ask.ts';

const POLICY = 'weft.dev/default-inbound-policy';
const SLICE = slice('api', [
  ['api-0', '10.0.0.1'],
  ['api-1', '10.0.0.2'],
]);
const API = [service('api', '10.96.0.1'), SLICE];
const PODS = [pod('api-0', '10.0.0.1'), pod('api-1', '10.0.0.2')];
const WEB = pod('web-0', '10.0.0.9', { labels: { app: 'web' }, spec: { serviceAccountName: 'web' } });
const PROFILE = serviceProfile('api.default.svc.cluster.local', {
  routes: [{ name: 'GET /users', condition: { method: 'GET', pathRegex: '/users' } }],
});
const inboundOf = (files: object[], asked: Parameters<typeof ask>[1] = {}) =>
  ask({ 'a.yaml': files }, asked).explanation.split.flatMap(({ inbound }) => inbound);

t.test('pods that nothing is said of let everything in, and count it under no route', async (t) => {
  t.same(inboundOf([...API, ...PODS]), [
    {
      pods: ['default/api-0', 'default/api-1'],
      port: 8080,
      protocol: 'detect',
      route: null,
      policy: {
        mode: 'all-unauthenticated',
        origin: 'default',
        field: '',
        place: '',
        verdict: 'allowed',
        rule: null,
        why: '',
        nearest: null,
      },
      rateLimit: null,
      refused: null,
    },
  ]);
});

t.test(
  'the receiving proxy counts a request under the route of the profile, with the object and its line',
  async (t) => {
    const files = [...API, ...PODS, PROFILE];
    const route = { name: 'GET /users', origin: /^ServiceProfile\/default\/api\./, place: /^a\.yaml:\d+$/ };
    t.match(inboundOf(files, { url: 'http://api/users?page=2' }), [{ route }]);
    t.match(inboundOf(files, { url: 'http://api/' }), [{ route: null }]);
    const { text } = ask({ 'a.yaml': files }, { url: 'http://api/users' });
    t.match(
      text,
      /inbound at default\/api-0, default\/api-1, port 8080\n.*\n +counted under "GET \/users" of ServiceProfile/,
    );
  },
);

t.test('the path is counted as the sender rewrites it', async (t) => {
  const own = {
    'weft.dev/route-profile': JSON.stringify({ routes: [{ name: 'v2', condition: { pathRegex: '/v2/.*' } }] }),
  };
  const rewrite = virtualService('api', {
    http: [
      { match: [{ uri: { prefix: '/v1/' } }], rewrite: { uri: '/v2/' }, route: [{ destination: { host: 'api' } }] },
    ],
  });
  const files = [...API, pod('api-0', '10.0.0.1', { annotations: own }), rewrite];
  t.match(inboundOf(files, { url: 'http://api/v1/users' }), [{ route: { name: 'v2', origin: 'Pod/default/api-0' } }]);
});

t.test('the Server of the port decides who is let in, before any annotation', async (t) => {
  const files = [...API, ...PODS, namespace('default', { [POLICY]: 'all-authenticated' })];
  t.match(inboundOf(files), [
    {
      policy: {
        mode: 'all-authenticated',
        origin: 'annotation/namespace/default',
        field: `metadata.annotations["${POLICY}"]`,
        place: /^a\.yaml:/,
        verdict: 'allowed',
      },
    },
  ]);
  const denying = [...files, server('api', { accessPolicy: 'deny' })];
  t.match(inboundOf(denying), [
    {
      policy: { origin: 'Server/default/api', field: 'spec.accessPolicy', verdict: 'denied' },
      refused: 'policy_denied',
    },
  ]);
  const { text } = ask({ 'a.yaml': denying });
  t.match(text, /policy deny by Server\/default\/api spec\.accessPolicy \(a\.yaml:\d+\) refuses it: 403 policy_denied/);
});

t.test('a policy that asks for an address of the cluster needs to know the client', async (t) => {
  const files = [...API, ...PODS, WEB, namespace('default', { [POLICY]: 'cluster-authenticated' })];
  t.match(inboundOf(files), [{ policy: { verdict: 'unknown' }, refused: null }]);
  t.match(inboundOf(files, { from: 'pod/web-0' }), [{ policy: { verdict: 'allowed' } }]);
  const outside = pod('web-0', '192.0.2.1', { labels: { app: 'web' } });
  t.match(inboundOf([...files.filter((each) => each !== WEB), outside], { from: 'pod/web-0' }), [
    { policy: { verdict: 'denied' }, refused: 'policy_denied' },
  ]);
});

t.test('what the kubelet probes is let in whatever the policy', async (t) => {
  const containers = [
    { name: 'app', ports: [{ containerPort: 8080 }], readinessProbe: { httpGet: { path: '/ready', port: 8080 } } },
  ];
  const files = [...API, pod('api-0', '10.0.0.1', { annotations: { [POLICY]: 'deny' }, spec: { containers } })];
  t.match(inboundOf(files, { url: 'http://api/ready' }), [{ policy: { verdict: 'probe' }, refused: null }]);
  t.match(inboundOf(files, { method: 'POST', url: 'http://api/ready' }), [{ policy: { verdict: 'denied' } }]);
});

t.test('the rate limit of the port, and what of it holds for the client', async (t) => {
  const limit = rateLimit('api-limit', 'api', {
    total: { requestsPerSecond: 100 },
    identity: { requestsPerSecond: 10 },
    overrides: [{ requestsPerSecond: 50, clientRefs: [{ kind: 'ServiceAccount', name: 'web' }] }],
  });
  const files = [...API, ...PODS, WEB, server('api', { accessPolicy: 'all-unauthenticated' }), limit];
  const rate = { origin: 'HTTPLocalRateLimitPolicy/default/api-limit', place: /^a\.yaml:/, totalPerSecond: 100 };
  t.match(inboundOf(files), [{ rateLimit: { ...rate, identityPerSecond: 10, client: null } }]);
  t.match(inboundOf(files, { from: 'pod/web-0' }), [
    { rateLimit: { ...rate, client: { perSecond: 50, by: 'override' } } },
  ]);
  t.match(inboundOf(files, { from: 'pod/api-0' }), [
    { rateLimit: { ...rate, client: { perSecond: 10, by: 'identity' } } },
  ]);
  t.match(
    ask({ 'a.yaml': files }, { from: 'pod/web-0' }).text,
    /bound 50 requests a second of the clients of its override and 100 requests a second of all clients by HTTPLocal/,
  );
  t.match(inboundOf(files, { url: 'https://api:80/' }), [{ rateLimit: null }], 'it bounds requests, not connections');
});

t.test('pods that decide differently are told apart, and only those', async (t) => {
  const denied = { annotations: { [POLICY]: 'deny' } };
  const pods = [pod('api-0', '10.0.0.1'), pod('api-1', '10.0.0.2', denied), pod('api-2', '10.0.0.3', denied)];
  const three = slice('api', [
    ['api-0', '10.0.0.1'],
    ['api-1', '10.0.0.2'],
    ['api-2', '10.0.0.3'],
  ]);
  const files = [service('api', '10.96.0.1'), three, ...pods];
  t.match(inboundOf(files), [
    { pods: ['default/api-0'], refused: null },
    { pods: ['default/api-1', 'default/api-2'], refused: 'policy_denied' },
  ]);
  const { explanation } = ask({ 'a.yaml': files });
  const modes = explanation.split[0]!.endpoints.map(({ inbound }) => inbound);
  t.same(modes, [
    { mode: 'all-unauthenticated', origin: 'default' },
    { mode: 'deny', origin: 'annotation/pod/default/api-1' },
    { mode: 'deny', origin: 'annotation/pod/default/api-2' },
  ]);
});

t.test('a pod without a proxy is in no group', async (t) => {
  const files = [...API, pod('api-0', '10.0.0.1', { meshed: false }), pod('api-1', '10.0.0.2')];
  t.match(inboundOf(files), [{ pods: ['default/api-1'] }]);
});

const policy = (name: string, spec: object) => istioSecurity('AuthorizationPolicy', name, spec);

t.test('names the rule of an AuthorizationPolicy that lets a request in, or that none does', async (t) => {
  const rules = [
    { to: [{ operation: { methods: ['POST'] } }] },
    {
      from: [{ source: { principals: ['cluster.local/ns/default/sa/web'] } }],
      to: [{ operation: { paths: ['/api/*'] } }],
    },
  ];
  const files = [...API, ...PODS, WEB, policy('guard', { rules })];
  const asks = (url: string, from?: string) => inboundOf(files, { url, ...(from && { from }) });
  t.match(asks('http://api/api/x', 'pod/web-0'), [
    {
      refused: null,
      policy: {
        verdict: 'allowed',
        rule: { origin: 'AuthorizationPolicy/default/guard', field: 'spec.rules[1]', place: /^a\.yaml:/ },
      },
    },
  ]);
  t.match(asks('http://api/other', 'pod/web-0'), [
    { refused: 'policy_denied', policy: { verdict: 'denied', rule: null } },
  ]);
  t.match(asks('http://api/api/x'), [{ refused: null, policy: { verdict: 'unknown' } }], 'it depends on who asks');
  const { text } = ask({ 'a.yaml': files }, { url: 'http://api/other', from: 'pod/web-0' });
  t.match(
    text,
    /policy of rules refuses it: 403 policy_denied: no rule of AuthorizationPolicy\/default\/guard lets web\./,
  );
  t.match(
    ask({ 'a.yaml': files }, { url: 'http://api/api/x', from: 'pod/web-0' }).text,
    /policy AuthorizationPolicy\/default\/guard spec\.rules\[1\] \(a\.yaml:\d+\) lets it in/,
  );
});

t.test('of what refuses a request, names the rule that lacks least, and what', async (t) => {
  const rules = [
    {
      from: [{ source: { serviceAccounts: ['job'] } }],
      to: [{ operation: { methods: ['POST'], paths: ['/jobs/*'] } }],
    },
    {
      from: [{ source: { serviceAccounts: ['web'] } }],
      to: [{ operation: { methods: ['GET', 'HEAD'], paths: ['/api/*', '/web'] } }, { operation: { hosts: ['old'] } }],
    },
  ];
  const files = [...API, ...PODS, WEB, policy('guard', { rules })];
  const nearest = (method: string, url: string) =>
    inboundOf(files, { method, url, from: 'pod/web-0' }).map(({ policy: of }) => of.nearest);
  t.match(nearest('PUT', 'http://api/api/x'), [{ field: 'spec.rules[1]', lacks: ['method GET or HEAD'] }]);
  t.match(nearest('GET', 'http://api/other'), [{ lacks: ['path /api/* or /web'] }]);
  t.match(nearest('POST', 'http://api/jobs/1'), [{ field: 'spec.rules[0]', lacks: ['serviceAccount job'] }]);
  t.same(nearest('GET', 'http://api/web'), [null], 'it is let in');
  const denied = [...files, policy('deny', { action: 'DENY', rules: [{}] })];
  const { explanation, text } = ask({ 'a.yaml': denied }, { url: 'http://api/web', from: 'pod/web-0' });
  t.same(
    explanation.split.flatMap(({ inbound }) => inbound).map(({ policy: of }) => of.nearest),
    [null],
    'no rule lets in what another refuses',
  );
  t.notMatch(text, 'nearest');
  t.match(
    ask({ 'a.yaml': files }, { method: 'PUT', url: 'http://api/api/x', from: 'pod/web-0' }).text,
    /nearest AuthorizationPolicy\/default\/guard spec\.rules\[1\] \(a\.yaml:\d+\), which wants method GET or HEAD/,
  );
});

t.test("of a Server's authorizations too", async (t) => {
  const files = [
    ...API,
    ...PODS,
    WEB,
    server('api', { accessPolicy: 'deny' }),
    linkerdPolicy('AuthorizationPolicy', 'jobs', {
      targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'api' },
      requiredAuthenticationRefs: [{ kind: 'ServiceAccount', name: 'job' }],
    }),
  ];
  t.match(
    inboundOf(files, { from: 'pod/web-0' }).map(({ policy: of }) => of.nearest),
    [{ origin: 'LinkerdAuthorizationPolicy/default/jobs', lacks: [/^identity job\.default\./] }],
  );
});

t.test(
  'a token that the request brings is checked as the proxy checks it, and policies hear what it proves',
  async (t) => {
    const issuer = new TokenIssuer('ES256');
    const rule = { issuer: 'me', jwks: TokenIssuer.keySet(issuer), audiences: ['api'] };
    const users = istioSecurity('RequestAuthentication', 'users', { jwtRules: [rule] });
    const policy = istioSecurity('AuthorizationPolicy', 'users', {
      rules: [{ from: [{ source: { requestPrincipals: ['me/alice'] } }] }],
    });
    const files = [...API, ...PODS, users, policy];
    const asking = (claims: object) => ({
      headers: [`authorization: Bearer ${issuer.token({ iss: 'me', sub: 'alice', aud: 'api', ...claims })}`],
    });
    t.match(inboundOf(files), [{ policy: { verdict: 'denied' }, refused: 'policy_denied' }]);
    t.match(inboundOf(files, asking({})), [{ policy: { verdict: 'allowed' }, refused: null }]);
    t.match(inboundOf(files, asking({ exp: 1 })), [
      {
        policy: {
          verdict: 'denied',
          rule: { origin: 'RequestAuthentication/default/users', field: 'spec.jwtRules[0]', place: /^a\.yaml:/ },
          why: /has a token that has expired/,
        },
        refused: 'token_invalid',
      },
    ]);
    t.match(inboundOf(files, asking({ aud: 'web' })), [{ refused: 'token_for_others' }]);
    const fetched = istioSecurity('RequestAuthentication', 'users', {
      jwtRules: [{ issuer: 'me', jwksUri: 'https://issuer.example/keys' }],
    });
    t.match(inboundOf([...API, ...PODS, fetched, policy], asking({})), [{ policy: { verdict: 'unknown' } }]);
  },
);
