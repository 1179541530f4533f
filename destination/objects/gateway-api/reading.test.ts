import t from 'tap';

import { problemsOf } from '../../testing/damage.ts';
import type { Fields } from '../json.ts';
import type { Problem } from '../problem.ts';
import { readGrpcRoute, readHttpRoute } from './read-route.ts';

const metadata = { name: 'api', namespace: 'default' };
const parentRefs = [{ group: 'core', kind: 'Service', name: 'api' }];

function routeOf(fields: object, problems: Problem[] = []) {
  return readHttpRoute({ metadata, spec: { parentRefs, ...fields } } as Fields, problems);
}

/** @returns the only rule */
function ruleOf(rule: object, problems: Problem[] = []) {
  return routeOf({ rules: [rule] }, problems).rules[0]!;
}

t.test('a route is for the Services that it names as parents, and says nothing to gateways', async (t) => {
  const parents = (...parentRefs: object[]) => routeOf({ parentRefs }).parents;
  t.same(parents({ group: '', kind: 'Service', name: 'api' }), [
    { namespace: 'default', name: 'api', port: null, sectionName: '' },
  ]);
  t.same(parents({ group: 'core', kind: 'Service', name: 'api', namespace: 'shop', port: 80, sectionName: 'http' }), [
    { namespace: 'shop', name: 'api', port: 80, sectionName: 'http' },
  ]);
  for (const other of [
    { name: 'edge' },
    { kind: 'Service', name: 'api' },
    { group: '', kind: 'Gateway', name: 'api' },
    { group: 'multicluster.x-k8s.io', kind: 'Service', name: 'api' },
  ])
    t.equal(parents(other).length, 0, JSON.stringify(other));
  t.equal(routeOf({ parentRefs: [{ name: 'edge' }], rules: [{}] }).rules.length, 0, 'its rules are not read');
  t.equal(routeOf({ rules: [{}] }).rules.length, 1);
});

t.test('what a route says in vain is told, and the rest holds', async (t) => {
  for (const [spec, path] of [
    [{ parentRefs, hostnames: ['a'] }, 'spec.hostnames'],
    [{ parentRefs, useDefaultGateways: 'All' }, 'spec.useDefaultGateways'],
    [{ parentRefs, rules: [{ sessionPersistence: {} }] }, 'spec.rules[0].sessionPersistence'],
  ] as const)
    t.match(problemsOf('HTTPRoute', { metadata, spec }), [{ path, severity: 'warning' }], path);
});

t.test('a rule that says nothing takes everything, waits for ever and repeats nothing', async (t) => {
  const rule = ruleOf({});
  t.match(rule, { name: '', path: 'spec.rules[0]', retry: null });
  t.same(rule.timeouts, {});
  t.same(rule.matches, [{ when: { all: [] }, specificity: [1, 1, 0, 0, 0], prefix: '/' }]);
  t.match(ruleOf({ name: 'a' }), { name: 'a' });
});

t.test('a match is a condition, with how specific it is: path, length, method, headers, query', async (t) => {
  const match = (fields: object) => ruleOf({ matches: [fields] }).matches[0]!;
  t.same(match({ path: { value: '/' } }), { when: { all: [] }, specificity: [1, 1, 0, 0, 0], prefix: '/' });
  t.same(match({ path: { value: '/a/b' } }), {
    when: { path: { segments: '/a/b' } },
    specificity: [1, 4, 0, 0, 0],
    prefix: '/a/b',
  });
  t.same(match({ path: { type: 'Exact', value: '/a' } }), {
    when: { path: { exact: '/a' } },
    specificity: [3, 0, 0, 0, 0],
    prefix: null,
  });
  t.same(match({ path: { type: 'RegularExpression', value: '/a+' } }), {
    when: { path: { regex: '/a+' } },
    specificity: [2, 0, 0, 0, 0],
    prefix: null,
  });
  t.same(match({ method: 'GET' }), { when: { method: { exact: 'GET' } }, specificity: [1, 1, 1, 0, 0], prefix: '/' });
  const headers = [
    { name: 'X-A', value: 'a' },
    { type: 'RegularExpression', name: 'x-b', value: 'b+' },
    { name: 'x-a', value: 'later' },
  ];
  t.same(match({ headers, queryParams: [{ name: 'Q', value: 'a' }] }), {
    when: {
      all: [
        { header: 'x-a', value: { exact: 'a' } },
        { header: 'x-b', value: { regex: 'b+' } },
        { query: 'Q', value: { exact: 'a' } },
      ],
    },
    specificity: [1, 1, 0, 2, 1],
    prefix: '/',
  });
  t.match(
    match({ queryParams: ['Q', 'q'].map((name) => ({ name, value: name })) }).specificity,
    [1, 1, 0, 0, 2],
    'names of parameters keep their case',
  );
});

t.test('a match that is wrong takes no request, and the others do', async (t) => {
  const problems: Problem[] = [];
  const { matches } = ruleOf({ matches: [{ path: { value: 'a' } }, { method: 'GET' }, { madeUp: 1 }] }, problems);
  t.match(matches, [{ when: { method: { exact: 'GET' } } }]);
  t.equal(matches.length, 1);
  t.match(problems, [{ path: 'spec.rules[0].matches[0].path.value' }, { path: 'spec.rules[0].matches[2].madeUp' }]);
  t.equal(ruleOf({ matches: [{ madeUp: 1 }] }).matches.length, 0, 'one that has none left takes nothing');
});

t.test('a method of gRPC is a path; the longer its names the more specific', async (t) => {
  const match = (method: object | null, headers: object[] = []) => {
    const spec = { parentRefs, rules: [{ matches: [{ method, headers }] }] };
    return readGrpcRoute({ metadata, spec } as Fields, []).rules[0]!.matches[0]!;
  };
  t.same(match(null), { when: { all: [] }, specificity: [0, 0, 0], prefix: null });
  t.same(match({ service: 'a.B', method: 'Get' }), {
    when: { path: { exact: '/a.B/Get' } },
    specificity: [3, 3, 0],
    prefix: null,
  });
  t.same(match({ service: 'a.B' }), { when: { path: { prefix: '/a.B/' } }, specificity: [3, 0, 0], prefix: null });
  t.same(match({ method: 'a.Get' }).when, { path: { regex: '/[^/]+/a\\.Get' } });
  const type = 'RegularExpression';
  t.same(match({ type, service: 'a.*', method: 'G|P' }).when, { path: { regex: '/(?:a.*)/(?:G|P)' } });
  t.same(match({ type, service: 'a' }).when, { path: { regex: '/(?:a)/(?:[^/]+)' } });
  t.same(match({ type, method: 'G' }).when, { path: { regex: '/(?:[^/]+)/(?:G)' } });
  t.same(match({ service: 'a' }, [{ name: 'X-A', value: 'a' }]), {
    when: { all: [{ path: { prefix: '/a/' } }, { header: 'x-a', value: { exact: 'a' } }] },
    specificity: [1, 0, 1],
    prefix: null,
  });
});

t.test('a backend that is no port of a Service keeps its share, which fails; a wrong weight is 0', async (t) => {
  const backends = (...backendRefs: object[]) =>
    ruleOf({ backendRefs }).backends.map(({ service, weight }) => [
      service && `${service.namespace}/${service.name}:${service.port}`,
      weight,
    ]);
  t.same(backends({ name: 'a', port: 80 }), [['default/a:80', 1]]);
  t.same(backends({ name: 'a', namespace: 'shop', port: 80, weight: 0 }), [['shop/a:80', 0]]);
  for (const wrong of [
    { name: 'a' },
    { port: 80 },
    { name: 'a', port: 0 },
    { name: 'a', port: 80, kind: 'Secret' },
    { name: 'a', port: 80, group: 'example.com' },
    { name: 'a', port: 80, namespace: 5 },
  ])
    t.same(backends({ ...wrong, weight: 3 }), [[null, 3]], JSON.stringify(wrong));
  t.same(backends({ name: 'a', port: 80, weight: -1 }), [['default/a:80', 0]]);
});

t.test('of the times of a rule the shorter holds where nothing is tried again', async (t) => {
  const times = (timeouts: object, retry?: object) => {
    const rule = ruleOf({ timeouts, retry });
    return [rule.timeouts, rule.retry?.perTryMs];
  };
  t.same(times({}), [{}, undefined]);
  t.same(times({ request: '10s' }), [{ requestMs: 10_000 }, undefined]);
  t.same(times({ backendRequest: '1s' }), [{ requestMs: 1000 }, undefined]);
  t.same(times({ request: '10s', backendRequest: '1s' }), [{ requestMs: 1000 }, undefined]);
  t.same(times({ request: '0s', backendRequest: '1s' }), [{ requestMs: 1000 }, undefined], '0 is no bound');
  t.same(times({ request: '10s', backendRequest: '1s' }, {}), [{ requestMs: 10_000 }, 1000]);
  t.same(times({ request: '10s' }, {}), [{ requestMs: 10_000 }, undefined]);
  t.same(times({ backendRequest: '1s' }, {}), [{}, 1000]);
  t.same(times({ request: 'soon', backendRequest: '1s' }), [{ requestMs: 1000 }, undefined], 'what is wrong is none');
});

t.test('retries that say nothing try once more what failed to connect; one that is wrong tries nothing', async (t) => {
  t.same(ruleOf({ retry: {} }).retry, {
    on: { outcomes: ['connect-failure', 'refused-stream', 'reset', 'head-timeout'], statuses: [] },
    limit: 1,
    maxBodyBytes: 65_536,
    backoff: { baseMs: 25, maxMs: 250 },
  });
  t.match(ruleOf({ retry: { attempts: 3, codes: [500, 503], backoff: '1s' } }).retry, {
    limit: 3,
    on: {
      statuses: [
        { min: 500, max: 500 },
        { min: 503, max: 503 },
      ],
    },
    backoff: { baseMs: 1000, maxMs: 10_000 },
  });
  for (const retry of [{ attempts: 0 }, { codes: [399] }, { backoff: 'soon' }, { madeUp: 1 }])
    t.equal(ruleOf({ retry }).retry, null, JSON.stringify(retry));
});

t.test('filters change what they name', async (t) => {
  const filters = (...filters: object[]) => ruleOf({ filters }).filters;
  const none = { fixed: {}, rewrite: null, redirect: null, mirrors: [], isUnusable: false };
  t.same(filters(), none);
  const set = [{ name: 'X-A', value: 'a' }];
  t.same(filters({ type: 'RequestHeaderModifier', requestHeaderModifier: { set, add: set, remove: ['X-B'] } }).fixed, {
    requestHeaders: { set: [{ name: 'x-a', value: 'a' }], add: [{ name: 'x-a', value: 'a' }], remove: ['x-b'] },
  });
  t.same(filters({ type: 'ResponseHeaderModifier', responseHeaderModifier: {} }).fixed, { responseHeaders: {} });
  const path = { type: 'ReplaceFullPath', replaceFullPath: '/b' };
  t.same(filters({ type: 'URLRewrite', urlRewrite: { hostname: 'A.example.com', path } }).rewrite, {
    host: 'a.example.com',
    path: { full: '/b' },
  });
  t.same(
    filters({ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/c' } } })
      .rewrite,
    { path: { prefix: '/c' } },
  );
  t.same(filters({ type: 'RequestRedirect', requestRedirect: {} }).redirect, { status: 302 });
  t.same(
    filters({
      type: 'RequestRedirect',
      requestRedirect: { scheme: 'https', hostname: 'A', port: 8443, statusCode: 301, path },
    }).redirect,
    { status: 301, scheme: 'https', host: 'a', port: 8443, path: { full: '/b' } },
  );
});

t.test('a change of Host is one of the authority, in requests alone', async (t) => {
  const set = [{ name: 'HOST', value: 'b' }];
  const { rewrite, fixed } = ruleOf({
    filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set } }],
  }).filters;
  t.same([rewrite, fixed], [{ host: 'b' }, { requestHeaders: {} }]);
  const path = { type: 'ReplaceFullPath', replaceFullPath: '/b' };
  t.same(
    ruleOf({
      filters: [
        { type: 'URLRewrite', urlRewrite: { path } },
        { type: 'RequestHeaderModifier', requestHeaderModifier: { add: set } },
      ],
    }).filters.rewrite,
    { host: 'b', path: { full: '/b' } },
  );
  t.same(ruleOf({ filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set } }] }).filters.fixed, {
    responseHeaders: { set: [{ name: 'host', value: 'b' }] },
  });
});

t.test('a mirror gets all requests unless it says how many', async (t) => {
  const fractions = (fields: object) => {
    const requestMirror = { backendRef: { name: 'b', port: 80 }, ...fields };
    return ruleOf({ filters: [{ type: 'RequestMirror', requestMirror }] }).filters.mirrors.map(
      ({ fraction }) => fraction,
    );
  };
  t.same(fractions({}), [1]);
  t.same(fractions({ percent: 25 }), [0.25]);
  t.same(fractions({ percent: 0 }), []);
  t.same(fractions({ fraction: { numerator: 5 } }), [0.05]);
  t.same(fractions({ fraction: { numerator: 1, denominator: 8 } }), [0.125]);
  t.same(fractions({ percent: 50, fraction: { numerator: 1, denominator: 8 } }), [0.125]);
  const twice = ['b', 'c'].map((name) => ({
    type: 'RequestMirror',
    requestMirror: { backendRef: { name, port: 80 } },
  }));
  t.match(ruleOf({ filters: twice }).filters.mirrors, [
    { backend: { service: { name: 'b' } } },
    { backend: { service: { name: 'c' } } },
  ]);
});

t.test('CORS allows the origins that it names; a star stands for anything but a slash', async (t) => {
  const cors = (fields: object) => ruleOf({ filters: [{ type: 'CORS', cors: fields }] }).filters.fixed.cors!;
  t.same(cors({}), {
    origins: [],
    methods: [],
    requestHeaders: [],
    exposedHeaders: [],
    maxAge: 5,
    hasCredentials: false,
    forwardsUnmatched: true,
  });
  t.same(cors({ allowOrigins: ['*', 'https://a.com', 'https://*.a.com'] }).origins, [
    { prefix: '' },
    { exact: 'https://a.com' },
    { regex: 'https://[^/]*\\.a\\.com' },
  ]);
  t.match(
    cors({ allowMethods: ['GET'], allowHeaders: ['X-A'], exposeHeaders: ['X-B'], maxAge: 1, allowCredentials: true }),
    { methods: ['GET'], requestHeaders: ['x-a'], exposedHeaders: ['x-b'], maxAge: 1, hasCredentials: true },
  );
});

t.test('a rule with a filter that is unknown or wrong is unusable, rather than used without it', async (t) => {
  for (const filter of [
    { type: 'ExtensionRef', extensionRef: { name: 'a' } },
    { type: 'RequestHeaderModifier' },
    { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: [5] } },
    { type: 'URLRewrite', urlRewrite: { hostname: 5 } },
    { type: 'CORS', cors: { allowOrigins: [5] } },
  ]) {
    const problems: Problem[] = [];
    t.equal(ruleOf({ filters: [filter] }, problems).filters.isUnusable, true, JSON.stringify(filter));
    t.ok(problems.length > 0);
  }
});
