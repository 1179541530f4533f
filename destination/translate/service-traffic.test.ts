import t from 'tap';

import { clusterOf } from '../testing/cluster.ts';
import { pod, service, serviceProfile, slice } from '../testing/manifests.ts';

const PODS = [pod('api-1', '10.244.0.1'), pod('api-2', '10.244.0.2'), pod('api-3', '10.244.0.3')];
const onNode = (nodeName: string, more: object = {}) => ({ nodeName, ...more });
const hinted = (...zones: string[]) => ({ hints: { forZones: zones.map((name) => ({ name })) } });

type Target = ReturnType<ReturnType<typeof clusterOf>['target']>;
const podsOf = (target: Target) => target?.backends['']?.endpoints.map(({ labels }) => labels.dst_pod);

t.test('a Service for each node alone leads to the endpoints of the client’s node, or to none', async (t) => {
  const { target } = clusterOf(
    service('api', '10.96.0.1', { spec: { internalTrafficPolicy: 'Local' } }),
    ...PODS,
    slice('api', [
      ['api-1', '10.244.0.1', onNode('a')],
      ['api-2', '10.244.0.2', onNode('b')],
      ['api-3', '10.244.0.3'],
    ]),
  );
  t.same(podsOf(target('10.96.0.1:80', 'default', { node: 'a' })), ['api-1', 'api-3'], 'whose node is not known stays');
  t.same(podsOf(target('10.96.0.1:80', 'default', { node: 'c' })), ['api-3']);
  t.same(podsOf(target('10.96.0.1:80')), ['api-1', 'api-2', 'api-3'], 'the client’s node is not known');
});

t.test('other policies, and a headless Service, lead everywhere', async (t) => {
  const endpoints = slice('api', [
    ['api-1', '10.244.0.1', onNode('a')],
    ['api-2', '10.244.0.2', onNode('b')],
  ]);
  for (const spec of [{ internalTrafficPolicy: 'Cluster' }, { internalTrafficPolicy: 'Local', clusterIP: 'None' }]) {
    const { target } = clusterOf(service('api', '10.96.0.1', { spec }), ...PODS, endpoints);
    t.same(podsOf(target('api:80', 'default', { node: 'c' })), ['api-1', 'api-2'], JSON.stringify(spec));
  }
});

t.test('hints keep a client in its zone, where every endpoint has some and one is for it', async (t) => {
  const zoned = (last: object) =>
    clusterOf(
      service('api', '10.96.0.1'),
      ...PODS,
      slice('api', [
        ['api-1', '10.244.0.1', hinted('west')],
        ['api-2', '10.244.0.2', hinted('east', 'north')],
        ['api-3', '10.244.0.3', last],
      ]),
    ).target;
  const all = ['api-1', 'api-2', 'api-3'];
  const seenFrom = (zone: string, last: object) => podsOf(zoned(last)('10.96.0.1:80', 'default', { zone }));
  t.same(seenFrom('west', hinted('west')), ['api-1', 'api-3']);
  t.same(seenFrom('north', hinted('west')), ['api-2']);
  t.same(seenFrom('south', hinted('west')), all, 'no hint is for the zone');
  t.same(seenFrom('', hinted('west')), all, 'the client’s zone is not known');
  t.same(seenFrom('west', {}), all, 'one has no hint');
  t.same(seenFrom('east', { ...hinted('west'), conditions: { ready: false } }), ['api-2'], 'one that is not ready');
});

t.test('an address from outside leads to the Service that claims it, unless it is somebody’s own', async (t) => {
  const claims = (name: string, ip: string, externalIPs: unknown[]) => service(name, ip, { spec: { externalIPs } });
  const { target, reports } = clusterOf(
    claims('api', '10.96.0.1', ['192.0.2.7', '10.96.0.2', '10.244.0.1', 'x']),
    service('web', '10.96.0.2'),
    ...PODS,
    slice('api', [['api-1', '10.244.0.1']]),
  );
  t.match(target('192.0.2.7:80'), { name: 'api.default.svc.cluster.local', kind: 'service' });
  t.equal(target('192.0.2.7:81'), null);
  t.equal(target('10.96.0.2:80')?.name, 'web.default.svc.cluster.local');
  t.equal(target('10.244.0.1:80')?.kind, 'pod');
  t.match(reports.current(), [{ path: 'spec.externalIPs[3]', message: /is no IP address/ }]);
});

t.test('a Service that is another name stands for it inside the cluster, and for nothing known outside', async (t) => {
  const alias = (name: string, externalName: string) =>
    service(name, '', { spec: { type: 'ExternalName', externalName, clusterIP: undefined } });
  const { target, complaints } = clusterOf(
    service('api', '10.96.0.1'),
    ...PODS,
    slice('api', [['api-1', '10.244.0.1', { hostname: 'api-1' }]]),
    alias('short', 'api.default.svc.cluster.local'),
    alias('long', 'SHORT.default.svc.cluster.local.'),
    alias('outside', 'db.example.com'),
    alias('half', 'api.default'),
    alias('circle', 'circle.default.svc.cluster.local'),
    serviceProfile('api.default.svc.cluster.local', { dstOverrides: [{ authority: 'outside', weight: 1 }] }),
  );
  for (const name of ['short', 'long', 'short.default.svc.cluster.local'])
    t.match(target(`${name}:80`), { name: 'api.default.svc.cluster.local', port: 80 }, name);
  for (const name of ['outside', 'half', 'circle', 'api-1.short', 'api-1.outside'])
    t.equal(target(`${name}:80`), null, name);
  t.match(complaints, [/dstOverrides: outside:80 is no port of a Service/], 'whoever sends requests there hears of it');
});

t.test('addresses that are published before they are ready are used', async (t) => {
  const { target } = clusterOf(
    service('db', '', { spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { app: 'db' } } }),
    pod('db-0', '10.244.0.5', {
      labels: { app: 'db' },
      status: { conditions: [{ type: 'Ready', status: 'False' }] },
    }),
    // The EndpointSlice controller calls it ready where the Service publishes it.
    slice('db', [['db-0', '10.244.0.5', { hostname: 'db-0', conditions: { ready: true, serving: false } }]]),
  );
  t.same(podsOf(target('db:80')), ['db-0']);
  t.equal(target('db-0.db:80')?.kind, 'pod');
});

t.test('what a Service asks for and does not get is reported', async (t) => {
  const { reports } = clusterOf(service('api', '10.96.0.1', { spec: { sessionAffinity: 'ClientIP' } }));
  t.match(reports.current(), [{ path: 'spec.sessionAffinity', message: /not honoured/ }]);
});
