import t from 'tap';

import { clusterOf } from '../../testing/cluster.ts';
import { service } from '../../testing/manifests.ts';

const METADATA = { name: 'route', namespace: 'default', creationTimestamp: '2024-01-01T00:00:00Z' };

function route(
  rules: readonly object[],
  { kind = 'HTTPRoute', parent = {}, ...metadata }: Record<string, unknown> = {},
) {
  return {
    kind,
    metadata: { ...METADATA, ...metadata },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'api', namespace: 'default', ...(parent as object) }],
      rules,
    },
  };
}

function backends(name: string, ...others: object[]) {
  return { backendRefs: [{ name, namespace: 'default', port: 80 }, ...others] };
}

/** What a client of a namespace is told of api:80 in a cluster with these routes. */
function told(objects: readonly object[], namespace = 'default') {
  const { target } = clusterOf(service('api', '10.96.0.1'), service('b', '10.96.0.2'), ...objects);
  return target('api.default:80', namespace)!;
}

const named = (name: string, ...values: string[]) => ({
  name,
  matches: values.map((value) => ({ path: { type: 'Exact', value } })),
});
const names = (objects: readonly object[], namespace?: string) =>
  told(objects, namespace).routes.map(({ name }) => name);

t.test('matches of all routes stand in one order: the more specific first, whatever rule they are of', async (t) => {
  const rules = [
    { name: 'any' },
    { name: 'short', matches: [{ path: { value: '/a' } }] },
    { name: 'long', matches: [{ path: { value: '/a/b' } }] },
    { name: 'pattern', matches: [{ path: { type: 'RegularExpression', value: '/a+' } }] },
    { name: 'exact', matches: [{ path: { type: 'Exact', value: '/a' } }] },
    { name: 'method', matches: [{ path: { value: '/a' }, method: 'GET' }] },
    { name: 'header', matches: [{ path: { value: '/a' }, headers: [{ name: 'x', value: 'a' }] }] },
    { name: 'query', matches: [{ path: { value: '/a' }, queryParams: [{ name: 'x', value: 'a' }] }] },
  ];
  const expected = ['exact', 'pattern', 'long', 'method', 'header', 'query', 'short', 'any'].map(
    (name) => `route/${name}`,
  );
  t.same(names([route(rules)]), expected);
  t.same(names([route([...rules].reverse())]), expected);
  t.equal(told([route(rules)]).unmatched, 'not-found');
});

t.test(
  'of matches that are as specific the older route comes first, then by name, then the earlier rule',
  async (t) => {
    const older = route([named('1', '/a'), named('2', '/a')], { name: 'z', creationTimestamp: '2023-01-01T00:00:00Z' });
    const younger = route([named('1', '/a')], { name: 'b' });
    const namesake = route([named('1', '/a', '/b'), named('2', '/a')], { name: 'a' });
    const expected = ['z/1', 'z/2', 'a/1', 'a/1', 'a/2', 'b/1'];
    t.same(names([older, younger, namesake]), expected);
    t.same(names([namesake, younger, older]), expected);
  },
);

t.test('a rule without a name is called by its place', async (t) => {
  t.same(names([route([named('', '/a'), {}])]), ['route[0]', 'route[1]']);
});

t.test('routes of the client’s namespace take the place of those of the Service’s; others say nothing', async (t) => {
  const producer = route([named('producer', '/')]);
  const consumer = route([named('consumer', '/')], { namespace: 'shop' });
  t.same(names([producer, consumer], 'shop'), ['route/consumer']);
  t.same(names([producer, consumer], 'other'), ['route/producer']);
  t.same(names([producer, consumer], 'default'), ['route/producer']);
  t.same(names([consumer], 'other'), []);
});

t.test('a route is for the ports that its parents name', async (t) => {
  const named = service('api', '10.96.0.1', { port: { name: 'http' } });
  const isFor = (parent: object) => clusterOf(named, route([{}], { parent })).target('api:80')!.routes.length > 0;
  t.ok(isFor({}));
  t.ok(isFor({ port: 80 }));
  t.notOk(isFor({ port: 81 }));
  t.ok(isFor({ sectionName: 'http' }));
  t.notOk(isFor({ sectionName: 'grpc' }));
  t.notOk(isFor({ name: 'other' }));
  t.notOk(isFor({ namespace: 'other' }));
});

t.test('GRPCRoutes decide before HTTPRoutes, who are told so', async (t) => {
  const { target, complaints } = clusterOf(
    service('api', '10.96.0.1'),
    route([{ name: 'http' }], { name: 'h' }),
    route([{ name: 'grpc' }], { kind: 'GRPCRoute', name: 'g' }),
  );
  t.match(target('api:80')!.routes, [{ name: 'g/grpc', origin: 'GRPCRoute/default/g', path: 'spec.rules[0]' }]);
  t.match(complaints, [/HTTPRoute\/default\/h.*GRPCRoute\/default\/g decides them/]);
});

t.test('a backend that is there gets its share; one that is not fails with the status of its kind', async (t) => {
  const share = (kind: string, rule: object) => {
    const { routes, backends } = told([route([rule], { kind })]);
    return routes[0]!.split.map(({ backend, weight }) => [backend, weight, backends[backend]!.whenEmpty]);
  };
  t.same(share('HTTPRoute', backends('b', { name: 'api', namespace: 'default', port: 80, weight: 3 })), [
    ['b.default.svc.cluster.local:80', 1, 503],
    ['', 3, 503],
  ]);
  t.same(share('HTTPRoute', backends('nobody')), [['nobody.default.svc.cluster.local:80', 1, 500]]);
  t.same(share('GRPCRoute', backends('nobody')), [['nobody.default.svc.cluster.local:80', 1, 503]]);
  t.same(share('HTTPRoute', { backendRefs: [{ name: 'b' }] }), [['none/500', 1, 500]]);
  t.same(share('GRPCRoute', { backendRefs: [{ name: 'b' }] }), [['none/503', 1, 503]]);
  t.same(share('HTTPRoute', { backendRefs: [{ name: 'b', port: 80, weight: 0 }] }), [['none/500', 1, 500]]);
  t.same(share('HTTPRoute', {}), [['none/500', 1, 500]]);
});

t.test('a rule whose filter answers has no backend', async (t) => {
  const first = (rule: object) => told([route([{ ...backends('b'), ...rule }])]).routes[0]!;
  const redirect = first({ filters: [{ type: 'RequestRedirect', requestRedirect: { port: 8443 } }] });
  t.match(redirect, { split: { length: 0 }, filters: { redirect: { status: 302, port: 8443 } } });
  const unusable = first({ filters: [{ type: 'ExtensionRef', extensionRef: {} }] });
  t.match(unusable, { split: { length: 0 }, filters: { respond: { status: 500, body: '' } } });
  t.notOk('filters' in first({}), 'a rule without filters has none');
});

t.test('a path is replaced whole, or the prefix that the match names', async (t) => {
  const rewrite = (match: object, path: object) =>
    told([
      route([{ matches: [{ path: match }], filters: [{ type: 'URLRewrite', urlRewrite: { hostname: 'h', path } }] }]),
    ]).routes[0]!.filters!.rewrite;
  const prefix = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' };
  t.same(rewrite({ value: '/a' }, { type: 'ReplaceFullPath', replaceFullPath: '/b' }), {
    authority: 'h',
    path: { full: '/b' },
  });
  t.same(rewrite({ value: '/a' }, prefix), {
    authority: 'h',
    path: { prefix: { strip: '/a', replacement: '/b', isSegments: true } },
  });
  t.same(rewrite({ type: 'Exact', value: '/a' }, prefix), { authority: 'h', path: { full: '/b' } });
});

t.test('mirrors and filters of a backend name other backends', async (t) => {
  const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'b', port: 80 }, percent: 10 } };
  const header = {
    type: 'RequestHeaderModifier',
    requestHeaderModifier: { set: [{ name: 'x-a', value: 'a' }] },
  };
  const api = { name: 'api', port: 80, filters: [header] };
  const { routes, backends } = told([route([{ backendRefs: [api], filters: [mirror] }])]);
  t.match(routes[0], {
    filters: { mirrors: [{ backend: 'b.default.svc.cluster.local:80', fraction: 0.1 }] },
    split: [{ backend: '', filters: { requestHeaders: { set: [{ name: 'x-a', value: 'a' }] } } }],
  });
  t.same(Object.keys(backends), ['', 'b.default.svc.cluster.local:80']);
});

t.test('Linkerd’s annotations hold beside the rule: of the route, else of the Service', async (t) => {
  const annotations = { 'timeout.linkerd.io/request': '7s', 'retry.linkerd.io/http': '5xx' };
  const rule = { timeouts: { request: '3s' }, retry: { attempts: 2 } };
  const annotated = told([route([{}], { annotations })]).routes[0]!;
  t.match(annotated, { timeouts: { requestMs: 7000 }, retry: { on: { statuses: [{ min: 500, max: 599 }] } } });
  const both = told([route([rule], { annotations })]).routes[0]!;
  t.match(both, { timeouts: { requestMs: 7000 }, retry: { limit: 2 } });
  const { target } = clusterOf(service('api', '10.96.0.1', { annotations }), route([{}]));
  t.match(target('api:80')!.routes, [{ timeouts: { requestMs: 7000 } }]);
  t.match(told([route([{}])]).routes, [{ retry: null }]);
});
