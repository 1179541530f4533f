import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseAllDocuments } from 'yaml';

import {
  deployment,
  istioSecurity as istio,
  linkerdPolicy as linkerd,
  namespace,
  pod,
  server,
} from '../../destination/testing/manifests.ts';
import { stateOf } from '../state/testing/state-of.ts';
import { parseWorkload, podsOf } from '../state/workload.ts';
import { accessOf } from './access-rows.ts';
import { conditionWords } from './condition-words.ts';
import { printAccess } from './print-access.ts';

const POLICY = 'weft.dev/default-inbound-policy';

/** Who may use a workload of `default`. */
function access(files: readonly object[], workload = 'deploy/api') {
  const state = stateOf({ 'a.yaml': [...files] });
  return accessOf(state, podsOf(state, parseWorkload(workload, 'default')!, workload));
}

const rows = (files: readonly object[], workload?: string) =>
  access(files, workload).flatMap(({ rows: of }) =>
    of.map(({ port, route, effect, who, origin }) => [port, route, effect, who, origin]),
  );
const API = pod('api-0', '10.0.0.1');
const EVERYBODY = 'everybody (all-unauthenticated)';

t.test('a workload that nothing is said of lets everybody in, at its ports and at others', async (t) => {
  t.same(rows([API], 'pod/api-0'), [
    [8080, null, 'default', EVERYBODY, 'default'],
    ['other', null, 'default', EVERYBODY, 'default'],
  ]);
});

t.test('pods that let the same in stand together, whatever names themselves', async (t) => {
  const owned = { metadata: { ownerReferences: [{ kind: 'StatefulSet', name: 'api', controller: true }] } };
  const annotated = (name: string, mode: string) => {
    const each = pod(name, '10.0.0.1', owned) as { metadata: object };
    return { ...each, metadata: { ...each.metadata, name, namespace: 'default', annotations: { [POLICY]: mode } } };
  };
  const files = [annotated('api-0', 'deny'), annotated('api-1', 'deny'), annotated('api-2', 'audit')];
  t.same(
    access(files, 'statefulset/api').map(({ pods }) => pods),
    [['default/api-0', 'default/api-1'], ['default/api-2']],
  );
});

t.test('a Deployment without pods is answered for by its template', async (t) => {
  t.match(access([deployment('api')]), [{ pods: ['Deployment/default/api'] }]);
});

t.test("Istio's objects: who must prove an identity, whom a rule refuses, lets in, or would", async (t) => {
  const allow = {
    rules: [{ from: [{ source: { serviceAccounts: ['web'] } }], to: [{ operation: { methods: ['GET'] } }] }],
  };
  const deny = { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin/*'] } }] }] };
  const audit = { action: 'AUDIT', rules: [{}] };
  t.same(
    rows(
      [
        API,
        istio('PeerAuthentication', 'strict', { mtls: { mode: 'STRICT' } }),
        istio('AuthorizationPolicy', 'allow', allow),
        istio('AuthorizationPolicy', 'deny', deny),
        istio('AuthorizationPolicy', 'audit', audit),
        istio('AuthorizationPolicy', 'tried', deny, { 'istio.io/dry-run': 'true' }),
      ],
      'pod/api-0',
    ).slice(2),
    [
      [null, null, 'require', 'an identity', 'PeerAuthentication/default/strict'],
      [null, null, 'deny', 'path /admin/*', 'AuthorizationPolicy/default/deny'],
      [
        null,
        null,
        'allow',
        'namespace default and serviceAccount web and method GET',
        'AuthorizationPolicy/default/allow',
      ],
      [null, null, 'audit', 'anything', 'AuthorizationPolicy/default/audit'],
      [null, null, 'would deny', 'path /admin/*', 'AuthorizationPolicy/default/tried'],
    ],
  );
  const [, , nobody] = rows([API, istio('AuthorizationPolicy', 'nothing', {})], 'pod/api-0');
  t.match(nobody, [null, null, 'allow', 'nobody']);
});

t.test("Linkerd's objects: of a port, beside whom it lets in of itself; and 404 where routes are named", async (t) => {
  const route = (name: string, value: string) =>
    linkerd(
      'HTTPRoute',
      name,
      {
        parentRefs: [{ group: 'policy.linkerd.io', kind: 'Server', name: 'api' }],
        rules: [{ matches: [{ path: { value } }] }],
      },
      'v1beta3',
    );
  const policy = (name: string, kind: string, target: string) =>
    linkerd('AuthorizationPolicy', name, {
      targetRef: { group: 'policy.linkerd.io', kind, name: target },
      requiredAuthenticationRefs: [{ kind: 'ServiceAccount', name: 'web' }],
    });
  const web = 'identity web.default.serviceaccount.identity.weft.cluster.local';
  t.same(
    rows(
      [
        API,
        server('api', { accessPolicy: 'deny' }),
        route('open', '/open'),
        route('own', '/own'),
        policy('all', 'Server', 'api'),
        policy('own', 'HTTPRoute', 'own'),
      ],
      'pod/api-0',
    ),
    [
      [8080, null, 'default', 'nobody (deny)', 'Server/default/api'],
      [8080, null, 'allow', web, 'LinkerdAuthorizationPolicy/default/all'],
      [8080, 'open', 'default', 'whom the port lets in, for path /open and below', 'HTTPRoute/default/open'],
      [8080, 'own', 'allow', `${web}, for path /own and below`, 'LinkerdAuthorizationPolicy/default/own'],
      [8080, null, '404', 'requests of no route', 'Server/default/api'],
      ['other', null, 'default', EVERYBODY, 'default'],
    ],
  );
});

t.test('the user guide’s policy is told with the place of each rule', async (t) => {
  const guide = join(import.meta.dirname, '../../test/fixtures/user/istio-authorization-policy.yaml');
  const policies = parseAllDocuments(readFileSync(guide, 'utf8')).map((each) => each.toJS() as object);
  const api = pod('api-0', '10.0.0.1', { labels: { app: 'api-service' } });
  const text = printAccess(access([api, namespace('default'), ...policies], 'pod/api-0')).join('\n');
  t.match(text, /^PORT +ROUTE +EFFECT +BY +WHO$/m);
  t.match(
    text,
    /^\* +\* +allow +AuthorizationPolicy\/default\/api-policy spec\.rules\[1\] \(a\.yaml:\d+\) +principal .*sa\/worker and method POST and path \/api\/internal\/\*$/m,
  );
});

t.test('a workload that is not there is answered with those that are', async (t) => {
  t.throws(() => access([API], 'pod/web'), {
    message: 'pod/web: there is no pod web in namespace default',
    hint: 'there are api-0',
  });
  t.throws(() => access([], 'deploy/web'), {
    message: 'deploy/web: there is no deployment web in namespace default',
    hint: 'namespace default has none',
  });
  for (const text of ['', 'api', 'deploy/', 'job/api', 'deploy/a/b'])
    t.equal(parseWorkload(text, 'default'), null, text);
});

t.test('every condition has words', async (t) => {
  for (const [condition, words] of [
    [{ all: [] }, 'anything'],
    [{ any: [] }, 'nothing'],
    [{ not: { all: [] } }, 'nothing'],
    [{ client: 'namespace', value: { present: true } }, 'namespace *'],
    [{ client: 'identity', value: { regex: 'a.*' } }, 'identity ~ a.*'],
    [{ address: ['10.0.0.0/8', 'fd00::1'] }, 'address 10.0.0.0/8 or fd00::1'],
    [{ forwardedAddress: ['10.0.0.1'] }, 'forwarded address 10.0.0.1'],
    [{ ports: [80, 81] }, 'port 80 or 81'],
    [
      {
        portRanges: [
          [80, 80],
          [90, 99],
        ],
      },
      'port 80 or 90-99',
    ],
    [{ serverName: { suffix: '.example' } }, 'TLS server name *.example'],
    [{ token: 'principal', value: { prefix: 'me/' } }, 'token principal me/*'],
    [{ token: 'claims', claim: ['org', 'team'], value: { exact: 'blue' } }, 'token claims.org.team blue'],
    [{ request: { header: 'x-team', value: { exact: 'a', ignoreCase: true } } }, 'header x-team a (of either case)'],
    [{ request: { query: 'debug' } }, 'query debug is there'],
    [{ any: [{ ports: [1] }, { all: [] }] }, 'anything'],
    [{ all: [{ ports: [1] }, { not: { ports: [2] } }, { ports: [1] }] }, 'port 1 and not (port 2)'],
    [
      {
        all: [
          { any: [{ request: { method: { exact: 'GET' } } }, { request: { method: { exact: 'PUT' } } }] },
          { ports: [1] },
        ],
      },
      '(method GET or PUT) and port 1',
    ],
  ] as const)
    t.equal(conditionWords(condition), words);
});
