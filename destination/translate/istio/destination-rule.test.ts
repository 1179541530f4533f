import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { readDestinationRule } from '../../objects/istio/read-destination-rule.ts';
import { MalformedObject, type Problem } from '../../objects/problem.ts';

t.test('the manifest of the user guide is read without a fault', async (t) => {
  const file = join(import.meta.dirname, '../../../test/fixtures/user/istio-destination-rule.yaml');
  const problems: Problem[] = [];
  const { host, policy, subsets } = readDestinationRule(parse(readFileSync(file, 'utf8')), problems);
  t.same(problems, []);
  t.equal(host, 'api-service');
  t.match(policy?.policy, {
    limits: { maxConnections: 100, maxPendingRequests: 100, maxRequests: 1000 },
    breaker: { consecutive5xx: 5, intervalMs: 30_000, baseEjectionMs: 30_000, maxEjectionPercent: 50 },
  });
  t.match(subsets, [
    { name: 'stable', labels: { version: 'v1' } },
    { name: 'canary', labels: { version: 'v2' } },
  ]);
});

const policy = (trafficPolicy: object) => ({ host: 'api', trafficPolicy });
const balancer = (loadBalancer: object) => policy({ loadBalancer });

const REFUSED: Readonly<Record<string, readonly [spec: object, complaint: RegExp]>> = {
  'no host': [{}, /spec\.host is missing/],
  'a policy that says nothing': [policy({}), /trafficPolicy says nothing/],
  'a field that is unknown': [policy({ circuitBreaker: {} }), /circuitBreaker is unknown/],
  'a subset twice': [{ host: 'api', subsets: [{ name: 'a' }, { name: 'a' }] }, /subsets\[1\]\.name "a" stands twice/],
  'a subset whose name is no label': [{ host: 'api', subsets: [{ name: 'a.b' }] }, /"a\.b" is no DNS label/],
  'limits of nothing': [policy({ connectionPool: {} }), /has neither tcp nor http/],
  'an upgrade that keeps the protocol': [
    policy({ connectionPool: { http: { h2UpgradePolicy: 'UPGRADE', useClientProtocol: true } } }),
    /useClientProtocol excludes/,
  ],
  'PINGs without a time to wait': [
    policy({ connectionPool: { http: { http2KeepAlive: { interval: '1s' } } } }),
    /timeout is missing/,
  ],
  'local failures that are not told apart': [
    policy({ outlierDetection: { consecutiveLocalOriginFailures: 1 } }),
    /needs splitExternalLocalOriginErrors/,
  ],
  'more than all': [policy({ outlierDetection: { maxEjectionPercent: 101 } }), /maxEjectionPercent/],
  'a balancer that is unknown': [balancer({ simple: 'FASTEST' }), /"FASTEST" is none of/],
  'two balancers': [balancer({ simple: 'RANDOM', consistentHash: { useSourceIp: true } }), /excludes simple/],
  'two keys': [balancer({ consistentHash: { useSourceIp: true, httpHeaderName: 'a' } }), /exactly one of/],
  'no key': [balancer({ consistentHash: {} }), /exactly one of/],
  'a table that is no prime': [
    balancer({ consistentHash: { useSourceIp: true, maglev: { tableSize: 100 } } }),
    /100 is no prime/,
  ],
  'a cookie that would be two': [
    balancer({ consistentHash: { httpCookie: { name: 'a', path: '/; Domain=x' } } }),
    /no path of a cookie/,
  ],
  'weights that do not add up': [
    balancer({ localityLbSetting: { distribute: [{ from: 'a/*', to: { 'a/*': 80, 'b/*': 10 } }] } }),
    /adds up to 90/,
  ],
  'distribution beside failover': [
    balancer({
      localityLbSetting: { distribute: [{ from: '*', to: { '*': 100 } }], failover: [{ from: 'a', to: 'b' }] },
    }),
    /failover excludes distribute/,
  ],
  'certificates that are the mesh’s own': [
    policy({ tls: { mode: 'ISTIO_MUTUAL', clientCertificate: '/a' } }),
    /clientCertificate is not allowed/,
  ],
  'a port twice': [
    policy({ portLevelSettings: [{ port: { number: 80 } }, { port: { number: 80 } }] }),
    /80 stands twice/,
  ],
  'clients of one namespace, and others': [
    { host: 'api', workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['*'] },
    /beyond the namespace/,
  ],
};

for (const [what, [spec, complaint]] of Object.entries(REFUSED))
  t.test(`${what} is refused`, async (t) => {
    try {
      readDestinationRule({ metadata: { name: 'dr', namespace: 'default' }, spec }, []);
      t.fail('it was read');
    } catch (error) {
      t.ok(error instanceof MalformedObject, String(error));
      t.match((error as Error).message, complaint);
    }
  });
