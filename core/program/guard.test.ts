import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import t, { type Test } from 'tap';

import { createRoot } from '../pki/authority.ts';
import { privateKeyPem } from '../pki/key-pair.ts';
import { Crowd } from '../testing/crowd.ts';
import { Guard, type TlsTerms } from './guard.ts';
import type { ServerBounds, ServerLimit } from './server-limits.ts';

const root = createRoot({ commonName: 'server', lifetimeMs: 3_600_000 });
const secureContext = createSecureContext({ cert: root.certificate, key: privateKeyPem(root.keyPair) });
const tls: TlsTerms = () => ({ secureContext, clientCertificate: 'unasked', alpn: { ALPNProtocols: ['h2'] } });
const BOUNDS: ServerBounds = {
  connections: 20,
  handshakes: 5,
  handshakeMs: 5000,
  headMs: 5000,
  bodyMs: 5000,
  stallMs: 5000,
  idleMs: 5000,
};

/** A guarded server that answers every request, what it counts, and how clients reach it. */
async function serve(t: Test, changed: Partial<ServerBounds>, options: { server?: Server; tls?: TlsTerms } = {}) {
  const server = options.server ?? http.createServer(answer);
  const exceeded: ServerLimit[] = [];
  const guard = new Guard(server, {
    bounds: { ...BOUNDS, ...changed },
    tls: options.tls ?? null,
    onExceeded: (limit) => exceeded.push(limit),
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 1000 }, resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    guard.destroy();
    server.close();
  });
  const client = (words = '', from = '127.0.0.1'): Socket => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    if (words !== '') socket.write(words);
    return socket.on('error', () => {});
  };
  return { guard, exceeded, port, client, place: { host: '127.0.0.1', port } };
}

function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume().once('end', () => response.end(request.url === '/large' ? Buffer.alloc(64 << 20) : 'ok'));
}

/** So many have met a limit: a client hears that it is connected before the server takes it. */
async function met(exceeded: readonly ServerLimit[], count: number): Promise<void> {
  while (exceeded.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.resume().once('close', resolve)));
}

/** An HTTP/2 server and a session to it. */
async function serveHttp2(t: Test, changed: Partial<ServerBounds>) {
  const server = http2.createSecureServer({}, (request, response) => {
    request.resume();
    if (request.url !== '/open') response.end('ok');
  });
  const served = await serve(t, changed, { server, tls });
  const session = http2.connect(`https://127.0.0.1:${served.port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  return { ...served, session };
}

t.test('serves requests, one after another', async (t) => {
  const { client, exceeded } = await serve(t, {});
  const socket = client('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200/);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await closed(socket);
  t.same(exceeded, []);
});

t.test('serves some requests that come at once, in their order', async (t) => {
  const { client, exceeded } = await serve(t, {});
  const socket = client(
    `${'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(7)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  );
  let heard = '';
  socket.on('data', (octets) => {
    heard += octets;
  });
  await closed(socket);
  t.equal(heard.match(/HTTP\/1.1 200/g)?.length, 8);
  t.same(exceeded, []);
});

t.test('cuts off a client that asks without end and reads nothing, and serves none of the rest', async (t) => {
  let served = 0;
  const server = http.createServer((request, response) => {
    served++;
    answer(request, response);
  });
  const { client, exceeded } = await serve(t, {}, { server });
  client('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000));
  await met(exceeded, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(exceeded, ['request_limit']);
  t.equal(served, 8);
});

t.test('serves HTTP/2 over TLS', async (t) => {
  const { session, exceeded } = await serveHttp2(t, {});
  for (let i = 0; i < 2; i++) {
    const [headers] = await once(session.request({ ':path': '/' }).resume(), 'response');
    t.equal(headers[':status'], 200);
  }
  t.same(exceeded, []);
});

t.test('has room for another address however many connections one opens', async (t) => {
  const { client, guard, place, exceeded } = await serve(t, {});
  await Crowd.gather(t, place, 60, '127.0.0.2');
  await met(exceeded, 40);
  const socket = client('GET / HTTP/1.1\r\nHost: a\r\n\r\n', '127.0.0.3');
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200/);
  t.ok(guard.size <= 20);
  t.ok(exceeded.length >= 40 && exceeded.every((limit) => limit === 'connection_limit'));
});

t.test('has room for another address whatever handshakes one begins', async (t) => {
  const { session, place, exceeded } = await serveHttp2(t, { connections: 1000 });
  await Crowd.gather(t, place, 60, '127.0.0.2', Buffer.from([22, 3, 1, 0x40, 0]));
  await met(exceeded, 50);
  const [headers] = await once(session.request({ ':path': '/' }).resume(), 'response');
  t.equal(headers[':status'], 200);
  t.ok(exceeded.length >= 50 && exceeded.every((limit) => limit === 'handshake_limit'));
});

const SLOW: readonly [what: string, limit: ServerLimit, words: string, bounds: Partial<ServerBounds>][] = [
  ['says nothing', 'header_timeout', '', { headMs: 100 }],
  ['does not finish its head', 'header_timeout', 'GET / HTTP/1.1\r\nHost:', { headMs: 100 }],
  [
    'does not finish its body',
    'body_timeout',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na',
    { bodyMs: 100 },
  ],
  ['does not read its answer', 'stall_timeout', 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n', { stallMs: 100 }],
];
for (const [what, limit, words, bounds] of SLOW) {
  t.test(`ends a client that ${what}`, async (t) => {
    const { client, guard, exceeded } = await serve(t, bounds);
    client(words);
    await met(exceeded, 1);
    t.same(exceeded, [limit]);
    while (guard.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });
}

t.test('ends a client that does not finish its handshake', async (t) => {
  const { client, exceeded } = await serve(t, { handshakeMs: 100 }, { tls });
  await closed(client());
  t.same(exceeded, ['handshake_timeout']);
});

t.test('ends a client that asks nothing after its handshake', async (t) => {
  const { place, exceeded } = await serve(t, { headMs: 100 }, { tls });
  await closed(connectTls({ ...place, rejectUnauthorized: false }).on('error', () => {}));
  t.same(exceeded, ['header_timeout']);
});

t.test('ends a session with a stream whose body does not come', async (t) => {
  const { session, exceeded } = await serveHttp2(t, { bodyMs: 100 });
  const stream = session.request({ ':path': '/open', ':method': 'POST' }, { endStream: false });
  stream.on('error', () => {});
  await once(session, 'close');
  t.same(exceeded, ['body_timeout']);
});

t.test('lets bodies live where they are live', async (t) => {
  const { session, exceeded } = await serveHttp2(t, { bodyMs: Infinity, idleMs: 100, headMs: 100 });
  const stream = session.request({ ':path': '/open', ':method': 'POST' }, { endStream: false });
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.equal(session.closed, false);
  stream.close();
  await once(session, 'close');
  t.same(exceeded, [], 'and to end an idle session counts as nothing');
});

t.test('ends an idle connection', async (t) => {
  const { client, exceeded } = await serve(t, { idleMs: 100 });
  await closed(client('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  t.same(exceeded, []);
});

t.test('cuts off a session that asks and takes back, at once or one after another', async (t) => {
  for (const [atOnce, limit] of [
    [100, 'request_limit'],
    [4, 'rapid_reset'],
  ] as const) {
    const { session, exceeded } = await serveHttp2(t, {});
    await once(session, 'connect');
    let asked = 0;
    while (exceeded.length === 0 && asked < 10_000) {
      for (let i = 0; i < atOnce && !session.destroyed; i++, asked++) {
        const stream = session.request({ ':path': '/open', ':method': 'POST' }, { endStream: false });
        stream.on('error', () => {}).close(http2.constants.NGHTTP2_CANCEL);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    t.same(exceeded, [limit]);
    if (!session.destroyed) await once(session, 'close');
  }
});
