import t from 'tap';

import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import { Discovery } from '../control/discovery.ts';
import type { RequestHead, ServerStream } from '../http.ts';
import { Log } from '../log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Loopback } from '../transport/loopback.ts';
import { MutualTls } from '../transport/mutual-tls.ts';
import { Ingress } from './ingress.ts';
import { NamedTargets } from './named-targets.ts';
import type { OutboundContext } from './outbound-context.ts';
import type { Target } from './target.ts';
import { targetFault } from './target-fault.ts';
import { Targets } from './targets.ts';
import { FakeEndpoints, FakeStream } from './testing/fake-endpoints.ts';

t.test('asks about so many names that nobody knows and no more', async (t) => {
  const asked: string[] = [];
  const discovery = new Discovery({
    clock: systemClock,
    faultOf: targetFault,
    onInbound() {},
    onTrust() {},
    onRevoked() {},
    onExceeded() {},
  });
  discovery.use({
    subscribe(target) {
      asked.push(target);
      queueMicrotask(() =>
        discovery.onMessage({ type: 'snapshot', target, version: '1', requires: [], outbound: null }),
      );
    },
    unsubscribe() {},
  });
  const metrics = new Metrics();
  const log = new Log('silent');
  const loopback = new Loopback([], () => {});
  const endpoints = { mutualTls: new MutualTls(() => Date.now()), metrics, log, connectTimeoutMs: 10, loopback };
  const context = { metrics, failures: new FailureLog(), clock: systemClock, random: Math.random };
  const ingress = new Ingress(
    new NamedTargets(new Targets(discovery, endpoints, { failureOf: () => null }), context),
    context,
    endpoints,
  );
  const stream: ServerStream = {
    sendResponse() {},
    sendData: () => 0,
    sendTrailers() {},
    refuseRest() {},
    reset() {},
    grant() {},
  };
  const refused: RequestHead = {
    method: 'GET',
    scheme: 'http',
    path: '/',
    protocol: '',
    authority: 'gateway',
    fields: [],
    version: 'HTTP/1.1',
  };
  const ask = async (host: string) => {
    ingress.request(stream, { ...refused, fields: ['L5D-Dst-Override', host] }, true, null!, '');
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let n = 0; n < 1005; n++) await ask(`host-${n}`);
  t.equal(asked.length, 1000);
  await ask('Host-1.');
  t.equal(asked.length, 1000, 'a name that was asked about is remembered, however it is spelt');
});

t.test('strangers are spoken to as they are, and counted together', async (t) => {
  const metrics = new Metrics();
  const endpoints = {
    mutualTls: new MutualTls(() => Date.now()),
    metrics,
    log: new Log('silent'),
    connectTimeoutMs: 10,
    loopback: new Loopback([], () => {}),
  };
  const ingress = new Ingress({} as NamedTargets, {} as OutboundContext, endpoints);
  for (const host of ['192.0.2.1', '192.0.2.2']) {
    const target = ingress.stranger({ host, port: 8080 });
    t.match(target.description, { name: host, kind: 'pod', port: 8080, protocol: 'detect' });
    t.same(target.description.routes, []);
    const [client] = target.backends[0]!.endpoints;
    t.match(client, { id: `${host}:8080`, tls: null });
    target.series('').effective.request();
    client!.responses.request();
  }
  const [name, where] = ['unknown', 'target_addr="unknown",target_ip="unknown",target_port="unknown"'];
  t.same(
    [...metrics.routeRequests.series.keys()],
    [`direction="outbound",dst="${name}",authority="${name}",backend="${name}",${where}`],
  );
  const [key] = [...metrics.requests.series.keys()];
  t.equal(metrics.requests.series.size, 1);
  for (const label of ['authority', 'dst', 'backend', 'target_addr', 'target_ip', 'target_port'])
    t.match(key, `${label}="unknown"`);
});

const GET: RequestHead = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };

/** An ingress that knows `api:80` and `web:8080`, and what became of a request that was going elsewhere. */
function ingress(fields: readonly string[], authority = 'nobody') {
  const [api, web, original] = ['10.1.0.1', '10.1.0.2', '10.1.0.3'].map((address) => new FakeEndpoints([address]));
  const known: Record<string, Target> = { 'api:80': api!.target, 'web:8080': web!.target };
  const targets = { find: (key: string) => known[key] ?? null, has: () => true } as unknown as Targets;
  const failures = new FailureLog();
  const context = { metrics: new Metrics(), failures, clock: systemClock, random: Math.random };
  const stream = new FakeStream();
  const made = new Ingress(new NamedTargets(targets, context), context, null!);
  made.request(stream, { ...GET, fields: [...fields], authority }, true, original!.target, '10.0.0.9:40000');
  const went = Object.entries({ api, web, original }).flatMap(([name, each]) => (each!.attempts[0] ? [name] : []));
  const fieldsSent = () => [api, web, original].find((each) => each!.attempts[0])!.open().head!.fields;
  return { went, stream, failures: failures.entries, fieldsSent };
}

t.test('a request goes where l5d-dst-override says, which is not passed on, else by its authority', async (t) => {
  t.same(ingress(['l5d-dst-override', 'api'], 'web:8080').went, ['api']);
  t.same(ingress(['L5d-Dst-Override', 'web:8080']).went, ['web']);
  t.same(ingress([], 'web:8080').went, ['web']);
  t.same(ingress([], 'nobody').went, ['original']);
  const { fieldsSent } = ingress(['l5d-dst-override', 'api', 'x-kept', '1']);
  t.notMatch(fieldsSent().join(' '), 'override');
  t.match(fieldsSent().join(' '), 'x-kept 1');
});

t.test('nothing else will do where l5d-dst-override says what nobody knows, or no name', async (t) => {
  const unknown = ingress(['l5d-dst-override', 'nobody'], 'api');
  t.same(unknown.went, []);
  t.equal(unknown.stream.sent[0], 502);
  t.match(unknown.failures, [
    { reason: 'target_unknown', message: 'l5d-dst-override: destination knows no target nobody' },
  ]);
  const wrong = ingress(['l5d-dst-override', 'a:b:c'], 'api');
  t.same(wrong.went, []);
  t.equal(wrong.stream.sent[0], 400);
  t.match(wrong.failures, [{ reason: 'target_invalid', message: 'l5d-dst-override: "a:b:c" is no host:port' }]);
});
