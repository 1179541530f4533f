import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import t, { type Test } from 'tap';

import type { SocketAddress } from '../../core/config/socket-address.ts';
import { Crowd } from '../../core/testing/crowd.ts';
import { Log } from '../log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { FailureLog } from './failure-log.ts';
import { AdminServer } from './server.ts';

async function start(t: Test) {
  const metrics = new Metrics();
  const log = new Log('silent');
  let shutdowns = 0;
  const why = { notReady: '' };
  const admin = new AdminServer({
    metrics,
    failures: new FailureLog(),
    log,
    notReady: () => why.notReady,
    identity: () => ({}) as never,
    callers: () => ({}) as never,
    state: () => ({ secret: true }),
    endpoints: () => [],
    shutdown: () => shutdowns++,
  });
  const [port] = await admin.listen([{ host: '127.0.0.1', port: 0 }]);
  t.teardown(() => admin.close());
  return { place: { host: '127.0.0.1', port: port! }, metrics, log, why, shutdowns: () => shutdowns };
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** @returns status and text of an answer */
async function ask(place: SocketAddress, path: string, { body, ...options }: Asked = {}) {
  const asked = request({ ...place, path, agent: false, ...options });
  asked.on('error', () => {});
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode as number, text };
}

t.test('shows its pages to tools on this machine', async (t) => {
  const { place } = await start(t);
  for (const host of ['127.0.0.1:4191', '[::1]:4191', 'localhost:4191'])
    for (const path of ['/live', '/ready', '/metrics', '/why', '/state', '/endpoints', '/callers', '/identity'])
      t.equal((await ask(place, path, { headers: { host } })).status, 200, `${host} ${path}`);
});

t.test('says why the proxy does not serve', async (t) => {
  const { place, why } = await start(t);
  why.notReady = 'no valid certificate';
  t.same(await ask(place, '/ready'), { status: 503, text: 'not ready: no valid certificate\n' });
});

t.test('shows nothing to a web page, and does nothing for it', async (t) => {
  const { place, log, shutdowns } = await start(t);
  for (const headers of [
    { host: 'evil.example:4191' },
    { host: 'localhost:4191', origin: 'https://evil.example' },
    { host: 'localhost:4191', 'sec-fetch-site': 'cross-site' },
  ]) {
    t.equal((await ask(place, '/state', { headers })).status, 403);
    t.equal((await ask(place, '/proxy-log-level', { headers, method: 'PUT', body: 'trace' })).status, 403);
    t.equal((await ask(place, '/shutdown', { headers, method: 'POST' })).status, 403);
  }
  t.equal(log.level, 'silent');
  t.equal(shutdowns(), 0);
});

t.test('takes a level, and nothing longer than one', async (t) => {
  const { place, log } = await start(t);
  t.equal((await ask(place, '/proxy-log-level', { method: 'PUT', body: 'error' })).status, 204);
  t.equal(log.level, 'error');
  const chunked = { 'transfer-encoding': 'chunked' };
  t.equal((await ask(place, '/proxy-log-level', { method: 'PUT', body: 'warn', headers: chunked })).status, 204);
  t.equal(log.level, 'warn');
  t.equal((await ask(place, '/proxy-log-level', { method: 'PUT', body: 'x'.repeat(65) })).status, 413);
  t.equal((await ask(place, '/proxy-log-level', { method: 'PUT' })).status, 400);
});

t.test('reads no other body', async (t) => {
  const { place } = await start(t);
  for (const [path, status] of [
    ['/live', 405],
    ['/metrics', 405],
    ['/shutdown', 200],
  ] as const) {
    const socket = connect(place.port, place.host);
    socket.on('error', () => {});
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx`);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const ended = await Promise.race([once(socket, 'end'), new Promise((resolve) => setTimeout(resolve, 1000))]);
    socket.destroy();
    t.match(text, new RegExp(`^HTTP/1.1 ${status}`), path);
    t.ok(ended, 'and ends the connection');
  }
});

t.test('makes a scrape as it is read', async (t) => {
  const { place, metrics } = await start(t);
  for (let i = 0; i < 5000; i++) metrics.latency.with({ dst: `service-${i}.with-a-long-name.svc.cluster.local` });
  const { length } = (await ask(place, '/metrics')).text;
  t.ok(length > 10_000_000);
  const sockets = Array.from({ length: 40 }, () => connect(place.port, place.host).on('error', () => {}));
  t.teardown(() => sockets.map((socket) => socket.destroy()));
  const before = process.memoryUsage();
  for (const socket of sockets) socket.pause().write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = process.memoryUsage();
  const grown = (after.heapUsed + after.external - before.heapUsed - before.external) >> 20;
  t.comment(`${grown} MiB`);
  t.ok(grown < 100, `${grown} MiB`);
});

t.test('answers a probe and a scrape beside a crowd that does not speak, send or read', async (t) => {
  const { place, metrics } = await start(t);
  const crowds: Crowd[] = [];
  for (const words of [
    '',
    'GET /metrics HTTP/1.1\r\n',
    'PUT /proxy-log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx',
  ])
    crowds.push(await Crowd.gather(t, place, 300, '127.0.0.2', words));
  const begun = performance.now();
  for (const path of ['/live', '/metrics']) t.equal((await ask(place, path)).status, 200);
  t.ok(performance.now() - begun < 1000);
  const open = crowds.reduce((sum, { size }) => sum + size, 0);
  t.ok(open <= 64, `${open} are left`);
  t.match(
    metrics.registry.text(),
    /weft_limit_exceeded_total\{direction="inbound",peer="src",limit="connection_limit"\} \d{3}/,
  );
});
