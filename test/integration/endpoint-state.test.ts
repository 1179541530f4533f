import t, { type Test } from 'tap';

import { AdminServer } from '../../proxy/admin/server.ts';
import { Log } from '../../proxy/log.ts';
import { countEjected, endpointStates } from '../../proxy/outbound/endpoint-state.ts';
import { Application, THREE_IN_A_ROW } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

const breaker = { ...THREE_IN_A_ROW, baseEjectionMs: 1500, maxEjectionMs: 1500 };

/** A client's proxy with an admin port. */
async function observed(t: Test) {
  const proxy = new TestProxy('frontend', authority);
  const { metrics, failures, targets } = proxy;
  metrics.registry.collect(() => countEjected(metrics, targets.all(), performance.now()));
  const admin = new AdminServer({
    metrics,
    failures,
    log: new Log('silent'),
    notReady: () => '',
    identity: () => ({}) as never,
    callers: () => ({}) as never,
    state: () => null,
    endpoints: () => endpointStates(targets.all(), performance.now()),
    shutdown: null,
  });
  const [adminPort] = await admin.listen([{ host: '127.0.0.1', port: 0 }]);
  t.teardown(() => {
    admin.close();
    proxy.close();
  });
  const states = async () =>
    JSON.parse(String((await request(adminPort!, { path: '/endpoints', headers: { host: 'localhost' } })).body));
  return { proxy, adminPort: adminPort!, port: await proxy.listenOutbound(), states };
}

t.test('shows nothing while nothing is used', async (t) => {
  const { states } = await observed(t);
  t.same(await states(), []);
});

t.test('shows load, cost and breaker of each endpoint, from the ejection to the return', async (t) => {
  let isBroken = true;
  const bad = (await Application.start(t, (_, response) => void response.writeHead(isBroken ? 500 : 200).end())).port;
  const good = (await Application.start(t, (_, response) => void response.end('ok'))).port;
  const { proxy, adminPort, port, states } = await observed(t);
  const localities = [{ name: 'priority 0', priority: 0, weight: 1 }];
  const backend = { breaker, balancer: { algorithm: 'round-robin', localities } } as const;
  const backends = { '': { service: 'api', port: 80, endpoints: [endpoint(bad), endpoint(good)], ...backend } };
  proxy.describe('10.96.0.1:80', service('api', [], { backends }));
  for (let i = 0; i < 12; i++) await request(port);
  const [target] = await states();
  t.match(target, {
    target: '10.96.0.1:80',
    name: 'api.default.svc.cluster.local',
    port: 80,
    backends: [{ service: 'api', port: 80, balancer: 'round-robin', ejected: 1, active: 0 }],
  });
  const [out, well] = target.backends[0].endpoints;
  t.match(out, { address: `127.0.0.1:${bad}`, uid: `uid-${bad}`, dst_pod: `pod-${bad}`, locality: 'priority 0' });
  t.match(out.breaker, { state: 'open', ejections: 1 });
  const leftMs = Date.parse(out.breaker.until) - Date.now();
  t.ok(leftMs > 0 && leftMs <= 1500, `${leftMs} ms are left`);
  t.match(well, { inFlight: 0, isReady: true, breaker: { state: 'closed', until: null, ejections: 0 } });
  t.ok(well.cost > 0);
  const gauge = async () =>
    /weft_proxy_ejected_endpoints\{[^}]*backend="api:80"\} (\d+)/.exec(
      String((await request(adminPort, { path: '/metrics', headers: { host: 'localhost' } })).body),
    )?.[1];
  t.equal(await gauge(), '1');
  isBroken = false;
  await new Promise((resolve) => setTimeout(resolve, 1520));
  t.equal(await gauge(), '0', 'also while nobody asks for it');
  for (let i = 0; i < 4; i++) await request(port);
  t.match((await states())[0].backends[0].endpoints[0].breaker, { state: 'closed', until: null, ejections: 1 });
});

t.test('shows what is under way', async (t) => {
  let release = () => {};
  const arrived = Promise.withResolvers<void>();
  const slow = (
    await Application.start(t, (_, response) => {
      release = () => void response.end('ok');
      arrived.resolve();
    })
  ).port;
  const { proxy, port, states } = await observed(t);
  proxy.describe('10.96.0.1:80', service('api', [endpoint(slow)]));
  const pending = request(port);
  await arrived.promise;
  t.match(await states(), [{ backends: [{ active: 1, endpoints: [{ inFlight: 1, breaker: null }] }] }]);
  release();
  await pending;
});
