/** What a rule lets through: endpoints that fail are left out, connections and requests are bounded. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as net from 'node:net';
import t from 'tap';

import type { ConnectionLimits } from '../../api/traffic-policy.ts';
import { Application, proxyOf, status, THREE_IN_A_ROW } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

t.test('circuit breakers', async (t) => {
  t.test('leave a failing endpoint out, and take it back', async (t) => {
    const [bad, good] = [await Application.start(t, status(500)), await Application.start(t)];
    const breaker = THREE_IN_A_ROW;
    const endpoints = [endpoint(bad.port), endpoint(good.port)];
    const { port, proxy } = await proxyOf(t, authority, {
      '': { endpoints, breaker, balancer: { algorithm: 'round-robin' } },
    });
    for (let i = 0; i < 20; i++) await request(port);
    t.equal(bad.heard.length, 3);
    t.match(proxy.metrics.registry.text(), /weft_proxy_endpoint_ejections_total\{[^}]*\} 1/);
    await new Promise((resolve) => setTimeout(resolve, 2020));
    bad.answer = good.answer;
    for (let i = 0; i < 20; i++) await request(port);
    t.ok(bad.heard.length > 10, `it is back: ${bad.heard.length}`);
  });

  t.test('make requests wait while the only endpoint is out', async (t) => {
    const application = await Application.start(t, status(500));
    const breaker = {
      kind: 'consecutive-failures',
      maxFailures: 2,
      minPenaltyMs: 400,
      maxPenaltyMs: 400,
      jitterRatio: 0,
    } as const;
    const { port } = await proxyOf(t, authority, { '': { endpoints: [endpoint(application.port)], breaker } });
    await request(port);
    await request(port);
    application.answer = status(200);
    const waited = await request(port);
    t.equal(waited.status, 200);
    t.ok(waited.tookMs >= 300, `${waited.tookMs}`);
    t.equal((await request(port)).status, 200, 'closed again');
  });
});

t.test('bounds of a backend', async (t) => {
  t.test('refuse requests beyond them at once', async (t) => {
    const held: http.ServerResponse[] = [];
    const application = await Application.start(t, (_, response) => void held.push(response));
    const { port } = await proxyOf(t, authority, {
      '': { endpoints: [endpoint(application.port)], limits: { maxRequests: 2 } },
    });
    const waiting = [request(port), request(port)];
    while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const refused = await request(port);
    t.match(refused, { status: 503, headers: { 'weft-proxy-error': 'overflow' } });
    for (const response of held) response.end();
    await Promise.all(waiting);
    application.answer = status(200);
    t.equal((await request(port)).status, 200, 'there is room again');
  });

  t.test('let requests wait for one of few connections, but not too many', async (t) => {
    const held: http.ServerResponse[] = [];
    const application = await Application.start(t, (_, response) => void held.push(response));
    const limits = { maxConnections: 1, maxPendingRequests: 1 };
    const { port } = await proxyOf(t, authority, { '': { endpoints: [endpoint(application.port)], limits } });
    const first = request(port);
    while (held.length < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    const second = request(port);
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.match(await request(port), { status: 503, headers: { 'weft-proxy-error': 'overflow' } });
    held[0]!.end('first');
    t.equal(String((await first).body), 'first');
    while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    held[1]!.end('second');
    t.equal(String((await second).body), 'second');
    t.equal(new Set(application.heard.map(({ socket }) => socket.remotePort)).size, 1);
  });

  t.test('use a connection for so many requests', async (t) => {
    const application = await Application.start(t);
    const limits = { maxRequestsPerConnection: 2 };
    const { port } = await proxyOf(t, authority, { '': { endpoints: [endpoint(application.port)], limits } });
    const ports = new Set<number>();
    application.answer = (incoming, response) => {
      ports.add(incoming.socket.remotePort!);
      response.end();
    };
    // Without an agent a client asks for its connection to be closed, and so it is, all the way.
    const agent = new http.Agent({ keepAlive: true });
    t.teardown(() => agent.destroy());
    for (let i = 0; i < 6; i++) await request(port, { agent });
    t.equal(ports.size, 3);
  });
});

t.test('ends connections of octets that are idle, or open, for as long as a rule allows', async (t) => {
  const server = net.createServer((socket) => socket.on('data', (data) => socket.write(data)).on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const endpoints = [endpoint((server.address() as AddressInfo).port)];
  const endedAfter = async (limits: ConnectionLimits) => {
    const { port } = await proxyOf(t, authority, { '': { endpoints, limits } }, { protocol: 'opaque' });
    const socket = net.connect(port, '127.0.0.1');
    const start = performance.now();
    const talk = setInterval(() => socket.write('a'), 20);
    setTimeout(() => clearInterval(talk), 300);
    socket.on('data', () => {}).on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(talk);
    return performance.now() - start;
  };
  t.ok((await endedAfter({ idleTimeoutMs: 200 })) > 400, 'idle begins with the last octet');
  t.ok((await endedAfter({ maxConnectionMs: 100 })) < 300, 'however busy it is');
});

t.test('requests over a bound of the server’s port get 429, each client by its own', async (t) => {
  const application = await Application.start(t);
  const rateLimit = { identityPerSecond: 5, origin: 'HTTPLocalRateLimitPolicy/default/api' };
  const policy = { mode: 'all-unauthenticated', origin: 'test' } as const;
  const server = new TestProxy('api', authority, {
    inbound: { ports: [{ port: application.port, protocol: 'detect', policy, routes: {}, rateLimit }] },
  });
  t.teardown(() => server.close());
  const inbound = await server.listenInbound(application.port);
  const send = async (account: string) => {
    const client = new TestProxy(account, authority);
    t.teardown(() => client.close());
    client.describe('10.96.0.1:80', service('api', [endpoint(inbound, 'api')]));
    const port = await client.listenOutbound();
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push(await request(port));
    return answers;
  };
  for (const account of ['frontend', 'batch']) {
    const answers = await send(account);
    t.same(answers.map((answer) => answer.status).sort(), [200, 200, 200, 200, 200, 429, 429, 429], account);
    t.equal(answers.at(-1)!.headers['weft-proxy-error'], 'rate_limited');
  }
  t.equal(application.heard.length, 10);
  const text = server.metrics.registry.text();
  t.match(text, /inbound_http_errors_total\{error="rate_limited"\} 6/);
  const labels = `target_port="${application.port}",ratelimit_kind="HTTPLocalRateLimitPolicy",ratelimit_name="api"`;
  t.match(text, `inbound_http_local_ratelimit_total{${labels},ratelimit_scope="identity"} 6\n`);
});
