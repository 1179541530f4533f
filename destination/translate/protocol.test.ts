import t from 'tap';
import { DEFAULT_OPAQUE_PORTS } from '../../api/names.ts';
import { serviceHost } from '../objects/host.ts';
import { clusterOf, TEST_DOMAIN } from '../testing/cluster.ts';
import { deployment, namespace, pod, server, service, serviceProfile, slice } from '../testing/manifests.ts';
import { inboundConfig } from './inbound-config.ts';
import { decideProtocol } from './protocol.ts';

/** What a Service on port 3306 says, what its namespace says, and what a client is told, with the rule. */
const CASES: readonly [
  what: string,
  service: Parameters<typeof service>[2],
  namespaceSays: object,
  protocol: string,
  rule: RegExp,
][] = [
  ['nothing said: the port is one of the server-first ones', {}, {}, 'opaque', /default opaque ports/],
  ['appProtocol', { port: { port: 3306, appProtocol: 'HTTP' } }, {}, 'http1', /appProtocol\/Service\/default\/db/],
  ['appProtocol for HTTP/2', { port: { port: 3306, appProtocol: 'kubernetes.io/h2c' } }, {}, 'http2', /appProtocol/],
  ['appProtocol that nobody knows', { port: { port: 80, appProtocol: 'constructor' } }, {}, 'detect', /default/],
  [
    'the annotation of the Service',
    { annotations: { 'weft.dev/opaque-ports': '3306' } },
    {},
    'opaque',
    /weft.dev\/opaque-ports\/Service/,
  ],
  [
    'Linkerd’s annotation',
    { annotations: { 'config.linkerd.io/opaque-ports': '3000-4000' } },
    {},
    'opaque',
    /config.linkerd.io/,
  ],
  [
    'the annotation by the port’s name',
    { annotations: { 'weft.dev/opaque-ports': 'sql' }, port: { port: 80, name: 'sql' } },
    {},
    'opaque',
    /weft.dev/,
  ],
  [
    'the annotation beats appProtocol',
    { annotations: { 'weft.dev/opaque-ports': '3306' }, port: { port: 3306, appProtocol: 'http' } },
    {},
    'opaque',
    /opaque-ports/,
  ],
  [
    'an empty annotation takes the place of the defaults',
    { annotations: { 'weft.dev/opaque-ports': '' } },
    {},
    'detect',
    /default/,
  ],
  [
    'the annotation of the namespace',
    {},
    { 'weft.dev/opaque-ports': '3306' },
    'opaque',
    /opaque-ports\/Namespace\/default/,
  ],
  ['the namespace takes the place of the defaults', {}, { 'weft.dev/opaque-ports': '22' }, 'detect', /default/],
  [
    'appProtocol beats the namespace',
    { port: { port: 3306, appProtocol: 'grpc' } },
    { 'weft.dev/opaque-ports': '3306' },
    'grpc',
    /appProtocol/,
  ],
];

t.test('the nearest statement decides what a port speaks', async (t) => {
  for (const [what, fields, namespaceSays, protocol, rule] of CASES) {
    const port = { port: 3306, targetPort: 8080, ...fields?.port };
    const { cluster } = clusterOf(service('db', '10.96.0.1', { ...fields, port }), namespace('default', namespaceSays));
    const object = cluster.get('Service', 'default', 'db')!;
    const decision = decideProtocol({
      server: null,
      host: { host: serviceHost(object, TEST_DOMAIN), port: object.ports[0]! },
      profile: null,
      pod: null,
      namespace: cluster.get('Namespace', '', 'default')!,
    });
    t.equal(decision.protocol, protocol, what);
    t.match(decision.rule, rule, what);
  }
});

t.test('a pod says what its own port speaks, to clients and to its own proxy', async (t) => {
  const { target, cluster, inquiry } = clusterOf(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1', { annotations: { 'weft.dev/opaque-ports': 'http' } }),
    slice('api', [['api-1', '10.244.0.1']]),
  );
  t.match(target('api:80'), { protocol: 'detect', backends: { '': { endpoints: [{ protocol: 'opaque' }] } } });
  t.equal(target('10.244.0.1:8080')?.protocol, 'opaque');
  const config = inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!);
  t.match(config.ports, [{ port: 8080, protocol: 'opaque' }]);
});

/** What is said of port 8080 of the pod api-1: to clients of the Service, of the endpoint and of the pod, and inbound. */
function said(...manifests: object[]): string[] {
  const { target, cluster, inquiry } = clusterOf(...manifests);
  const ofService = target('api:80')!;
  const config = inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!);
  return [
    ofService.protocol,
    ofService.backends['']!.endpoints[0]!.protocol,
    target('10.244.0.1:8080')!.protocol,
    config.ports.find(({ port }) => port === 8080)!.protocol,
  ];
}

t.test('a Server says what a port speaks, to clients and to the pod’s own proxy', async (t) => {
  const api = [service('api', '10.96.0.1'), pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']])];
  for (const [proxyProtocol, protocol] of [
    ['opaque', 'opaque'],
    ['HTTP/1', 'http1'],
    ['HTTP/2', 'http2'],
    ['gRPC', 'grpc'],
    ['TLS', 'tls'],
    ['unknown', 'detect'],
    [undefined, 'detect'],
  ] as const)
    t.same(said(...api, server('api', { proxyProtocol })), Array(4).fill(protocol), proxyProtocol ?? 'nothing');
  t.same(said(...api, server('api', { proxyProtocol: 'opaque', port: 'http' })), Array(4).fill('opaque'), 'by name');
  t.same(said(...api, server('api', { proxyProtocol: 'opaque', port: 9090 })), Array(4).fill('detect'), 'another port');
});

t.test('a Server beats appProtocol and annotations, unless its protocol is unknown', async (t) => {
  const api = (onService: object, onPod: object, appProtocol: string) => [
    service('api', '10.96.0.1', { annotations: onService, port: { appProtocol } }),
    pod('api-1', '10.244.0.1', { annotations: onPod }),
    slice('api', [['api-1', '10.244.0.1']]),
  ];
  const opaque = { 'weft.dev/opaque-ports': '80,8080' };
  const grpc = server('api', { proxyProtocol: 'gRPC' });
  t.same(said(...api(opaque, {}, ''), grpc), Array(4).fill('grpc'));
  t.same(said(...api({}, opaque, ''), grpc), Array(4).fill('grpc'));
  t.same(said(...api({}, {}, 'http'), server('api', { proxyProtocol: 'opaque' })), Array(4).fill('opaque'));
  const unknown = server('api', { proxyProtocol: 'unknown' });
  t.same(said(...api(opaque, {}, ''), unknown), Array(4).fill('opaque'));
  t.same(said(...api({}, {}, 'http2'), unknown), Array(4).fill('http2'));
});

t.test('of two Servers of a port the older says what it speaks', async (t) => {
  const older = server('z', { proxyProtocol: 'opaque' }, '2026-01-01T00:00:00Z');
  const younger = server('a', { proxyProtocol: 'HTTP/1' }, '2026-02-01T00:00:00Z');
  const api = [service('api', '10.96.0.1'), pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']])];
  t.same(said(...api, younger, older), Array(4).fill('opaque'));
});

t.test('a Service is opaque by Servers where those of all its pods say so', async (t) => {
  const { target, source } = clusterOf(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1', { labels: { version: 'v1' } }),
    pod('api-2', '10.244.0.2', { labels: { version: 'v2' } }),
    slice('api', [
      ['api-1', '10.244.0.1'],
      ['api-2', '10.244.0.2', { conditions: { ready: false } }],
    ]),
    server('v1', { podSelector: { matchLabels: { version: 'v1' } }, proxyProtocol: 'opaque' }),
  );
  t.match(target('api:80'), { protocol: 'detect', backends: { '': { endpoints: [{ protocol: 'opaque' }] } } });
  t.equal(target('10.244.0.2:8080')?.protocol, 'detect');
  const other = (proxyProtocol: string) =>
    server('v2', { podSelector: { matchLabels: { version: 'v2' } }, proxyProtocol });
  source.put(other('HTTP/1'));
  t.equal(target('api:80')?.protocol, 'detect', 'they disagree');
  source.put(other('opaque'));
  t.equal(target('api:80')?.protocol, 'opaque');
});

t.test('a ServiceProfile names opaque ports of its Service', async (t) => {
  const { target } = clusterOf(
    service('api', '10.96.0.1'),
    serviceProfile('api.default.svc.cluster.local', { opaquePorts: ['80'] }),
  );
  t.equal(target('api:80')?.protocol, 'opaque');
});

t.test('inbound, Services that disagree leave the port to detection', async (t) => {
  const ports = (...protocols: string[]) => {
    const { cluster, inquiry } = clusterOf(
      pod('api-1', '10.244.0.1'),
      ...protocols.map((appProtocol, at) =>
        service(`api-${at}`, `10.96.0.${at}`, {
          spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'http', appProtocol }] },
        }),
      ),
    );
    return inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!).ports.map(({ protocol }) => protocol);
  };
  t.same(ports('http'), ['http1']);
  t.same(ports('http', 'http'), ['http1']);
  t.same(ports('http', 'tcp'), ['detect']);
});

t.test('a default opaque port of a Service is one to both proxies, whatever port the pod has', async (t) => {
  const { cluster, inquiry, target } = clusterOf(
    pod('api-1', '10.244.0.1'),
    service('api', '10.96.0.1', { spec: { selector: { app: 'api' }, ports: [{ port: 3306, targetPort: 13_306 }] } }),
  );
  t.equal(target('api:3306')?.protocol, 'opaque');
  t.equal(target('10.244.0.1:13306')?.protocol, 'opaque');
  const config = inboundConfig(inquiry, cluster.get('Pod', 'default', 'api-1')!);
  t.match(
    config.ports.find(({ port }) => port === 13_306),
    { protocol: 'opaque' },
  );
});

t.test('every default opaque port is opaque without a word', async (t) => {
  const { target } = clusterOf(pod('api-1', '10.244.0.1'), deployment('api'));
  for (const port of DEFAULT_OPAQUE_PORTS.split(',')) t.equal(target(`10.244.0.1:${port}`)?.protocol, 'opaque', port);
});
