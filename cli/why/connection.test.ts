import t from 'tap';

import {
  pod,
  rateLimit,
  server,
  service,
  serviceProfile,
  slice,
  virtualService,
} from '../../destination/testing/manifests.ts';
import { ask } from './testing/ask.ts';

const PODS = [
  pod('v1', '10.0.0.1', { labels: { version: 'v1' } }),
  pod('v2', '10.0.0.2', { labels: { version: 'v2' } }),
  slice('api', [
    ['v1', '10.0.0.1'],
    ['v2', '10.0.0.2'],
  ]),
];
const API = [service('api', '10.96.0.1'), ...PODS];
const to = (subset: string, weight = 100) => ({ destination: { host: 'api', subset }, weight });
const SUBSETS = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'api' },
  spec: { host: 'api', subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })) },
};
const ruledBy = (spec: object) => virtualService('api', spec);

t.test('a request over TLS is octets to the proxy: no rule for HTTP has an effect', async (t) => {
  const files = { 'a.yaml': [...API, ruledBy({ http: [{ route: [{ destination: { host: 'api' } }] }] })] };
  const { explanation, text } = ask(files, { url: 'https://api:80/users' });
  t.match(explanation, {
    carried: 'octets',
    route: null,
    unmatched: 'the Service itself',
    passedOver: { length: 0 },
    connection: {
      serverName: 'api',
      route: null,
      withoutEffect: [{ origin: 'VirtualService/default/api', field: 'spec.http[0]', place: /^a\.yaml:/ }],
    },
    split: [{ backend: 'api.default.svc.cluster.local:80', share: 1 }],
  });
  t.match(text, /^GET https:\/\/api:80\/users\n/);
  t.match(text, /carried +as bytes, TLS for api/);
  t.match(text, /no effect +VirtualService\/default\/api \(a\.yaml:\d+\): its rules are for HTTP requests/);
  t.notMatch(text, /retry/);
  t.equal(ask(files, { url: 'http://api/users' }).explanation.connection, null, 'without TLS they have');
});

t.test('the server name decides which rule takes the connection, and those before it are named', async (t) => {
  const tls = [
    { match: [{ port: 80, sniHosts: ['eu.example.com'] }], route: [to('v1')] },
    { match: [{ port: 80, sniHosts: ['*.example.com'] }], route: [to('v1', 25), to('v2', 75)] },
  ];
  const files = { 'a.yaml': [...API, SUBSETS, ruledBy({ hosts: ['api', '*.example.com'], tls })] };
  const { explanation, text } = ask(files, { url: 'https://10.96.0.1:80/', headers: ['host: us.example.com'] });
  t.match(explanation.connection, {
    serverName: 'us.example.com',
    route: { origin: 'VirtualService/default/api', field: 'spec.tls[1]', sni: ['*.example.com'] },
    passedOver: [{ field: 'spec.tls[0]', sni: ['eu.example.com'] }],
  });
  t.match(explanation.split, [
    { backend: 'api.default.svc.cluster.local:80/v1', share: 0.25, endpoints: [{ pod: 'default/v1' }] },
    { backend: 'api.default.svc.cluster.local:80/v2', share: 0.75, endpoints: [{ pod: 'default/v2' }] },
  ]);
  t.match(
    text,
    /connection +VirtualService\/default\/api spec\.tls\[1\] \(a\.yaml:\d+\) takes TLS for \*\.example\.com/,
  );
  t.match(text, /passed over +VirtualService\/default\/api spec\.tls\[0\]/);
  t.match(ask(files, { url: 'https://10.96.0.1:80/' }).explanation.connection, { serverName: '', route: null });
});

t.test(
  'a port that is declared to carry octets passes plain HTTP on too, by the rules for any connection',
  async (t) => {
    const opaque = service('api', '10.96.0.1', { annotations: { 'config.linkerd.io/opaque-ports': '80' } });
    const both = ruledBy({ http: [{ route: [to('v1')] }], tcp: [{ route: [to('v2')] }] });
    const { explanation, text } = ask({ 'a.yaml': [opaque, ...PODS, SUBSETS, both] });
    t.match(explanation, {
      target: { protocol: 'opaque', protocolRule: 'config.linkerd.io/opaque-ports/Service/default/api' },
      carried: 'octets',
      connection: { serverName: '', route: { field: 'spec.tcp[0]', sni: null }, withoutEffect: [{}] },
      split: [{ share: 1, endpoints: [{ pod: 'default/v2' }] }],
    });
    t.match(text, /target .*\(opaque by config\.linkerd\.io\/opaque-ports\/Service\/default\/api \(a\.yaml:\d+\)\)/);
    t.match(text, /takes every connection/);
  },
);

t.test('TLS to a port that is declared as HTTP is refused', async (t) => {
  const { explanation, text } = ask(
    { 'a.yaml': [service('api', '10.96.0.1', { port: { appProtocol: 'http' } }), ...PODS] },
    { url: 'https://api:80/' },
  );
  t.match(explanation, {
    carried: 'http',
    refused: 'request_malformed',
    route: null,
    connection: null,
    split: { length: 0 },
  });
  t.match(text, /refused +request_malformed: it is TLS, and the port is declared as HTTP/);
});

t.test(
  'TLS to a pod whose port has routes alone passes: a Service may have a port of TLS beside that of HTTP',
  async (t) => {
    const profile = serviceProfile('api.default.svc.cluster.local', {
      routes: [{ name: 'all', condition: { method: 'GET' } }],
    });
    const { explanation } = ask({ 'a.yaml': [...API, profile] }, { url: 'https://api:80/' });
    t.match(explanation.split, [{ inbound: [{ route: null, refused: null }] }]);
  },
);

t.test('TLS to a pod whose port has a rate limit is refused there, unless the port is declared as TLS', async (t) => {
  const limit = [
    server('api', { accessPolicy: 'all-unauthenticated' }),
    rateLimit('api-limit', 'api', { total: { requestsPerSecond: 100 } }),
  ];
  const asked = { url: 'https://api:80/' };
  const { explanation, text } = ask({ 'a.yaml': [...API, ...limit] }, asked);
  t.match(explanation.split, [{ inbound: [{ route: null, refused: 'opaque_on_http_port' }] }]);
  t.match(text, /refused, opaque_on_http_port/);
  const declared = service('api', '10.96.0.1', { port: { appProtocol: 'https' } });
  const passed = ask({ 'a.yaml': [declared, ...PODS, ...limit] }, asked).explanation;
  t.match(passed.split, [{ inbound: [{ protocol: 'tls', route: null, refused: null }] }]);
});
