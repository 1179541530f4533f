import t from 'tap';

import type { Route } from '../../api/routing.ts';
import { PortRoutes, serviceNamed } from './port-routes.ts';
import { isProbe } from './probe.ts';
import { overridesByClient } from './rate-override.ts';
import { DEFAULT_ROUTE } from './route-table.ts';

const request = { method: 'GET', path: '/a', authority: 'api', scheme: 'http', fields: [] };
const named = (name: string): Route => ({ ...DEFAULT_ROUTE.route, name, when: { path: { exact: '/a' } } });

t.test('a request is counted under the routes of its Service, or under the port’s own', async (t) => {
  const routes = new PortRoutes({ 'api.default': [named('service')], '': [named('own')] });
  t.equal(routes.find('api.default', request).route.name, 'service');
  t.equal(routes.find('other.default', request).route.name, 'own');
  t.equal(routes.find('api.default', { ...request, path: '/' }).route.name, '', 'never under another’s');
  t.equal(routes.isEmpty, false);
});

t.test('a port without routes counts all under the default one', async (t) => {
  t.equal(PortRoutes.EMPTY.find('api.default', request), DEFAULT_ROUTE);
  t.equal(PortRoutes.EMPTY.isEmpty, true);
  t.equal(new PortRoutes({ 'api.default': [named('x')] }).find('other', request), DEFAULT_ROUTE);
});

t.test('a port knows the Services that have routes of their own', async (t) => {
  const routes = new PortRoutes({ 'api.default': [named('x')], '': [named('y')] });
  t.same(
    ['api.default', 'other', ''].map((service) => routes.has(service)),
    [true, false, false],
  );
});

t.test('an authority names a Service by its name in the cluster', async (t) => {
  for (const [authority, service] of [
    ['api.default.svc.cluster.local:8080', 'api.default.svc.cluster.local'],
    ['API.Default.svc', 'api.default.svc.cluster.local'],
    ['api.default.svc.cluster.local.', 'api.default.svc.cluster.local'],
    ['api.default.svc.:80', 'api.default.svc.cluster.local'],
    ['api.default.svc:80', 'api.default.svc.cluster.local'],
    ['api.default', 'api.default'],
    ['api.svc.other', 'api.svc.other'],
    ['', ''],
  ] as const)
    t.equal(serviceNamed(authority, 'cluster.local'), service, authority);
});

t.test('a probe is GET or HEAD of a probed path of that very port', async (t) => {
  const paths = { 8080: ['/live', '/ready'] };
  t.ok(isProbe(paths, 8080, { method: 'GET', path: '/live' }));
  t.ok(isProbe(paths, 8080, { method: 'HEAD', path: '/ready' }));
  t.notOk(isProbe(paths, 8080, { method: 'POST', path: '/live' }));
  t.notOk(isProbe(paths, 8080, { method: 'GET', path: '/live?x' }));
  t.notOk(isProbe(paths, 8081, { method: 'GET', path: '/live' }));
  const asked = { 80: ['/live?full=1', '/grpc.health.v1.Health/Check'] };
  t.ok(isProbe(asked, 80, { method: 'GET', path: '/live?full=1' }));
  t.notOk(isProbe(asked, 80, { method: 'GET', path: '/live' }));
  t.ok(isProbe(asked, 80, { method: 'POST', path: '/grpc.health.v1.Health/Check' }));
  t.notOk(
    isProbe({ 80: ['/live'] }, 80, { method: 'POST', path: '/grpc.health.v1.Health/Check' }),
    'where it is no probe',
  );
});

t.test('a client has the override that names it last', async (t) => {
  const overrides = [
    { clients: ['a', 'b'], perSecond: 1 },
    { clients: ['b', 'c'], perSecond: 2 },
  ];
  const found = overridesByClient({ overrides } as never);
  t.same(
    ['a', 'b', 'c', 'd'].map((client) => found.get(client)?.perSecond),
    [1, 2, 2, undefined],
  );
  t.equal(overridesByClient({} as never).size, 0);
});
