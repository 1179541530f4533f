import t, { type Test } from 'tap';

import { problemsOf, withValue } from '../../testing/damage.ts';
import type { Fields } from '../json.ts';
import type { Kind } from '../kinds.ts';

/** A field that is read and not honoured, or not as it is written: the object is used, and the warning stands at a path. */
type Unheeded = readonly [path: string, value: unknown, at?: string];

function warns(t: Test, kind: Kind, base: Fields, fields: readonly Unheeded[]): void {
  t.same(problemsOf(kind, base), [], 'the object itself has no fault');
  for (const [path, value, at = path] of fields)
    t.match(
      problemsOf(kind, withValue(base, path, value)),
      [{ path: at, severity: 'warning' }],
      `${path}: ${JSON.stringify(value)}`,
    );
}

const metadata = { name: 'a', namespace: 'default' };
const route = [{ destination: { host: 'api' } }];

t.test('what a VirtualService says in vain is told, and the rest holds', async (t) => {
  warns(t, 'VirtualService', { metadata, spec: { hosts: ['api'], http: [{ route }] } }, [
    ['spec.gateways', ['edge']],
    ['spec.gateways', ['edge', 'mesh']],
    ['spec.hosts', undefined],
    ['spec.http[0]', { delegate: { name: 'b', namespace: 'c' } }, 'spec.http[0].delegate'],
    ['spec.http[0].mirrorPercent', 50],
    ['spec.http[0].mirror_percent', 50],
    ...['uri', 'scheme', 'method', 'authority', 'URI'].map(
      (name): Unheeded => [`spec.http[0].match[0].headers.${name}`, { exact: '/' }],
    ),
    ['spec.http[0].match[0].withoutHeaders.method', { exact: 'GET' }],
    ['spec.http[0].fault', { abort: { httpStatus: 500 } }, 'spec.http[0].fault.abort.percentage'],
    ['spec.http[0].fault', { delay: { fixedDelay: '1s' } }, 'spec.http[0].fault.delay.percentage'],
    ['spec.http[0].headers.request.set.x-a', '%UNKNOWN%'],
    ['spec.http[0].headers.response.add.x-a', '%UNKNOWN%'],
    ['spec.http[0].retries', { attempts: 1, retryOn: '5xx,retriable-headers' }, 'spec.http[0].retries.retryOn'],
    ['spec.tcp', [{ match: [{ sourceSubnet: '10.0.0.0/8' }], route }], 'spec.tcp[0].match[0].sourceSubnet'],
    ['spec.http[1]', { route }],
    ['spec.http', [{ match: [{ uri: { prefix: '/' } }], route }, { route }], 'spec.http[1]'],
    ['spec.http', [{ match: [{ uri: { regex: '.*' } }], route }, { route }], 'spec.http[1]'],
  ]);
});

t.test('an operator of header values that is not known is named beside those that are', async (t) => {
  const spec = { hosts: ['api'], http: [{ route, headers: { request: { set: { 'x-a': '%OTHER(1)%' } } } }] };
  const [problem] = problemsOf('VirtualService', { metadata, spec });
  t.match(problem!.message, /^"%OTHER\(1\)%" is not known.*%REQ\(name\)%, %DOWNSTREAM_REMOTE_ADDRESS%, .*%START_TIME%/);
});

t.test('a rule that takes only some, or some clients, leaves the rest to those after it', async (t) => {
  for (const match of [
    { uri: { prefix: '/a' } },
    { headers: { 'x-a': {} } },
    { port: 80 },
    { sourceLabels: { app: 'a' } },
    { sourceNamespace: 'shop' },
    { gateways: ['mesh'] },
  ])
    t.same(
      problemsOf('VirtualService', {
        metadata,
        spec: { hosts: ['api'], http: [{ match: [match], route }, { route }] },
      }),
      [],
      JSON.stringify(match),
    );
});

t.test('what a DestinationRule says in vain is told, and the rest holds', async (t) => {
  const policy = 'spec.trafficPolicy';
  warns(t, 'DestinationRule', { metadata, spec: { host: 'api', trafficPolicy: { tls: {} } } }, [
    [`${policy}.tls.mode`, 'SIMPLE'],
    [`${policy}.tls.mode`, 'MUTUAL'],
    ...['clientCertificate', 'privateKey', 'caCertificates', 'credentialName', 'caCrl', 'sni'].map(
      (name): Unheeded => [`${policy}.tls.${name}`, 'a'],
    ),
    [`${policy}.tls.subjectAltNames`, ['a']],
    [`${policy}.tls.insecureSkipVerify`, true],
    [`${policy}.tls`, { mode: 'ISTIO_MUTUAL', sni: 'a' }, `${policy}.tls.sni`],
    [`${policy}.tunnel`, {}],
    [`${policy}.proxyProtocol`, {}],
    [`${policy}.loadBalancer.simple`, 'PASSTHROUGH'],
    [`${policy}.loadBalancer`, { simple: 'RANDOM', warmupDurationSecs: '1s' }, `${policy}.loadBalancer.warmup`],
    [
      `${policy}.loadBalancer`,
      { consistentHash: { useSourceIp: true }, warmup: { duration: '1s' } },
      `${policy}.loadBalancer.warmup`,
    ],
    [`${policy}.outlierDetection.consecutiveErrors`, 3],
  ]);
  t.same(
    problemsOf('DestinationRule', {
      metadata,
      spec: { host: 'api', trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN', warmupDurationSecs: '1s' } } },
    }),
    [],
    'a warm-up of endpoints that take turns is honoured',
  );
});

t.test('what a ServiceEntry says in vain is told, and the rest holds', async (t) => {
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
  const endpoints = [{ address: '10.0.0.1' }];
  const spec = { hosts: ['example.com'], ports, resolution: 'STATIC', endpoints };
  warns(t, 'ServiceEntry', { metadata, spec }, [
    ['spec.workloadSelector', { labels: { app: 'a' } }],
    ['spec.subjectAltNames', ['a']],
    ['spec.endpoints[0].weight', 5],
    ['spec.endpoints[0].network', 'a'],
    ['spec.endpoints[0].serviceAccount', 'a'],
    ['spec.ports[0].protocol', 'TCP', 'spec.ports[0]'],
    ['spec.ports[0].protocol', 'MONGO', 'spec.ports[0]'],
  ]);
  const protocol = 'TCP';
  t.same(
    problemsOf('ServiceEntry', {
      metadata,
      spec: { ...spec, addresses: ['10.9.0.1'], ports: [{ ...ports[0], protocol }] },
    }),
    [],
    'octets to an address of the entry are told apart',
  );
});
