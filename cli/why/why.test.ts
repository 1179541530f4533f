import { join } from 'node:path';
import t from 'tap';

import { pod, service, slice, virtualService } from '../../destination/testing/manifests.ts';
import { TEN_REQUESTS } from '../../test/support/user-guide.ts';
import { UsageError } from '../command.ts';
import type { Files } from '../state/testing/state-of.ts';
import { ask as askWith } from './testing/ask.ts';

const USER = join(import.meta.dirname, '../../test/fixtures/user');
const user = (name: string) => join(USER, `${name}.yaml`);
const CLUSTER = [
  service('api-service', '10.96.0.1'),
  service('api-service-stable', '10.96.0.2'),
  service('api-service-canary', '10.96.0.3'),
  pod('v1', '10.0.0.1', { labels: { app: 'api-service', version: 'v1' } }),
  pod('v2', '10.0.0.2', { labels: { app: 'api-service', version: 'v2' }, meshed: false }),
  slice('api-service', [
    ['v1', '10.0.0.1'],
    ['v2', '10.0.0.2'],
  ]),
];

function ask(files: Files, paths: readonly string[], method: string, url: string, ...more: string[]) {
  const [from = '', ...headers] = more;
  return askWith(files, { method, url, from, headers, paths });
}

t.test('a Service without rules takes everything itself', async (t) => {
  const { explanation, text } = ask({ 'a.yaml': [service('api', '10.96.0.1')] }, [], 'GET', 'api/x');
  t.match(explanation, {
    route: null,
    unmatched: 'the Service itself',
    split: [{ share: 1, endpoints: { length: 0 } }],
  });
  t.match(text, /none takes it: it goes to api\.default\.svc\.cluster\.local itself/);
  t.match(text, /no endpoint: requests wait 3 s/);
});

t.test('an absolute name, which a dot ends, is the same host', async (t) => {
  for (const host of ['api.default.svc.cluster.local.', 'API.default.svc.', '[::ffff:10.96.0.1]']) {
    const { text } = ask({ 'a.yaml': [service('api', '10.96.0.1')] }, [], 'GET', `http://${host}/x`);
    t.match(text, /target +api\.default\.svc\.cluster\.local:80/, host);
  }
});

t.test('the manifests of the user guide together: ten requests, each with what decides it', async (t) => {
  const names = ['istio-virtual-service', 'istio-destination-rule', 'smi-traffic-split', 'linkerd-service-profile'];
  for (const { method, path, route } of TEN_REQUESTS) {
    const { explanation } = ask({ 'c.yaml': CLUSTER }, names.map(user), method, `http://api-service${path}`);
    t.equal(explanation.route?.name ?? '', route, `${method} ${path}`);
    t.match(explanation.split, [
      { backend: 'api-service-stable.default.svc.cluster.local:80', share: 0.9 },
      { backend: 'api-service-canary.default.svc.cluster.local:80', share: 0.1 },
    ]);
    t.match(explanation.complaints, [{ object: { kind: 'VirtualService' }, message: /has no effect/ }]);
  }
});

t.test('VirtualService and DestinationRule: subsets, times, tries, and who the endpoints are', async (t) => {
  const paths = ['istio-virtual-service', 'istio-destination-rule'].map(user);
  const { explanation, text } = ask({ 'c.yaml': CLUSTER }, paths, 'POST', 'http://api-service/orders');
  t.match(explanation.route, {
    origin: 'VirtualService/default/api-service',
    field: 'spec.http[0]',
    place: /istio-virtual-service\.yaml:1$/,
    timeouts: { requestMs: 10_000 },
    retry: { limit: 3, perTryMs: 3000 },
  });
  t.match(explanation.split, [
    {
      backend: 'api-service.default.svc.cluster.local:80/stable',
      share: 0.9,
      policy: { breaker: { consecutive5xx: 5 } },
      endpoints: [{ pod: 'default/v1', identity: /^api\.default/, inbound: { mode: 'all-unauthenticated' } }],
    },
    { share: 0.1, endpoints: [{ pod: 'default/v2', identity: null, inbound: null }] },
  ]);
  t.match(text, /90 % api-service\.default\.svc\.cluster\.local:80\/stable\n.*\n.*\n.*mutual TLS with api\.default/);
  t.match(text, /10\.0\.0\.2:8080 default\/v2 in the clear/);
});

t.test('who asks makes a difference, and what was passed over is named', async (t) => {
  const rules = virtualService('api', {
    http: [
      { match: [{ headers: { 'x-user': { exact: '1' } } }], redirect: { uri: '/one' } },
      { match: [{ sourceLabels: { app: 'web' } }], route: [{ destination: { host: 'api' } }] },
    ],
  });
  const files = {
    'a.yaml': [service('api', '10.96.0.1'), pod('web-0', '10.0.0.9', { labels: { app: 'web' } }), rules],
  };
  t.match(ask(files, [], 'GET', 'api', 'pod/web-0').explanation, {
    route: { name: 'api[1]' },
    passedOver: [{ name: 'api[0]' }],
  });
  t.match(ask(files, [], 'GET', 'api').explanation, {
    route: null,
    unmatched: '404 route_not_found',
    split: { length: 0 },
  });
  const redirected = ask(files, [], 'GET', 'api', '', 'X-User: 1');
  t.match(redirected.explanation, { route: { filters: { redirect: {} } }, split: { length: 0 } });
  t.match(redirected.text, /filters +redirect/);
});

t.test('what cannot be asked about is said', async (t) => {
  const files = { 'a.yaml': [service('api', '10.96.0.1')] };
  const fails = (expected: RegExp, ...args: [string, string, ...string[]]) => {
    t.throws(() => ask(files, [], ...args), { constructor: UsageError, message: expected } as never, args.join(' '));
  };
  fails(/ap:80 is no port of a Service/, 'GET', 'http://ap');
  fails(/api:81 is no port/, 'GET', 'http://api:81');
  fails(/is no URL/, 'GET', 'ftp://api');
  fails(/is no method/, 'G T', 'api');
  fails(/there is no deployment web/, 'GET', 'api', 'deploy/web');
  fails(/--from web: write deploy\/NAME/, 'GET', 'api', 'web');
  fails(/-H "x" is no header/, 'GET', 'api', '', 'x');
});
