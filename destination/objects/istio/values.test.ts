import t from 'tap';

import { asksValues } from '../../testing/values.ts';

const MANY = 2 ** 31 - 1;
const TO_API = [{ destination: { host: 'api' } }];
const PERCENT = [
  [0, 12.5, 100],
  [-1, 101, '5'],
] as const;
const DURATION = [
  ['1ms', '1.5s', '2h'],
  ['0s', '5', '-1s', 5],
] as const;
const MATCH = [
  [{ exact: 'a' }, { prefix: 'a' }, { regex: 'a|b' }],
  [
    { exact: 'a', prefix: 'a' },
    { prefix: 'a', regex: 'a' },
  ],
] as const;
const HEADER = 'x-a';

t.test('a rule of a VirtualService takes what Istio takes, within the same bounds', async (t) => {
  const base = { metadata: { name: 'vs', namespace: 'default' }, spec: { hosts: ['api'], http: [{ route: TO_API }] } };
  asksValues(t, 'VirtualService', base, [
    ['spec.hosts', [['api'], ['api.default.svc.cluster.local'], ['*.example.com'], ['a', 'b']], []],
    ['spec.hosts[0]', ['10.0.0.1', 'fd00::1', 'a_b', 'API.'], ['a b', '-a', 'a..-', '*', 'x*.example.com']],
    ['spec.hosts', [], [['a', 'a']], 'spec.hosts[1]'],
    ['spec.hosts', [], [['a.example.com', '*.example.com']], 'spec.hosts[0]'],
    ['spec.exportTo', [['*'], ['.'], ['shop'], ['shop', '.']], [['Shop'], ['~'], ['a/b'], ['a', 'a'], ['*', 'a']]],
    ['spec.http[0]', [{ redirect: { uri: '/' } }, { directResponse: { status: 200 } }], [{}, { timeout: '1s' }]],
    ['spec.http[0].redirect', [], [{ uri: '/' }]],
    ['spec.http[0].directResponse', [], [{ status: 200 }]],
    ['spec.http[0].delegate', [], [{ name: 'other' }]],
    ['spec.http[0].timeout', ['0s', '10s'], ['10', '-1s']],
    ['spec.http[0].match[0].uri', ...MATCH],
    ['spec.http[0].match[0].uri', [], [{}]],
    ['spec.http[0].match[0].uri.regex', ['a+', '.*'], ['', '(?=a)', 'a(', '(?!a)']],
    ['spec.http[0].match[0].uri.exact', [''], [5]],
    ['spec.http[0].match[0].uri.prefix', ['/'], ['']],
    ['spec.http[0].match[0].scheme', ...MATCH],
    ['spec.http[0].match[0].method', ...MATCH],
    ['spec.http[0].match[0].authority', ...MATCH],
    ['spec.http[0].match[0].headers', [{ 'x-a': {} }, { 'x-a': null }, { ':path': { exact: '/' } }], []],
    ['spec.http[0].match[0].headers', [], [{ 'x a': { exact: 'a' } }], 'spec.http[0].match[0].headers.x a'],
    ['spec.http[0].match[0].headers', [], [{ ':odd': { exact: 'a' } }], 'spec.http[0].match[0].headers.:odd'],
    [`spec.http[0].match[0].headers.${HEADER}`, ...MATCH],
    [`spec.http[0].match[0].withoutHeaders.${HEADER}`, ...MATCH],
    ['spec.http[0].match[0].queryParams.q', ...MATCH],
    ['spec.http[0].match[0].port', [1, 65_535], [0, 65_536, 8.5, '80']],
    ['spec.http[0].route', [[...TO_API, { destination: { host: 'b' }, weight: 1 }]], [[...TO_API, ...TO_API]]],
    ['spec.http[0].route[0].weight', [0, 1, MANY], [-1, 0.5, MANY + 1]],
    ['spec.http[0].route[0].destination', [], [undefined]],
    ['spec.http[0].route[0].destination.host', ['b', 'b.example.com'], ['*', '*.example.com', 'a b', '']],
    ['spec.http[0].route[0].destination.subset', ['v1', 'V1-a', 'a'.repeat(63)], ['-v', 'v-', 'v.1', 'a'.repeat(64)]],
    ['spec.http[0].route[0].destination.port.number', [1, 65_535], [0, 65_536, undefined]],
    ['spec.http[0].fault.abort.httpStatus', [200, 599], [199, 600, 500.5]],
    ['spec.http[0].fault.abort.grpcStatus', ['OK', 'FAILED_PRECONDITION', 'UNAUTHENTICATED'], ['ok', 'BROKEN']],
    ['spec.http[0].fault.abort', [{ httpStatus: 500 }], [{}, { httpStatus: 500, grpcStatus: 'OK' }]],
    ['spec.http[0].fault', [{ delay: { fixedDelay: '1s' } }], [{}]],
    ['spec.http[0].fault.delay', [], [{ percentage: { value: 1 } }], 'spec.http[0].fault.delay.fixedDelay'],
    ['spec.http[0].fault.delay.fixedDelay', ...DURATION],
    [
      'spec.http[0].fault',
      [{ delay: { fixedDelay: '1s', percent: 100 } }, { delay: { fixedDelay: '1s', percent: 0 } }],
      [],
    ],
    ['spec.http[0].fault', [], [{ delay: { fixedDelay: '1s', percent: 101 } }], 'spec.http[0].fault.delay.percent'],
    ['spec.http[0].mirror.host', ['b'], ['*', '']],
    ['spec.http[0].mirrorPercentage.value', ...PERCENT],
    ['spec.http[0].mirrorPercent', [0, 100], [-1, 101, 0.5]],
    ['spec.http[0].mirror_percent', [0, 100], [-1, 101, 0.5]],
    ['spec.http[0].mirrors[0].destination', [{ host: 'b' }], [undefined]],
    ['spec.http[0].mirrors[0]', [{ destination: { host: 'b' }, percentage: { value: 100 } }], []],
    ['spec.http[0].retries.attempts', [0, 1, MANY], [-1, 1.5, MANY + 1]],
    ['spec.http[0].retries', [{ attempts: 1, perTryTimeout: '1ms' }], []],
    ['spec.http[0].retries', [], [{ attempts: 1, perTryTimeout: '0s' }], 'spec.http[0].retries.perTryTimeout'],
    ['spec.http[0].retries', [], [{ attempts: 1, backoff: '0s' }], 'spec.http[0].retries.backoff'],
    ['spec.http[0].retries', [], [{ attempts: 0, perTryTimeout: '1s' }], 'spec.http[0].retries.perTryTimeout'],
    ['spec.http[0].retries', [{ attempts: 1, retryOn: '5xx,503,retriable-headers' }], []],
    ['spec.http[0].retries', [], [{ attempts: 1, retryOn: '99' }], 'spec.http[0].retries.retryOn'],
    ['spec.http[0].rewrite', [{ uri: '/' }, { authority: 'a' }], [{}]],
    ['spec.http[0].rewrite.uriRegexRewrite', [{ match: 'a', rewrite: '\\1\\\\' }, { match: 'a' }], []],
    [
      'spec.http[0].rewrite.uriRegexRewrite',
      [],
      [{ match: '(', rewrite: '' }],
      'spec.http[0].rewrite.uriRegexRewrite.match',
    ],
    [
      'spec.http[0].rewrite.uriRegexRewrite',
      [],
      [
        { match: 'a', rewrite: '\\x' },
        { match: 'a', rewrite: 'b\\' },
      ],
      'spec.http[0].rewrite.uriRegexRewrite.rewrite',
    ],
    [
      'spec.http[0].rewrite',
      [],
      [{ uri: '/', uriRegexRewrite: { match: 'a' } }],
      'spec.http[0].rewrite.uriRegexRewrite',
    ],
    [
      'spec.http[0].corsPolicy.allowMethods',
      [['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*']],
      [],
    ],
    ['spec.http[0].corsPolicy.allowMethods[0]', [], ['get', 'BREW']],
    ['spec.http[0].corsPolicy.maxAge', ['0s', '1s', '24h'], ['1500ms', '1ms', 'x']],
    ['spec.http[0].corsPolicy.unmatchedPreflights', ['UNSPECIFIED', 'FORWARD', 'IGNORE'], ['KEEP']],
    ['spec.http[0].headers.request.set', [{ 'x-a': 'b', host: 'b' }], []],
    ['spec.http[0].headers.request.set.content-length', [], ['1']],
    ['spec.http[0].headers.request.set.x-a', ['', 'a b', 'ü', '%PROTOCOL%'], ['a\nb', 'a\r', '\0']],
    ['spec.http[0].headers.response.add.x-a', [], ['a\nb']],
    ['spec.http[0].headers.request.set.host', ['b', 'b:8080'], ['b c', 'b\n', 'b:0', '']],
    ['spec.http[0].headers.request.remove[0]', [], ['Host', 'Content-Length']],
    ['spec.http[0].headers.response.remove[0]', ['server'], ['content-length']],
    ['spec.http[0].rewrite.uri', ['/', '/a%20b'], ['nolead', '/a b', '/a?b', '/ü', '/a\n']],
    ['spec.http[0].rewrite.authority', ['b', 'b:80', '[::1]'], ['bad host', 'b/c', 'b\n']],
    [
      'spec.http[0].rewrite.uriRegexRewrite',
      [],
      [{ match: 'a', rewrite: 'b c' }],
      'spec.http[0].rewrite.uriRegexRewrite.rewrite',
    ],
    ['spec.http[0].corsPolicy.allowHeaders[0]', ['x-a', '*'], ['a b', 'a,b', 'ü']],
    ['spec.http[0].corsPolicy.exposeHeaders[0]', ['x-a'], ['a\n']],
    ['spec.http[0].headers.request.remove[0]', ['x-a'], ['transfer-encoding', 'a b']],
  ]);
});

t.test('an answer of a rule itself has a status and a body within bounds', async (t) => {
  const spec = { hosts: ['api'], http: [{ redirect: { uri: '/b' } }] };
  const base = { metadata: { name: 'vs', namespace: 'default' }, spec };
  asksValues(t, 'VirtualService', base, [
    [
      'spec.http[0].redirect',
      [
        { prefixRewrite: '/' },
        { authority: 'a' },
        { port: 1 },
        { scheme: 'http' },
        { derivePort: 'FROM_REQUEST_PORT' },
      ],
      [{}, { redirectCode: 302 }],
    ],
    [
      'spec.http[0].redirect.authority',
      ['a', 'a:1', 'a:65535', '[::1]', '[::1]:80'],
      ['a:0', 'a:65536', 'a:b', 'a:1:2', ':80'],
    ],
    ['spec.http[0].redirect', [], [{ uri: '/', prefixRewrite: '/' }], 'spec.http[0].redirect.prefixRewrite'],
    ['spec.http[0].redirect', [], [{ port: 1, derivePort: 'FROM_REQUEST_PORT' }], 'spec.http[0].redirect.derivePort'],
    ['spec.http[0].redirect.redirectCode', [301, 302, 303, 307, 308], [300, 304, 306, 309, '301']],
    ['spec.http[0].redirect.uri', ['/b', '/b?c=d'], ['b', '/b c', '/b#c', '/b\n']],
    [
      'spec.http[0].redirect',
      [],
      [{ prefixRewrite: 'b' }, { prefixRewrite: '/b?c' }],
      'spec.http[0].redirect.prefixRewrite',
    ],
    ['spec.http[0].redirect.scheme', ['http', 'https'], ['ftp']],
    ['spec.http[0].redirect.port', [1, 65_535], [0, 65_536]],
    ['spec.http[0].redirect.derivePort', ['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'], ['FROM_HOST']],
    ['spec.http[0]', [{ directResponse: { status: 200 } }, { directResponse: { status: 599 } }], []],
    [
      'spec.http[0]',
      [],
      [199, 600, undefined].map((status) => ({ directResponse: { status } })),
      'spec.http[0].directResponse.status',
    ],
    ['spec.http[0]', [{ directResponse: { status: 200, body: { bytes: 'aGk=' } } }], []],
    [
      'spec.http[0]',
      [],
      [{ directResponse: { status: 200, body: { bytes: '?' } } }],
      'spec.http[0].directResponse.body.bytes',
    ],
    [
      'spec.http[0]',
      [],
      [{ directResponse: { status: 200, body: { string: 'a', bytes: 'YQ==' } } }],
      'spec.http[0].directResponse.body.bytes',
    ],
    ['spec.http[0]', [{ directResponse: { status: 200, body: { string: 'a'.repeat(1 << 20) } } }], []],
    [
      'spec.http[0]',
      [],
      [{ directResponse: { status: 200, body: { string: 'a'.repeat((1 << 20) + 1) } } }],
      'spec.http[0].directResponse.body',
    ],
  ]);
});

t.test('a rule for connections names servers or addresses', async (t) => {
  const spec = { hosts: ['*.example.com'], tls: [{ match: [{ sniHosts: ['a.example.com'] }], route: TO_API }] };
  const base = { metadata: { name: 'vs', namespace: 'default' }, spec };
  asksValues(t, 'VirtualService', base, [
    ['spec.tls[0].match', [], [undefined, []]],
    ['spec.tls[0].route', [], [undefined]],
    ['spec.tls[0].match[0].sniHosts', [['*.example.com'], ['*.a.example.com', 'b.example.com']], [[], undefined]],
    ['spec.tls[0].match[0].sniHosts[0]', [], ['example.com', '*.com', 'a b', '*']],
    ['spec.tls[0].match[0].destinationSubnets', [['10.0.0.0/8', '10.0.0.1', 'fd00::/8']], []],
    ['spec.tls[0].match[0].destinationSubnets[0]', [], ['10.0.0.0/33', 'a', 'fd00::/129']],
    ['spec.tcp[0]', [{ route: TO_API }, { match: [{ port: 5432 }], route: TO_API }], []],
    ['spec.tcp[0]', [], [{ match: [{ sniHosts: ['a.example.com'] }], route: TO_API }], 'spec.tcp[0].match[0].sniHosts'],
    ['spec.tcp[0]', [], [{ route: [{ ...TO_API[0], headers: {} }] }], 'spec.tcp[0].route[0].headers'],
  ]);
});

t.test('a DestinationRule takes what Istio takes, within the same bounds', async (t) => {
  const base = { metadata: { name: 'dr', namespace: 'default' }, spec: { host: 'api', trafficPolicy: { tls: {} } } };
  const policy = 'spec.trafficPolicy';
  asksValues(t, 'DestinationRule', base, [
    ['spec.host', ['api', '*.example.com', '*', '10.0.0.1'], ['a b', '']],
    [policy, [], [{}]],
    ['spec.workloadSelector', [{ matchLabels: { app: 'a' } }], []],
    ['spec.subsets', [[{ name: 'v1', labels: { v: '1' } }, { name: 'v2' }]], []],
    ['spec.subsets', [], [[{ name: 'v1' }, { name: 'v1' }]], 'spec.subsets[1].name'],
    ['spec.subsets[0].name', ['v1', 'a'.repeat(63)], ['-v', 'v_1', 'a'.repeat(64), undefined]],
    [`${policy}.tls.mode`, ['DISABLE', 'ISTIO_MUTUAL', 'SIMPLE', 'MUTUAL'], ['TLS']],
    [`${policy}.proxyProtocol`, [{ version: 'V1' }], []],
    [policy, [], [{ tunnel: {}, proxyProtocol: {} }], `${policy}.proxyProtocol`],
    [`${policy}.portLevelSettings`, [[{ port: { number: 80 } }, { port: { number: 81 } }]], []],
    [`${policy}.portLevelSettings[0].port`, [], [undefined]],
    [`${policy}.portLevelSettings[0].port.number`, [1, 65_535], [0, 65_536, undefined]],
    [`${policy}.connectionPool`, [], [{}]],
    [`${policy}.connectionPool.tcp.maxConnections`, [0, 1, MANY], [-1, 1.5, MANY + 1]],
    [`${policy}.connectionPool.tcp.connectTimeout`, ...DURATION],
    [`${policy}.connectionPool.tcp.maxConnectionDuration`, ...DURATION],
    [`${policy}.connectionPool.tcp.idleTimeout`, ['0s', '1s'], ['x']],
    [`${policy}.connectionPool.tcp.tcpKeepalive.time`, ...DURATION],
    [`${policy}.connectionPool.tcp.tcpKeepalive.interval`, ...DURATION],
    [`${policy}.connectionPool.tcp.tcpKeepalive.probes`, [1, 127], [0, 128]],
    ...[
      'http1MaxPendingRequests',
      'http2MaxRequests',
      'maxRequestsPerConnection',
      'maxRetries',
      'maxConcurrentStreams',
    ].map((name) => [`${policy}.connectionPool.http.${name}`, [0, 1, MANY], [-1, 0.5, MANY + 1]] as const),
    [`${policy}.connectionPool.http.h2UpgradePolicy`, ['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'], ['ALWAYS']],
    [
      `${policy}.connectionPool.http`,
      [],
      [{ h2UpgradePolicy: 'UPGRADE', useClientProtocol: true }],
      `${policy}.connectionPool.http.useClientProtocol`,
    ],
    [`${policy}.connectionPool.http`, [{ h2UpgradePolicy: 'DEFAULT', useClientProtocol: true }], []],
    [`${policy}.connectionPool.http.http2KeepAlive`, [{ interval: '1s', timeout: '1ms' }], []],
    [
      `${policy}.connectionPool.http.http2KeepAlive`,
      [],
      [{ interval: '1s' }, { interval: '1s', timeout: '0s' }],
      `${policy}.connectionPool.http.http2KeepAlive.timeout`,
    ],
    [
      `${policy}.connectionPool.http.http2KeepAlive`,
      [],
      [{ timeout: '1s' }],
      `${policy}.connectionPool.http.http2KeepAlive.interval`,
    ],
    ...['consecutive5xxErrors', 'consecutiveGatewayErrors', 'consecutiveErrors'].map(
      (name) => [`${policy}.outlierDetection.${name}`, [0, 1, MANY], [-1, 0.5, MANY + 1]] as const,
    ),
    [`${policy}.outlierDetection.interval`, ...DURATION],
    [`${policy}.outlierDetection.baseEjectionTime`, ...DURATION],
    [`${policy}.outlierDetection.maxEjectionPercent`, [0, 100], [-1, 101]],
    [`${policy}.outlierDetection.minHealthPercent`, [0, 100], [-1, 101]],
    [`${policy}.outlierDetection.outlierDetectionHttpErrorCodes`, [[100, 599]], []],
    [`${policy}.outlierDetection.outlierDetectionHttpErrorCodes[0]`, [], [99, 600, 500.5, '500']],
    [`${policy}.outlierDetection`, [{ consecutiveLocalOriginFailures: 1, splitExternalLocalOriginErrors: true }], []],
    [`${policy}.outlierDetection.consecutiveLocalOriginFailures`, [], [1]],
    [`${policy}.retryBudget.percent`, ...PERCENT],
    [`${policy}.retryBudget.minRetryConcurrency`, [0, MANY], [-1, MANY + 1]],
    [`${policy}.retryBudget.budgetInterval`, ['0s', '60s'], ['60001ms', 'x']],
    [
      `${policy}.loadBalancer.simple`,
      ['UNSPECIFIED', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST', 'LEAST_CONN'],
      ['random'],
    ],
    [
      `${policy}.loadBalancer.warmup`,
      [
        { duration: '1s', minimumPercent: 0, aggression: 1 },
        { duration: '1s', minimumPercent: 100, aggression: 1000 },
      ],
      [],
    ],
    [`${policy}.loadBalancer.warmup`, [], [{}], `${policy}.loadBalancer.warmup.duration`],
    [
      `${policy}.loadBalancer.warmup`,
      [],
      [-1, 101].map((minimumPercent) => ({ duration: '1s', minimumPercent })),
      `${policy}.loadBalancer.warmup.minimumPercent`,
    ],
    [
      `${policy}.loadBalancer.warmup`,
      [],
      [0.5, 1001].map((aggression) => ({ duration: '1s', aggression })),
      `${policy}.loadBalancer.warmup.aggression`,
    ],
    [`${policy}.loadBalancer.warmupDurationSecs`, ...DURATION],
    [
      `${policy}.loadBalancer`,
      [],
      [{ simple: 'RANDOM', consistentHash: { useSourceIp: true } }],
      `${policy}.loadBalancer.consistentHash`,
    ],
    [
      `${policy}.loadBalancer`,
      [],
      [{ localityLbSetting: {}, zoneAwareLbSetting: {} }],
      `${policy}.loadBalancer.zoneAwareLbSetting`,
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [
        { useSourceIp: true },
        { httpHeaderName: 'x-a' },
        { httpQueryParameterName: 'q' },
        { httpCookie: { name: 'c' } },
      ],
      [{}, { useSourceIp: false }],
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [1, 8_388_608].map((minimumRingSize) => ({ useSourceIp: true, minimumRingSize })),
      [],
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [1, 8_388_608].map((minimumRingSize) => ({ useSourceIp: true, ringHash: { minimumRingSize } })),
      [],
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [],
      [0, 8_388_609].map((minimumRingSize) => ({ useSourceIp: true, minimumRingSize })),
      `${policy}.loadBalancer.consistentHash.minimumRingSize`,
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [],
      [0, 8_388_609].map((minimumRingSize) => ({ useSourceIp: true, ringHash: { minimumRingSize } })),
      `${policy}.loadBalancer.consistentHash.ringHash.minimumRingSize`,
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [2, 3, 5_000_011].map((tableSize) => ({ useSourceIp: true, maglev: { tableSize } })),
      [],
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [],
      [1, 4, 9, 5_000_012].map((tableSize) => ({ useSourceIp: true, maglev: { tableSize } })),
      `${policy}.loadBalancer.consistentHash.maglev.tableSize`,
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [],
      [{ useSourceIp: true, maglev: {}, ringHash: {} }],
      `${policy}.loadBalancer.consistentHash.maglev`,
    ],
    [
      `${policy}.loadBalancer.consistentHash`,
      [],
      [{ httpHeaderName: 'a b' }],
      `${policy}.loadBalancer.consistentHash.httpHeaderName`,
    ],
    [
      `${policy}.loadBalancer.consistentHash.httpCookie`,
      [
        { name: 'c', ttl: '0s', path: '/' },
        { name: 'c', attributes: [{ name: 'Secure' }, { name: 'SameSite', value: 'Lax' }] },
      ],
      [],
    ],
    [
      `${policy}.loadBalancer.consistentHash.httpCookie`,
      [],
      [{ name: 'a b' }, { name: 'a;' }, {}],
      `${policy}.loadBalancer.consistentHash.httpCookie.name`,
    ],
    [
      `${policy}.loadBalancer.consistentHash.httpCookie`,
      [],
      [{ name: 'a', attributes: [{ name: 'a;b' }] }],
      `${policy}.loadBalancer.consistentHash.httpCookie.attributes[0]`,
    ],
    [`${policy}.loadBalancer.localityLbSetting.distribute`, [[{ from: 'a/b/*', to: { 'a/b/c': 99, '*': 1 } }]], []],
    [`${policy}.loadBalancer.localityLbSetting.distribute[0].from`, [], ['a//c', '*/b', 'a/b/c/d']],
    [
      `${policy}.loadBalancer.localityLbSetting.distribute`,
      [],
      [[{ from: 'a', to: { a: 99 } }], [{ from: 'a', to: { a: 100, b: 1 } }]],
      `${policy}.loadBalancer.localityLbSetting.distribute[0].to`,
    ],
    [`${policy}.loadBalancer.localityLbSetting.failover`, [[{ from: 'a', to: 'b' }]], []],
    [
      `${policy}.loadBalancer.localityLbSetting.failover`,
      [],
      [[{ from: 'a/b', to: 'b' }], [{ from: '*', to: 'b' }]],
      `${policy}.loadBalancer.localityLbSetting.failover[0].from`,
    ],
    [
      `${policy}.loadBalancer.localityLbSetting.failover`,
      [],
      [[{ from: 'a', to: 'a' }], [{ from: 'a', to: 'b/c' }]],
      `${policy}.loadBalancer.localityLbSetting.failover[0].to`,
    ],
    [
      `${policy}.loadBalancer.localityLbSetting`,
      [],
      [{ distribute: [{ from: '*', to: { '*': 100 } }], failoverPriority: ['a'] }],
      `${policy}.loadBalancer.localityLbSetting.failoverPriority`,
    ],
    [`${policy}.loadBalancer.zoneAwareLbSetting.minClusterSize`, [1, MANY], [0, MANY + 1]],
  ]);
  t.comment('a selector confines a rule to its namespace');
  asksValues(t, 'DestinationRule', { ...base, spec: { ...base.spec, workloadSelector: {} } }, [
    ['spec.exportTo', [['.'], ['default']], [['shop'], ['*']]],
  ]);
});

t.test('a ServiceEntry takes what Istio takes, within the same bounds', async (t) => {
  const port = { number: 80, name: 'http', protocol: 'HTTP' };
  const base = {
    metadata: { name: 'se', namespace: 'default' },
    spec: { hosts: ['example.com'], ports: [port], resolution: 'DNS', endpoints: [{ address: 'a.example.com' }] },
  };
  asksValues(t, 'ServiceEntry', base, [
    ['spec.hosts', [['*.example.com'], ['a.com', 'b.com']], [[], undefined]],
    ['spec.hosts[0]', [], ['*', 'a b', 'a.*']],
    ['spec.addresses', [['10.0.0.1', 'fd00::1', '10.0.0.0/8']], []],
    ['spec.addresses[0]', [], ['a', '10.0.0.0/33']],
    ['spec.ports', [[port, { ...port, name: 'other', number: 81 }]], [[], undefined]],
    ['spec.ports', [], [[port, { ...port, name: 'other' }]], 'spec.ports[1].number'],
    ['spec.ports', [], [[port, { ...port, number: 81 }]], 'spec.ports[1].name'],
    ['spec.ports[0].number', [1, 65_535], [0, 65_536, undefined]],
    ['spec.ports[0].targetPort', [1, 65_535], [0, 65_536]],
    ['spec.ports[0].name', [], [undefined, '']],
    ['spec.ports[0].protocol', ['http', 'HTTP2', 'GRPC', 'HTTPS', 'TLS', 'TCP', 'MONGO'], ['UDP']],
    ['spec.resolution', ['DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'], ['dns', 'SRV']],
    ['spec.resolution', [], ['NONE', undefined], 'spec.endpoints'],
    ['spec.resolution', [], ['STATIC'], 'spec.endpoints[0].address'],
    ['spec.location', ['MESH_EXTERNAL', 'MESH_INTERNAL'], ['OUTSIDE']],
    ['spec.exportTo', [['~'], ['.'], ['*']], [['~', '.']]],
    ['spec.endpoints[0].address', ['10.0.0.1', 'b.example.com'], ['unix:///run/a', 'a b', '*.example.com', '']],
    ['spec.endpoints[0].ports', [{ http: 1 }, { http: 65_535 }], []],
    ['spec.endpoints[0].ports.http', [], [0, 65_536, 80.5, '80']],
    ['spec.endpoints[0].ports.other', [], [80]],
  ]);
});

t.test('where the addresses of a ServiceEntry come from fits its resolution', async (t) => {
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
  const base = { metadata: { name: 'se', namespace: 'default' }, spec: { hosts: ['*.example.com'], ports } };
  asksValues(t, 'ServiceEntry', base, [
    ['spec.resolution', ['NONE', 'DYNAMIC_DNS'], []],
    ['spec.resolution', [], ['DNS', 'DNS_ROUND_ROBIN'], 'spec.hosts[0]'],
    ['spec.resolution', [], ['STATIC'], 'spec.endpoints'],
  ]);
  asksValues(t, 'ServiceEntry', { ...base, spec: { ...base.spec, workloadSelector: { labels: {} } } }, [
    ['spec.resolution', ['STATIC'], []],
  ]);
});
