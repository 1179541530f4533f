import t from 'tap';

import type { Fields } from '../json.ts';
import { readDestinationRule } from './read-destination-rule.ts';
import { readServiceEntry } from './read-service-entry.ts';
import { readVirtualService } from './read-virtual-service.ts';

const metadata = { name: 'a', namespace: 'default' };

function policyOf(trafficPolicy: object) {
  return readDestinationRule({ metadata, spec: { host: 'api', trafficPolicy } } as Fields, []).policy!.policy;
}

function ruleOf(rule: object) {
  const http = [{ route: [{ destination: { host: 'api' } }], ...rule }];
  return readVirtualService({ metadata, spec: { hosts: ['api'], http } } as Fields, []).http[0]!;
}

t.test('outlier detection that says nothing is that of Istio', async (t) => {
  t.same(policyOf({ outlierDetection: {} }).breaker, {
    kind: 'outlier-detection',
    consecutive5xx: 5,
    consecutiveGatewayErrors: 0,
    consecutiveLocalFailures: 5,
    splitsLocalOrigin: false,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectionPercent: 10,
    minHealthPercent: 0,
  });
  const breaker = (outlierDetection: object) => policyOf({ outlierDetection }).breaker;
  t.match(breaker({ baseEjectionTime: '301s' }), { maxEjectionMs: 301_000 }, 'the bound is not below the base');
  t.match(breaker({ baseEjectionTime: '299s' }), { maxEjectionMs: 300_000 });
  t.match(breaker({ consecutiveErrors: 3 }), { consecutiveGatewayErrors: 3 });
  t.match(breaker({ consecutiveErrors: 3, consecutiveGatewayErrors: 0 }), { consecutiveGatewayErrors: 0 });
  t.match(breaker({ outlierDetectionHttpErrorCodes: [500, 429] }), { errorStatuses: [500, 429] });
});

t.test('a budget of retries that says nothing is a fifth, and 3 a second', async (t) => {
  const budget = (retryBudget: object) => policyOf({ retryBudget }).retryBudget;
  t.same(budget({}), { ratio: 0.2, minPerSecond: 3, windowMs: 10_000 });
  t.same(budget({ percent: 0, minRetryConcurrency: 0, budgetInterval: '0s' }), {
    ratio: 0,
    minPerSecond: 0,
    windowMs: 10_000,
  });
  t.match(budget({ budgetInterval: '1ms' }), { windowMs: 1000 }, 'a window is a second or longer');
  t.match(budget({ budgetInterval: '1001ms' }), { windowMs: 1001 });
});

t.test('a balancer is what it says, and nothing where it says nothing', async (t) => {
  const balancer = (loadBalancer: object) => policyOf({ loadBalancer }).loadBalancer!.balancer;
  t.equal(balancer({}), null);
  t.equal(balancer({ simple: 'UNSPECIFIED' }), null);
  for (const [simple, algorithm] of [
    ['LEAST_REQUEST', 'least-request'],
    ['LEAST_CONN', 'least-request'],
    ['ROUND_ROBIN', 'round-robin'],
    ['RANDOM', 'random'],
  ] as const)
    t.same(balancer({ simple }), { algorithm }, simple);
  t.same(balancer({ warmup: { duration: '1s' } }), {
    algorithm: 'least-request',
    slowStart: { windowMs: 1000, minimumFraction: 0.1, aggression: 1 },
  });
  t.match(balancer({ warmup: { duration: '1s', minimumPercent: 0, aggression: 2.5 } }), {
    slowStart: { minimumFraction: 0, aggression: 2.5 },
  });
  t.match(balancer({ warmupDurationSecs: '2s' }), { slowStart: { windowMs: 2000 } });
});

t.test('consistent hashing has a table and a size of its own', async (t) => {
  const hash = (consistentHash: object) => policyOf({ loadBalancer: { consistentHash } }).loadBalancer!.balancer!.hash;
  t.same(hash({ useSourceIp: true }), { key: { source: 'ip' }, table: 'ring-hash', size: 1024 });
  t.match(hash({ useSourceIp: true, minimumRingSize: 7 }), { size: 7 });
  t.match(hash({ useSourceIp: true, ringHash: { minimumRingSize: 8 }, minimumRingSize: 7 }), { size: 8 });
  t.match(hash({ useSourceIp: true, maglev: {} }), { table: 'maglev', size: 65_537 });
  t.match(hash({ useSourceIp: true, maglev: { tableSize: 7 } }), { size: 7 });
  t.match(hash({ httpHeaderName: 'X-User' }), { key: { header: 'x-user' } });
  t.match(hash({ httpQueryParameterName: 'User' }), { key: { query: 'User' } });
  t.same(hash({ httpCookie: { name: 'c' } })!.key, { cookie: 'c', path: '', ttlMs: null });
  t.same(
    hash({
      httpCookie: {
        name: 'c',
        path: '/a',
        ttl: '1s',
        attributes: [{ name: 'Secure' }, { name: 'SameSite', value: 'Lax' }],
      },
    })!.key,
    { cookie: 'c', path: '/a', ttlMs: 1000, attributes: ['Secure', 'SameSite=Lax'] },
  );
});

t.test('localities are told apart unless that is switched off', async (t) => {
  const locality = (loadBalancer: object) => policyOf({ loadBalancer }).loadBalancer!.locality;
  t.equal(locality({}), null);
  t.match(locality({ localityLbSetting: {} }), { isEnabled: true, zoneAware: null });
  t.match(locality({ localityLbSetting: { enabled: false } }), { isEnabled: false });
  t.match(locality({ zoneAwareLbSetting: {} }), { isEnabled: false, zoneAware: { minEndpoints: 6 } });
  t.match(locality({ zoneAwareLbSetting: { enabled: true, minClusterSize: 2 } }), {
    isEnabled: true,
    zoneAware: { minEndpoints: 2 },
  });
});

t.test('limits of 0 are none', async (t) => {
  t.same(policyOf({ connectionPool: { tcp: { maxConnections: 0 }, http: { http2MaxRequests: 0 } } }).limits, {});
  t.same(policyOf({ connectionPool: { tcp: { maxConnections: 1, idleTimeout: '0s' } } }).limits, {
    maxConnections: 1,
    idleTimeoutMs: 0,
  });
  t.match(policyOf({ connectionPool: { http: { h2UpgradePolicy: 'UPGRADE' } } }).limits, { upgradesToHttp2: true });
  for (const h2UpgradePolicy of ['DEFAULT', 'DO_NOT_UPGRADE'])
    t.same(policyOf({ connectionPool: { http: { h2UpgradePolicy } } }).limits, {});
});

t.test('TLS between proxies is left out where a rule says so, and where it has the block alone', async (t) => {
  for (const [tls, meaning] of [
    [{}, 'plain'],
    [{ mode: 'DISABLE' }, 'plain'],
    [{ mode: 'ISTIO_MUTUAL' }, 'mesh'],
    [{ mode: 'SIMPLE' }, 'origination'],
    [{ mode: 'MUTUAL' }, 'origination'],
  ] as const)
    t.equal(policyOf({ tls }).tls, meaning, JSON.stringify(tls));
});

t.test('a rule that says nothing more matches all, waits for ever and repeats nothing', async (t) => {
  t.match(ruleOf({}), {
    name: '',
    path: 'spec.http[0]',
    destinations: [{ weight: 1, destination: { host: 'api', subset: '', port: null } }],
    isDelegated: false,
    rewrite: null,
    redirect: null,
    respond: null,
    cors: null,
    fault: null,
    timeoutMs: 0,
    retries: null,
  });
  t.match(ruleOf({}).matches, [
    { name: '', statPrefix: '', when: { all: { length: 0 } }, prefix: '/', selector: { port: null, isForMesh: null } },
  ]);
  t.equal(ruleOf({}).mirrors.length, 0);
});

t.test(
  'one destination takes all whatever its weight; of several each has its own, and none is left out',
  async (t) => {
    const weights = (...weights: (number | undefined)[]) =>
      ruleOf({ route: weights.map((weight) => ({ destination: { host: 'api' }, weight })) }).destinations.map(
        ({ weight }) => weight,
      );
    t.same(weights(undefined), [1]);
    t.same(weights(0), [1]);
    t.same(weights(50), [1]);
    t.same(weights(1, 3), [1, 3]);
    t.same(weights(1, 0, undefined), [1], 'without a weight it gets nothing');
  },
);

t.test(
  'a header that names a pseudo-header is matched where it stands, Host with the port that is written',
  async (t) => {
    const when = (fields: object) => ruleOf({ match: [fields] }).matches[0]!.when;
    const match = { exact: 'A:80' };
    t.same(when({ headers: { ':method': match } }), { method: match });
    t.same(when({ headers: { ':path': match } }), { header: ':path', value: match });
    t.same(when({ headers: { ':scheme': match } }), { scheme: match });
    for (const field of [
      (value: object) => ({ authority: value }),
      (value: object) => ({ headers: { ':authority': value } }),
      (value: object) => ({ headers: { Host: value } }),
    ]) {
      t.same(when(field({ exact: 'A' })), { authority: { exact: 'a' } });
      t.same(when(field({ prefix: 'A' })), { authority: { prefix: 'a' } });
      t.same(when(field({ exact: '[::1]' })), { authority: { exact: '[::1]' } });
      for (const value of [{ exact: 'a:80' }, { prefix: 'a:8' }, { exact: '[::1]:80' }])
        t.same(when(field(value)), { header: 'host', value }, 'as it was sent');
      const regex = 'a(:[0-9]+)?';
      t.same(when(field({ regex })), { any: [{ authority: { regex } }, { header: 'host', value: { regex } }] });
    }
    t.same(when({ headers: { 'X-A': match } }), { header: 'x-a', value: match });
    t.same(when({ headers: { 'X-A': {} } }), { header: 'x-a' }, 'only that it is there');
    t.same(when({ headers: { ':path': {} } }), { all: [] }, 'a pseudo-header always is');
  },
);

t.test('a header that is not there is an empty one, unless only that it is missing is asked', async (t) => {
  const when = (match: object) => ruleOf({ match: [{ withoutHeaders: { 'x-a': match } }] }).matches[0]!.when;
  t.same(when({}), { not: { header: 'x-a' } });
  t.same(when({ exact: 'a' }), { not: { header: 'x-a', value: { exact: 'a' } } });
  for (const match of [{ exact: '' }, { regex: 'a*' }])
    t.same(when(match), { all: [{ header: 'x-a' }, { not: { header: 'x-a', value: match } }] }, JSON.stringify(match));
  t.same(when({ regex: 'a+' }), { not: { header: 'x-a', value: { regex: 'a+' } } });
});

t.test('retries that say nothing repeat what never reached the application', async (t) => {
  const retries = (retries: object) => ruleOf({ retries }).retries;
  t.same(retries({ attempts: 0 }), { policy: null });
  t.same(retries({}), { policy: null });
  t.match(retries({ attempts: 2 })!.policy, {
    limit: 2,
    maxBodyBytes: 65_536,
    backoff: { baseMs: 25, maxMs: 250 },
    on: { outcomes: ['connect-failure', 'refused-stream'] },
  });
  t.notOk('perTryMs' in retries({ attempts: 2 })!.policy!);
  t.match(retries({ attempts: 2, perTryTimeout: '1ms', backoff: '1s' })!.policy, {
    perTryMs: 1,
    backoff: { baseMs: 1000, maxMs: 10_000 },
  });
  const flags = (fields: object) => {
    const { leavesLocality = false, reusesEndpoints = false } = retries({ attempts: 1, ...fields })!.policy!;
    return [leavesLocality, reusesEndpoints];
  };
  t.same(flags({}), [false, false]);
  t.same(flags({ retryRemoteLocalities: true, retryIgnorePreviousHosts: true }), [true, false]);
  t.same(flags({ retryIgnorePreviousHosts: false }), [false, true]);
});

t.test('a mirror gets all requests unless it says how many', async (t) => {
  const mirrors = (rule: object) =>
    ruleOf(rule).mirrors.map(({ destination, fraction }) => [destination.host, fraction]);
  const mirror = { host: 'b' };
  t.same(mirrors({ mirror }), [['b', 1]]);
  t.same(mirrors({ mirror, mirrorPercentage: { value: 12.5 } }), [['b', 0.125]]);
  t.same(mirrors({ mirror, mirrorPercentage: { value: 0 } }), []);
  t.same(mirrors({ mirror, mirrorPercentage: {} }), [], 'an empty percentage is 0, as protobuf has it');
  t.same(mirrors({ mirror, mirrorPercent: 50 }), [['b', 0.5]]);
  t.same(mirrors({ mirror, mirror_percent: 25 }), [['b', 0.25]]);
  t.same(mirrors({ mirror, mirrorPercentage: { value: 1 }, mirrorPercent: 50 }), [['b', 0.01]], 'the newer one counts');
  t.same(mirrors({ mirrors: [{ destination: mirror }, { destination: { host: 'c' }, percentage: { value: 10 } }] }), [
    ['b', 1],
    ['c', 0.1],
  ]);
});

t.test('a fault happens to the share that it names, and to none without one', async (t) => {
  const fault = (fault: object) => ruleOf({ fault }).fault;
  t.equal(fault({ abort: { httpStatus: 500 } }), null);
  t.equal(fault({ delay: { fixedDelay: '1s', percentage: { value: 0 } } }), null);
  t.same(fault({ delay: { fixedDelay: '1s', percent: 50 } }), { delay: { fraction: 0.5, ms: 1000 } });
  t.same(fault({ abort: { httpStatus: 503, percentage: { value: 10 } } }), { abort: { fraction: 0.1, status: 503 } });
  const names =
    'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED';
  for (const [grpc, grpcStatus] of names.split(' ').entries())
    t.same(fault({ abort: { grpcStatus, percentage: { value: 100 } } }), { abort: { fraction: 1, grpc } }, grpcStatus);
});

t.test('changes of Host are of the authority, and of nothing else; a pseudo-header is none of its own', async (t) => {
  const headers = (request: object) => ruleOf({ headers: { request } }).headers;
  for (const name of ['Host', ':authority']) {
    t.match(headers({ set: { [name]: 'b' } }), { authority: 'b', request: null }, name);
    t.match(headers({ add: { [name]: 'b' } }), { authority: 'b', request: null }, name);
  }
  t.match(headers({ set: { 'X-A': 'a' } }), { authority: null, request: { set: [{ name: 'x-a', value: 'a' }] } });
  t.same(ruleOf({}).headers, { request: null, response: null, authority: null });
});

t.test('a policy of CORS that says nothing allows nobody, and forwards what does not match', async (t) => {
  const cors = (corsPolicy: object) => ruleOf({ corsPolicy }).cors;
  t.same(cors({}), {
    origins: [],
    methods: [],
    requestHeaders: [],
    exposedHeaders: [],
    maxAge: null,
    hasCredentials: false,
    forwardsUnmatched: true,
  });
  t.match(cors({ allowOrigins: [{ exact: 'https://a' }, {}, { regex: '*' }] })!.origins, [
    { exact: 'https://a' },
    { prefix: '' },
    { prefix: '' },
  ]);
  t.match(cors({ allowOrigin: ['https://a', '*'] })!.origins, [{ exact: 'https://a' }, { prefix: '' }]);
  t.same(cors({ allowOrigins: [{ exact: 'b' }], allowOrigin: ['a'] })!.origins, [{ exact: 'b' }]);
  t.match(cors({ maxAge: '0s', allowHeaders: ['X-A'], exposeHeaders: ['X-B'], allowCredentials: true }), {
    maxAge: 0,
    requestHeaders: ['x-a'],
    exposedHeaders: ['x-b'],
    hasCredentials: true,
  });
  for (const [unmatchedPreflights, forwardsUnmatched] of [
    ['UNSPECIFIED', true],
    ['FORWARD', true],
    ['IGNORE', false],
  ] as const)
    t.match(cors({ unmatchedPreflights }), { forwardsUnmatched }, unmatchedPreflights);
});

t.test('a redirect is 301 to the same place but for what it names', async (t) => {
  const redirect = (redirect: object) => ruleOf({ route: undefined, redirect }).redirect;
  t.same(redirect({ uri: '/b' }), { status: 301, uri: '/b', prefixRewrite: null });
  t.same(redirect({ authority: 'b:8080', redirectCode: 308 }), {
    status: 308,
    uri: null,
    prefixRewrite: null,
    host: 'b',
    port: 8080,
  });
  t.match(redirect({ authority: 'b:8080', port: 1 }), { host: 'b', port: 1 }, 'the field counts before the authority');
  t.match(redirect({ authority: '[::1]:80' }), { host: '[::1]', port: 80 });
  t.match(redirect({ derivePort: 'FROM_PROTOCOL_DEFAULT' }), { port: 'scheme' });
  t.match(redirect({ derivePort: 'FROM_REQUEST_PORT', scheme: 'https' }), { port: 'request', scheme: 'https' });
});

t.test('an answer of a rule itself has its text in base64', async (t) => {
  const respond = (directResponse: object) => ruleOf({ route: undefined, directResponse }).respond;
  t.same(respond({ status: 200 }), { status: 200, body: '' });
  t.same(respond({ status: 200, body: { string: 'hi' } }), { status: 200, body: 'aGk=' });
  t.same(respond({ status: 200, body: { bytes: 'aGk=' } }), { status: 200, body: 'aGk=' });
});

t.test('an entry that says nothing more goes where the client dialled', async (t) => {
  const entry = (fields: object) =>
    readServiceEntry(
      { metadata, spec: { hosts: ['A.example.com.'], ports: [{ number: 80, name: 'a' }], ...fields } },
      [],
    );
  t.match(entry({}), {
    hosts: ['a.example.com'],
    resolution: 'none',
    exportTo: ['*'],
    ports: [{ name: 'a', port: 80, targetPort: 80, appProtocol: 'tcp' }],
  });
  t.equal(entry({ exportTo: ['~'] }).exportTo.length, 0, 'to nobody');
  for (const [protocol, appProtocol] of [
    ['HTTP', ''],
    ['http', ''],
    ['HTTP2', 'http2'],
    ['GRPC', 'grpc'],
    ['HTTPS', 'https'],
    ['TLS', 'tls'],
    ['TCP', 'tcp'],
    ['MONGO', 'tcp'],
  ] as const)
    t.match(entry({ ports: [{ number: 80, name: 'a', protocol }] }).ports, [{ appProtocol }], protocol);
  const endpoint = (fields: object) =>
    entry({ resolution: 'STATIC', endpoints: [{ address: '10.0.0.1', ...fields }] }).endpoints[0];
  t.same(endpoint({}), { address: '10.0.0.1', ports: {}, labels: {}, locality: '' });
  t.match(endpoint({ address: 'FD00:0::1' }), { address: 'fd00::1' });
  t.match(endpoint({ locality: 'a' }), { locality: 'a//' });
  t.match(endpoint({ locality: 'a/b/c' }), { locality: 'a/b/c' });
  t.match(endpoint({ ports: { a: 8080 } }), { ports: { a: 8080 } });
});
