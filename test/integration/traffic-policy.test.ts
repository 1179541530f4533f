import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';

import type { RetryPolicy } from '../../api/routing.ts';
import { Application, never, proxyOf, status } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { endpoint, route, TestAuthority } from '../support/mesh.ts';

const authority = new TestAuthority();

const retry = (policy: Partial<RetryPolicy>): RetryPolicy => ({
  on: { outcomes: ['reset', 'head-timeout'], statuses: [{ min: 500, max: 599 }] },
  limit: 3,
  maxBodyBytes: 65_536,
  ...policy,
});

t.test('shares requests out as the weights say, evenly also over few', async (t) => {
  const [stable, canary] = [await Application.start(t), await Application.start(t)];
  const split = [
    { backend: 'stable', weight: 90 },
    { backend: 'canary', weight: 10 },
    { backend: 'none', weight: 0 },
  ];
  const { port } = await proxyOf(
    t,
    authority,
    {
      '': {},
      stable: { endpoints: [endpoint(stable.port)] },
      canary: { endpoints: [endpoint(canary.port)] },
      none: {},
    },
    { routes: [route('all', { split })] },
  );
  for (let i = 0; i < 200; i++) t.equal((await request(port)).status, 200);
  t.ok(Math.abs(canary.heard.length - 20) <= 3, `${canary.heard.length} of 200 went to the canary`);
});

t.test('a backend without endpoints answers by its rule', async (t) => {
  const routes = [
    route('unavailable', { when: { path: { exact: '/503' } }, split: [{ backend: 'a', weight: 1 }] }),
    route('unknown', { when: { path: { exact: '/500' } }, split: [{ backend: 'b', weight: 1 }] }),
  ];
  const { port } = await proxyOf(t, authority, { '': {}, a: { whenEmpty: 503 }, b: { whenEmpty: 500 } }, { routes });
  const unavailable = await request(port, { path: '/503' });
  t.match(unavailable, { status: 503, headers: { 'weft-proxy-error': 'no_endpoint' } });
  t.ok(unavailable.tookMs < 2500, 'without waiting for one');
  t.match(await request(port, { path: '/500' }), { status: 500, headers: { 'weft-proxy-error': 'backend_unknown' } });
  const waiting = await request(port, { path: '/' });
  t.match(waiting, { status: 504, headers: { 'weft-proxy-error': 'fail_fast' } });
  t.ok(waiting.tookMs > 2900, 'after it has been waited for');
});

t.test('a request that no route takes is refused, where the routes are all that there is', async (t) => {
  const application = await Application.start(t);
  const { port } = await proxyOf(
    t,
    authority,
    { '': { endpoints: [endpoint(application.port)] } },
    { routes: [route('users', { when: { path: { prefix: '/users' } } })], unmatched: 'not-found' },
  );
  t.equal((await request(port, { path: '/users/1' })).status, 200);
  const { status, headers, body } = await request(port, { path: '/orders?secret=1' });
  t.equal(status, 404);
  t.equal(headers['weft-proxy-error'], 'route_not_found');
  t.notMatch(String(body), 'secret');
  t.equal(application.heard.length, 1);
});

t.test('retries', async (t) => {
  t.test('try again what the rule names, elsewhere, and no more often than it says', async (t) => {
    const [bad, good] = [await Application.start(t, status(503)), await Application.start(t)];
    const endpoints = [endpoint(bad.port), endpoint(good.port)];
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints } },
      { routes: [route('all', { retry: retry({}) })] },
    );
    for (let i = 0; i < 20; i++) t.equal((await request(port, { method: 'PUT' }, `${i}`)).status, 200);
    t.ok(bad.heard.length > 0);
    good.answer = status(404);
    t.equal((await request(port)).status, 404, 'no status of the rule');
    good.answer = status(500);
    const before = bad.heard.length + good.heard.length;
    t.equal((await request(port)).status >= 500, true);
    t.equal(bad.heard.length + good.heard.length - before, 4, 'one attempt and three more');
  });

  t.test('happen to no answer that has begun, and to no body that is too long', async (t) => {
    const application = await Application.start(t, status(503));
    const rule = retry({ maxBodyBytes: 1000 });
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('all', { retry: rule })] },
    );
    t.equal((await request(port, { method: 'PUT' }, 'x'.repeat(2000))).status, 503);
    t.equal(application.heard.length, 1);
    application.answer = (_, response) => {
      response.writeHead(200);
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    await t.rejects(request(port));
    t.equal(application.heard.length, 2);
  });

  t.test('do not repeat what may have arrived, where no rule says so', async (t) => {
    const application = await Application.start(t, (incoming) => void incoming.socket.destroy());
    const { port } = await proxyOf(t, authority, { '': { endpoints: [endpoint(application.port)] } });
    t.equal((await request(port)).status, 502);
    t.equal(application.heard.length, 1);
    const ruled = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('all', { retry: retry({ limit: 2 }) })] },
    );
    t.equal((await request(ruled.port)).status, 502);
    t.equal(application.heard.length, 4, 'three more with a rule for resets');
  });

  t.test('happen after a reset where every failure is to be tried again, as a ServiceProfile asks', async (t) => {
    const application = await Application.start(t, (incoming, response) => {
      if (application.heard.length === 1) incoming.socket.destroy();
      else response.end('ok');
    });
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('all', { retry: retry({ on: { outcomes: ['failure'] } }) })] },
    );
    t.equal((await request(port)).status, 200);
    t.equal(application.heard.length, 2);
  });

  t.test('let a large body go on after an endpoint that cannot be reached, and after one that failed', async (t) => {
    const onceRead =
      (code: number): http.RequestListener =>
      (incoming, response) =>
        void incoming.on('end', () => response.writeHead(code).end());
    const [bad, good] = [await Application.start(t, onceRead(503)), await Application.start(t, onceRead(200))];
    const gone = http.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port: closed } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const balancer = { algorithm: 'round-robin' } as const;
    const large = 'x'.repeat(1_000_000);
    const unreachable = await proxyOf(t, authority, {
      '': { endpoints: [endpoint(closed), endpoint(good.port)], balancer },
    });
    for (let i = 0; i < 4; i++) t.equal((await request(unreachable.port, { method: 'PUT' }, large)).status, 200);
    t.ok(good.bodies.every((body) => body.length === large.length));
    const failing = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(bad.port), endpoint(good.port)], balancer } },
      { routes: [route('all', { retry: retry({ maxBodyBytes: 2_000_000 }) })] },
    );
    for (let i = 0; i < 4; i++) t.equal((await request(failing.port, { method: 'PUT' }, large)).status, 200);
    t.ok(good.bodies.every((body) => body.length === large.length));
  });

  t.test('give each attempt its time, and the whole its own', async (t) => {
    const application = await Application.start(t, never);
    const rule = retry({ perTryMs: 150 });
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      {
        routes: [
          route('whole', { when: { path: { exact: '/whole' } }, retry: rule, timeouts: { requestMs: 400 } }),
          route('tries', { retry: { ...rule, limit: 1 } }),
        ],
      },
    );
    const whole = await request(port, { path: '/whole' });
    t.match(whole, { status: 504, headers: { 'weft-proxy-error': 'request_timeout' } });
    t.ok(whole.tookMs >= 395 && whole.tookMs < 2000, `${whole.tookMs}`);
    const attempts = application.heard.length;
    t.ok(attempts === 2 || attempts === 3, `at 0, 150 and, on a machine that is not late, 300 ms: ${attempts}`);
    const tries = await request(port);
    t.match(tries, { status: 504, headers: { 'weft-proxy-error': 'per_try_timeout' } });
    t.ok(tries.tookMs >= 295 && tries.tookMs < 2000, `${tries.tookMs}`);
    t.match(String(tries.body), 'ServiceProfile/tries');
  });

  t.test('wait as long as the rule or the server says, or leave it', async (t) => {
    let headers: http.OutgoingHttpHeaders = {};
    const application = await Application.start(t, (_, response) => {
      response.writeHead(application.heard.length % 2 === 1 ? 503 : 200, headers).end();
    });
    const rule = retry({ backoff: { baseMs: 25, maxMs: 250 } });
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('all', { retry: rule })] },
    );
    t.equal((await request(port)).status, 200);
    headers = { 'retry-after': '1' };
    const waited = await request(port);
    t.equal(waited.status, 200);
    t.ok(waited.tookMs >= 990, `${waited.tookMs}`);
    headers = { 'retry-after': '3600' };
    t.equal((await request(port)).status, 503, 'too long: the application may decide');
    headers = { 'grpc-retry-pushback-ms': '-1' };
    application.heard.length = 0;
    t.equal((await request(port)).status, 503, 'the server wants none');
  });

  t.test('stay within their budget however many fail', async (t) => {
    const application = await Application.start(t, status(503));
    const { port, proxy } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      {
        routes: [route('all', { retry: retry({}) })],
        retryBudget: { ratio: 0.2, minPerSecond: 0, windowMs: 10_000 },
      },
    );
    for (let i = 0; i < 100; i++) await request(port);
    t.equal(application.heard.length, 120);
    t.match(proxy.metrics.registry.text(), /route_retryable_total\{.*skipped="no_budget"\} \d/);
  });
});

t.test('timeouts', async (t) => {
  t.test('end an answer that is not complete, and one in which nothing moves', async (t) => {
    const application = await Application.start(t, (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 50);
      setTimeout(() => clearInterval(timer), 300);
    });
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      {
        routes: [
          route('response', { when: { path: { exact: '/response' } }, timeouts: { responseMs: 200 } }),
          route('idle', { timeouts: { idleMs: 200 } }),
        ],
      },
    );
    const start = performance.now();
    await t.rejects(request(port, { path: '/response' }));
    t.ok(performance.now() - start >= 195, `response: ${performance.now() - start}`);
    const idleStart = performance.now();
    await t.rejects(request(port));
    t.ok(performance.now() - idleStart >= 395, `idle: ${performance.now() - idleStart}`);
  });

  t.test('end a request without a body whose answer does not come', async (t) => {
    const application = await Application.start(t, never);
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('response', { timeouts: { responseMs: 150 } })] },
    );
    t.match(await request(port), { status: 504, headers: { 'weft-proxy-error': 'response_timeout' } });
  });

  t.test('take a gRPC client at its word, and pass on what is left', async (t) => {
    const application = await Application.start(t, never);
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      { routes: [route('delayed', { filters: { fault: { delay: { fraction: 1, ms: 100 } } } })] },
    );
    const headers = { host: 'api', 'content-type': 'application/grpc', 'grpc-timeout': '300m' };
    const answer = await request(port, { method: 'POST', headers });
    t.equal(answer.status, 504);
    t.ok(answer.tookMs >= 295 && answer.tookMs < 2000, `${answer.tookMs}`);
    t.match(String(answer.body), 'deadline of the client');
    const left = Number(/^(\d+)m$/.exec(String(application.heard[0]!.headers['grpc-timeout']))?.[1]);
    t.ok(left > 0 && left <= 200, `${left} ms are left`);
  });
});

t.test('filters', async (t) => {
  t.test('change headers both ways and rewrite path and host', async (t) => {
    const application = await Application.start(t, status(200, { 'x-internal': '1', 'x-kept': '1' }));
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(application.port)] } },
      {
        routes: [
          route('v1', {
            filters: {
              requestHeaders: { set: [{ name: 'x-route', value: [{ variable: 'route' }] }], remove: ['x-secret'] },
              responseHeaders: { add: [{ name: 'x-mesh', value: 'weft' }], remove: ['x-internal'] },
              rewrite: {
                authority: 'other.example',
                path: { prefix: { strip: '/v1', replacement: '/v2', isSegments: true } },
              },
            },
          }),
        ],
      },
    );
    const { headers } = await request(port, { path: '/v1/users?q=1', headers: { host: 'api', 'x-secret': 's' } });
    t.match(headers, { 'x-kept': '1', 'x-mesh': 'weft', 'x-internal': undefined });
    const heard = application.heard[0]!;
    t.equal(heard.url, '/v2/users?q=1');
    t.match(heard.headers, { host: 'other.example', 'x-route': 'v1', 'x-secret': undefined });
  });

  t.test('answer without a backend: redirects, direct responses, faults', async (t) => {
    const { port, proxy } = await proxyOf(
      t,
      authority,
      { '': {} },
      {
        routes: [
          route('redirect', {
            when: { path: { prefix: '/old' } },
            filters: { redirect: { status: 301, path: { full: '/new' } } },
          }),
          route('respond', {
            when: { path: { exact: '/gone' } },
            filters: { respond: { status: 410, body: Buffer.from('no more').toString('base64') } },
          }),
          route('fault', {
            filters: { fault: { delay: { fraction: 1, ms: 100 }, abort: { fraction: 1, status: 418 } } },
          }),
        ],
      },
    );
    t.match(await request(port, { path: '/old/x?q=1' }), { status: 301, headers: { location: 'http://api/new?q=1' } });
    const gone = await request(port, { path: '/gone' });
    t.equal(gone.status, 410);
    t.equal(String(gone.body), 'no more');
    const fault = await request(port);
    t.match(fault, { status: 418, headers: { 'weft-proxy-error': 'fault_injected' } });
    t.ok(fault.tookMs >= 95, `${fault.tookMs}`);
    t.match(proxy.metrics.registry.text(), /outbound_http_errors_total\{error="fault_injected"\} 1/);
  });

  t.test('mirror requests, body and all, and wait for no mirror', async (t) => {
    const [real, shadow] = [await Application.start(t), await Application.start(t, never)];
    const { port } = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(real.port)] }, shadow: { endpoints: [endpoint(shadow.port)] } },
      { routes: [route('all', { filters: { mirrors: [{ backend: 'shadow', fraction: 1 }] } })] },
    );
    for (let i = 0; i < 3; i++) t.equal((await request(port, { method: 'POST' }, `body ${i}`)).status, 200);
    for (let i = 0; i < 200 && shadow.bodies.length < 3; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    t.same(shadow.bodies, ['body 0', 'body 1', 'body 2']);
    t.equal(shadow.heard[0]!.method, 'POST');
    const delayed = await proxyOf(
      t,
      authority,
      { '': { endpoints: [endpoint(real.port)] }, shadow: { endpoints: [endpoint(shadow.port)] } },
      {
        routes: [
          route('all', {
            filters: {
              fault: { delay: { fraction: 1, ms: 100 } },
              mirrors: [{ backend: 'shadow', fraction: 1 }],
            },
          }),
        ],
      },
    );
    t.equal((await request(delayed.port, { method: 'POST' }, 'late')).status, 200);
    for (let i = 0; i < 200 && shadow.bodies.length < 4; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    t.equal(shadow.bodies[3], 'late', 'also what came before the mirror was there');
  });
});

t.test('a key keeps requests at one endpoint; a cookie is given to those without', async (t) => {
  const applications = await Promise.all(Array.from({ length: 4 }, () => Application.start(t)));
  const endpoints = applications.map(({ port }) => endpoint(port));
  const hash = { key: { cookie: 'seat', path: '/', ttlMs: 60_000 }, table: 'ring-hash', size: 1024 } as const;
  const { port } = await proxyOf(t, authority, { '': { endpoints, balancer: { algorithm: 'consistent-hash', hash } } });
  const { headers } = await request(port);
  const [cookie] = headers['set-cookie']!;
  t.match(cookie, /^seat=[0-9a-f-]{36}; Path=\/; Max-Age=60; HttpOnly$/);
  for (const application of applications) application.heard.length = 0;
  for (let i = 0; i < 10; i++) {
    const again = await request(port, { headers: { host: 'api', cookie: `a=b; ${cookie!.split(';')[0]}` } });
    t.notOk(again.headers['set-cookie']);
  }
  t.same(applications.map(({ heard }) => heard.length).sort(), [0, 0, 0, 10]);
});

t.test('one long-lived client connection is balanced request by request', async (t) => {
  const applications = await Promise.all(Array.from({ length: 4 }, () => Application.start(t)));
  const { port } = await proxyOf(t, authority, {
    '': { endpoints: applications.map(({ port }) => endpoint(port)), balancer: { algorithm: 'least-request' } },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  for (let i = 0; i < 200; i++) await request(port, { agent });
  for (const { heard } of applications) t.ok(heard.length > 20, `${heard.length} of 200`);
});
