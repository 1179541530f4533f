/** What a stranger or a peer says never chooses to be governed by nothing. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import type { InboundConfig, InboundPolicy, InboundPort } from '../../api/routing.ts';
import { request } from '../support/http-request.ts';
import { endpoint, identityOf, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const OPEN: InboundPolicy = { mode: 'all-unauthenticated', origin: 'test' };
const LIMIT = { totalPerSecond: 2, origin: 'HTTPLocalRateLimitPolicy/default/api' };
const FORGED = 'l5d-client-id: FORGED\r\nx-forwarded-client-cert: FORGED\r\n';

/** An application behind its proxy, whose port has these rules. */
async function pod(
  t: Test,
  application: net.Server,
  rules: Partial<InboundPort> = {},
  config: Partial<InboundConfig> = {},
) {
  await new Promise<void>((resolve) => application.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const { port } = application.address() as net.AddressInfo;
  let connections = 0;
  application.on('connection', () => connections++);
  const proxy = new TestProxy('api', authority, {
    inbound: {
      ports: [{ port, protocol: 'detect', policy: config.defaultPolicy ?? OPEN, routes: {}, ...rules }],
      ...config,
    },
  });
  t.teardown(() => {
    proxy.close();
    application.close();
    if (application instanceof http.Server) application.closeAllConnections();
  });
  return { proxy, applicationPort: port, inboundPort: await proxy.listenInbound(port), connections: () => connections };
}

/** An application that keeps the identity headers of each request. */
function recording(): { server: http.Server; seen: string[] } {
  const seen: string[] = [];
  const server = http.createServer((incoming, outgoing) => {
    seen.push(`${incoming.headers['l5d-client-id'] ?? ''} ${incoming.headers['x-forwarded-client-cert'] ?? ''}`);
    outgoing.end('served');
  });
  return { server, seen };
}

/** Not where the pod itself calls from. */
const ELSEWHERE = '127.0.0.3';

function stranger(port: number): net.Socket {
  return net.connect({ port, host: '127.0.0.1', localAddress: ELSEWHERE });
}

/** What is answered to octets that come in pieces; the end is how the connection ended. */
function said(socket: net.Socket, pieces: readonly string[], pauseMs = 60): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => resolve(`${heard}<reset>`));
    socket.on('close', () => resolve(heard));
    void (async () => {
      for (const [i, piece] of pieces.entries()) {
        if (i > 0) await new Promise((done) => setTimeout(done, pauseMs));
        if (!socket.destroyed) socket.write(piece, 'latin1');
      }
    })();
  });
}

/** What no strict parser takes, and some server does. */
const LAX = [
  `GET  /x HTTP/1.1\r\nHost: api\r\n${FORGED}Connection: close\r\n\r\n`,
  `GET\t/x HTTP/1.1\r\nHost: api\r\n${FORGED}Connection: close\r\n\r\n`,
  `GET /x\r\n${FORGED}\r\n`,
  `GET x\r\n${FORGED}\r\n`,
  `BREW  x http/1.1\r\n${FORGED}\r\n`,
];

for (const protocol of ['http1', 'http2', 'grpc', 'detect'] as const) {
  t.test(
    `requests that no strict parser takes pass neither limit nor stripping of a port that speaks ${protocol}`,
    async (t) => {
      const { server, seen } = recording();
      const { inboundPort, connections } = await pod(t, server, { protocol, rateLimit: LIMIT });
      for (const head of LAX) {
        const heard = await said(stranger(inboundPort), [head]);
        t.match(heard, /^(HTTP\/1\.1 400 |$)/, JSON.stringify(head.slice(0, 20)));
        const behind = await said(stranger(inboundPort), [`${head}GET / HTTP/1.1\r\nHost: api\r\n\r\n`]);
        t.notMatch(behind, /served/, 'nor does what is pipelined behind it');
      }
      t.same([connections(), seen], [0, []]);
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await request(inboundPort, { localAddress: ELSEWHERE })).status);
      t.same(statuses, [200, 200, 429, 429]);
    },
  );
}

t.test('nor where nothing is declared, and no rule is for the port', async (t) => {
  const { server, seen } = recording();
  const { inboundPort } = await pod(t, server);
  for (const head of LAX) t.notMatch(await said(stranger(inboundPort), [head]), /served/);
  for (const pieces of [
    ['BREW', ` /x HTTP/1.1\r\nHost: api\r\n${FORGED}\r\n`],
    ['GET x\r\n', `${FORGED}\r\n`],
    ['\r\n', `GET  /x HTTP/1.1\r\n${FORGED}\r\n`],
  ])
    t.match(await said(stranger(inboundPort), pieces, 400), /400|<reset>/, 'in pieces, slowly');
  t.same(seen, []);
});

function handshake(port: number, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    servername: identityOf('api'),
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ...options,
  });
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', () => resolve(socket));
  });
}

t.test('what proxies speak to each other counts from a peer with a certificate of the mesh alone', async (t) => {
  const { server, seen } = recording();
  const { inboundPort, proxy, connections } = await pod(t, server);
  const other = new TestAuthority().credentials('web');
  for (const alpn of ['weft.opaque/1', 'weft.http/1', 'transport.l5d.io/v1'])
    for (const credentials of [null, { cert: other.chain, key: other.key }]) {
      const socket = await handshake(inboundPort, { ALPNProtocols: [alpn], ...credentials });
      const heard = await said(socket, [`GET / HTTP/1.1\r\nHost: api\r\n${FORGED}\r\n`]);
      t.equal(heard.replace('<reset>', ''), '', `${alpn}, ${credentials ? 'a certificate of another root' : 'none'}`);
    }
  t.same([connections(), seen], [0, []]);
  const told = proxy.metrics.registry.text();
  t.match(told, /inbound_http_errors_total\{error="peer_without_identity"\} 3/, 'without a certificate');
  t.match(told, /inbound_http_errors_total\{error="peer_certificate_untrusted"\} 3/, 'with one of another root');
  const unnamed = await handshake(inboundPort, {});
  t.match(
    await said(unnamed, [`GET / HTTP/1.1\r\nHost: api\r\n${FORGED}Connection: close\r\n\r\n`]),
    /served/,
    'TLS to the proxy without any of that is a stranger, whom the policy lets in',
  );
  t.same(seen, [' '], 'and who says nothing of himself');
});

t.test('a handshake for the proxy may come in pieces, slower than other first words', async (t) => {
  const { server, seen } = recording();
  const { inboundPort } = await pod(t, server);
  const slow = net.createServer((socket) => {
    const onward = net.connect(inboundPort, '127.0.0.1');
    socket.once('data', (hello) => {
      onward.write(hello.subarray(0, 100));
      setTimeout(() => {
        onward.write(hello.subarray(100));
        socket.pipe(onward);
      }, 400);
    });
    onward.pipe(socket);
    for (const side of [socket, onward]) side.on('error', () => {});
  });
  await new Promise<void>((resolve) => slow.listen({ port: 0, host: '127.0.0.1' }, resolve));
  t.teardown(() => slow.close());
  const { chain: cert, key } = authority.credentials('web');
  const peer = await handshake((slow.address() as net.AddressInfo).port, { cert, key });
  t.match(await said(peer, ['GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n']), /served/);
  t.match(seen, [/^web\.default\./]);
});

t.test('a peer that calls HTTP octets is governed as HTTP', async (t) => {
  const { server, seen } = recording();
  const { inboundPort, proxy } = await pod(
    t,
    server,
    {},
    { defaultPolicy: { mode: 'all-authenticated', origin: 'test' } },
  );
  const { chain: cert, key } = authority.credentials('web');
  const peer = () => handshake(inboundPort, { ALPNProtocols: ['weft.opaque/1'], cert, key });
  const head = `GET / HTTP/1.1\r\nHost: api\r\n${FORGED}Connection: close\r\n\r\n`;
  t.match(await said(await peer(), [head]), /served/);
  t.match(await said(await peer(), ['', head]), /served/, 'after a silence');
  for (const lax of LAX) t.notMatch(await said(await peer(), [lax]), /served/);
  t.match(seen, [/^web\.default\..* By=spiffe/, /^web\.default\..* By=spiffe/]);
  t.equal(seen.length, 2);
  t.match(proxy.metrics.registry.text(), /request_total\{direction="inbound".*client_id="web\..*\} 2/);
});

t.test('a server that speaks first is joined to its client on ports of unknown protocol alone', async (t) => {
  for (const rules of [{ protocol: 'grpc' as const, rateLimit: LIMIT }, { routes: { '': [route('all', {})] } }, {}]) {
    const seen: unknown[] = [];
    const application = http2.createServer((incoming, outgoing) => {
      seen.push(incoming.headers['l5d-client-id']);
      outgoing.end('served');
    });
    const { inboundPort, proxy } = await pod(t, application, rules);
    const socket = stranger(inboundPort);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const session = http2.connect('http://api', { createConnection: () => socket });
    const statuses = [];
    for (let i = 0; i < 3; i++) {
      const stream = session.request({ ':path': '/', 'l5d-client-id': 'FORGED' });
      statuses.push(await new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status']))));
      stream.resume();
    }
    session.destroy();
    t.same(statuses, rules.rateLimit ? [200, 200, 429] : [200, 200, 200], JSON.stringify(rules));
    t.same(new Set(seen), new Set([undefined]));
    t.match(proxy.metrics.registry.text(), /request_total\{direction="inbound".*\} 3/);
  }
});

t.test('an upgrade to HTTP is never offered on, in either version', async (t) => {
  const offered: unknown[] = [];
  const application = http.createServer((incoming, outgoing) => {
    offered.push(incoming.headers.upgrade);
    outgoing.end('served');
  });
  application.on('upgrade', (incoming, socket) => {
    offered.push(incoming.headers.upgrade);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  const { inboundPort, proxy } = await pod(t, application);
  const client = new TestProxy('web', authority);
  t.teardown(() => client.close());
  client.describe('10.96.0.1:80', service('api', [endpoint(inboundPort, 'api')]));
  for (const port of [inboundPort, await client.listenOutbound()]) {
    for (const [upgrade, expected] of [
      ['h2c', undefined],
      ['H2C/1, h2', undefined],
      ['x, h2c', 'x'],
      ['h2c,x', 'x'],
    ] as const) {
      const head = `GET / HTTP/1.1\r\nHost: api\r\nConnection: Upgrade, close\r\nUpgrade: ${upgrade}\r\n\r\n`;
      t.match(await said(stranger(port), [head]), expected ? /^HTTP\/1.1 101/ : /served$/, upgrade);
      t.equal(offered.pop(), expected, upgrade);
    }
    const session = http2.connect(`http://127.0.0.1:${port}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    for (const protocol of ['h2c', 'H2C', 'h2, h2c']) {
      const stream = session.request({
        ':method': 'CONNECT',
        ':protocol': protocol,
        ':path': '/',
        ':scheme': 'http',
        ':authority': 'api',
      });
      const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
      t.equal(headers[':status'], 501, protocol);
      stream.destroy();
    }
    session.destroy();
    t.same(offered, []);
  }
  t.match(proxy.metrics.registry.text(), /inbound_http_errors_total\{error="upgrade_unsupported"\} 3/);
});
