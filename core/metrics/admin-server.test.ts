import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import t, { type Test } from 'tap';

import { parseSocketAddress, type SocketAddress } from '../config/socket-address.ts';
import { Crowd } from '../testing/crowd.ts';
import { AdminServer } from './admin-server.ts';
import { ProgramMetrics } from './program-metrics.ts';

async function start(t: Test): Promise<{ place: SocketAddress; metrics: ProgramMetrics }> {
  const metrics = new ProgramMetrics('test_');
  const server = new AdminServer({ notReady: () => [], metrics, pages: { '/proxies': () => ['api-1'] } });
  t.teardown(() => server.close());
  return { place: parseSocketAddress(await server.listen({ host: '127.0.0.1', port: 0 }))!, metrics };
}

/** @returns the status of a GET with these headers */
async function status({ host, port }: SocketAddress, path: string, headers: Record<string, string>): Promise<number> {
  const asked = request({ host, port, path, headers, agent: false }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

t.test('answers tools on this machine', async (t) => {
  const { place } = await start(t);
  for (const host of ['127.0.0.1', '10.1.2.3:9990', '[::1]:9990', '[::1]', 'localhost', 'LOCALHOST:9990'])
    t.equal(await status(place, '/metrics', { host }), 200, host);
});

t.test('refuses a web page that has its name lead here', async (t) => {
  const { place } = await start(t);
  for (const host of [
    'evil.example',
    'evil.example:9990',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '1.2.3.4.5',
    'localhost:1@evil.example',
  ])
    for (const path of ['/proxies', '/metrics']) t.equal(await status(place, path, { host }), 403, host);
});

t.test('refuses a web page that asks from elsewhere', async (t) => {
  const { place } = await start(t);
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])
    t.equal(await status(place, '/proxies', headers), 403, JSON.stringify(headers));
  t.equal(await status(place, '/proxies', { origin: 'http://localhost:9990', host: 'localhost:9990' }), 200, 'its own');
});

t.test('answers a probe and a scrape beside a crowd that does not read, send or speak', async (t) => {
  const { place, metrics } = await start(t);
  for (const words of [
    '',
    'GET /metrics HTTP/1.1\r\n',
    'POST /live HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nx',
  ])
    await Crowd.gather(t, place, 300, '127.0.0.2', words);
  const begun = performance.now();
  for (const path of ['/live', '/metrics']) t.equal(await status(place, path, {}), 200);
  t.ok(performance.now() - begun < 1000);
  t.match(
    await metrics.registry.metrics(),
    /weft_limit_exceeded_total\{direction="inbound",peer="src",limit="connection_limit"\} \d{3}/,
  );
});

t.test('reads no body', async (t) => {
  const { place } = await start(t);
  const socket = connect(place.port, place.host);
  socket.write('POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  t.match(text, /^HTTP\/1.1 405 [\s\S]*connection: close/i);
});
