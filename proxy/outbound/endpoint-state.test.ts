import t from 'tap';

import { countEjected, endpointStates } from './endpoint-state.ts';
import { FakeEndpoints, ONE_FAILURE } from './testing/fake-endpoints.ts';

t.test('shows nothing while there is no target', async (t) => {
  t.same(endpointStates([], 0), []);
});

t.test('shows each endpoint of a target, with its load', async (t) => {
  const { target, clients } = new FakeEndpoints(['10.1.0.1']);
  target.active = 3;
  clients[0]!.load.inFlight = 2;
  const backend = target.backends[0]!;
  Object.assign(backend.share, { active: 2, pending: 1, connections: 1 });
  t.match(endpointStates([target], performance.now()), [
    {
      target: '10.96.0.1:80',
      name: 'api.default.svc.cluster.local',
      port: 80,
      active: 3,
      backends: [
        {
          service: 'api.default.svc.cluster.local',
          subset: undefined,
          balancer: 'round-robin',
          active: 2,
          pending: 1,
          connections: 1,
          ejected: 0,
          endpoints: [
            {
              address: '10.1.0.1:8080',
              uid: '10.1.0.1',
              dst_pod: 'pod-10.1.0.1',
              locality: '',
              inFlight: 2,
              isReady: true,
            },
          ],
        },
      ],
    },
  ]);
});

t.test('an endpoint that is no pod has the name of none', async (t) => {
  const { target } = new FakeEndpoints([]);
  const backend = target.description.backends['']!;
  const endpoint = { uid: 'a', address: '192.0.2.1', port: 80, tls: null, protocol: 'detect', labels: {} } as const;
  target.update({ ...target.description, backends: { '': { ...backend, endpoints: [endpoint] } } });
  t.match(endpointStates([target], 0)[0]!.backends[0]!.endpoints, [{ address: '192.0.2.1:80', dst_pod: '' }]);
});

t.test('shows what another request would cost, to a thousandth', async (t) => {
  const { target, clients } = new FakeEndpoints(['10.1.0.1']);
  clients[0]!.cost = () => 12.34567;
  t.equal(endpointStates([target], 0)[0]!.backends[0]!.endpoints[0]!.cost, 12.346);
});

t.test('says how an endpoint is balanced by default, and of which subset and group of nearness it is', async (t) => {
  const balancer = { algorithm: 'peak-ewma', localities: [{ name: 'near', priority: 0, weight: 1 }] } as const;
  const { target } = new FakeEndpoints(['10.1.0.1'], {}, { balancer, subset: 'v1' });
  const [backend] = endpointStates([target], 0)[0]!.backends;
  t.match(backend, { subset: 'v1', balancer: 'peak-ewma', endpoints: [{ locality: 'near' }] });
});

t.test('an endpoint that could not be connected to is not ready', async (t) => {
  const fake = new FakeEndpoints(['10.1.0.1']);
  fake.clients[0]!.onUnreachable(Object.assign(new Error(), { reason: 'connect_failed' as const }));
  const [backend] = endpointStates([fake.target], performance.now())[0]!.backends;
  t.equal(backend?.endpoints[0]?.isReady, false);
});

t.test('a breaker', async (t) => {
  t.test('is shown where there is one', async (t) => {
    const shown = (more: object) =>
      endpointStates([new FakeEndpoints(['10.1.0.1'], {}, more).target], 0)[0]!.backends[0]!.endpoints[0]!.breaker;
    t.equal(shown({}), null);
    t.same(shown({ breaker: ONE_FAILURE }), { state: 'closed', until: null, ejections: 0 });
  });

  t.test('tells until when it leaves an endpoint out, and that it is on probation then', async (t) => {
    const { target, clients, metrics } = new FakeEndpoints(['10.1.0.1', '10.1.0.2'], {}, { breaker: ONE_FAILURE });
    const nowMs = performance.now();
    clients[0]!.breaker!.onResult('failure', 503, nowMs);
    const [open, closed] = endpointStates([target], nowMs)[0]!.backends[0]!.endpoints;
    t.match(open?.breaker, { state: 'open', ejections: 1 });
    const leftMs = Date.parse(open!.breaker!.until!) - Date.now();
    t.ok(leftMs > 0 && leftMs <= 1000, `${leftMs} ms`);
    t.equal(closed?.breaker?.state, 'closed');
    t.equal(endpointStates([target], nowMs)[0]!.backends[0]!.ejected, 1);
    countEjected(metrics, [target, target], nowMs);
    t.same(
      [...metrics.ejected.series.values()].map(({ value }) => value),
      [2],
      'targets of one backend add up',
    );
    t.match(endpointStates([target], nowMs + 1001)[0]!.backends[0]!.endpoints[0]!.breaker, {
      state: 'probation',
      until: null,
    });
    countEjected(metrics, [], nowMs);
    t.same(
      [...metrics.ejected.series.values()].map(({ value }) => value),
      [0],
      'it is counted anew each time',
    );
  });
});
