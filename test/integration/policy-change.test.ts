/** Inbound policy that changes while connections are open. */
import * as http from 'node:http';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import type { InboundPolicy, Protocol } from '../../api/routing.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/http-request.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const STRANGER = '127.0.0.2';

/** An application that says again what it hears, of octets and of tunnels, behind a proxy; and a meshed client's proxy. */
async function mesh(t: Test, protocol: Protocol) {
  const open = new Set<net.Socket>();
  const echo = (socket: net.Socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.pipe(socket);
  };
  const server = http.createServer(({ url }, answer) => {
    if (url === '/endless') answer.write('begun');
    else if (url !== '/never') answer.end('ok');
  });
  server.on('upgrade', (_, socket: net.Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    echo(socket);
  });
  const application = protocol === 'opaque' ? net.createServer(echo) : server;
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  const rules = (mode: InboundPolicy['mode']) => ({
    ports: [{ port, protocol, policy: { mode, origin: 'test' }, routes: {} }],
  });
  const proxy = new TestProxy('api', authority, { inbound: rules('all-unauthenticated') });
  const inbound = await proxy.listenInbound(port);
  const direct = endpoint(port, 'api');
  const tls = { ...direct.tls!, mode: 'direct', inboundPort: await proxy.listenDirect() } as const;
  const client = new TestProxy('frontend', authority);
  client.describe('10.96.0.1:80', service('api', [{ ...direct, tls }], { protocol }));
  const outbound = await client.listenOutbound();
  t.teardown(() => {
    client.close();
    proxy.close();
    application.close();
    server.closeAllConnections();
    for (const socket of open) socket.destroy();
  });
  const turnTo = (mode: InboundPolicy['mode']) => proxy.ports.update({ ...proxy.ports.config, ...rules(mode) });
  const demand = (mode: 'strict' | 'permissive') =>
    proxy.ports.update({
      ...proxy.ports.config,
      access: { mutualTls: { mode, origin: 'PeerAuthentication/default/all' }, layers: [] },
    });
  return { open, inbound, outbound, proxy, turnTo, demand };
}

/** Says something and waits for its echo. `end` tells how the connection ends. */
async function talker(port: number, localAddress: string, says: string, hears: RegExp) {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress });
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  const end = new Promise<string>((resolve) => {
    let how = 'end';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message;
    });
    socket.on('close', () => resolve(how));
    setTimeout(() => resolve('open'), 5000).unref();
  });
  socket.write(says);
  if (!(await eventually(() => hears.test(text), 5000))) throw new Error(`heard ${JSON.stringify(text)}`);
  return { socket, end, hears: () => text };
}

const UPGRADE = 'GET / HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

t.test('octets of a stranger that is refused from now on are reset, both ways, and the operator is told', async (t) => {
  const { open, inbound, proxy, turnTo } = await mesh(t, 'opaque');
  const { end } = await talker(inbound, STRANGER, 'hello', /hello/);
  turnTo('all-authenticated');
  t.equal(await end, 'ECONNRESET');
  t.ok(await eventually(() => open.size === 0, 5000), 'the application has lost it too');
  t.match(proxy.failures.entries.at(-1), { reason: 'policy_denied', endpoint: STRANGER, message: /all-authenticated/ });
  t.match(proxy.metrics.registry.text(), /inbound_tcp_authz_deny_total\{[^}]*authz_name="all-authenticated"[^}]*\} 1/);
  t.match(proxy.metrics.registry.text(), /inbound_http_errors_total\{error="policy_denied"\} 1/);
});

t.test('octets of a peer go on while it is let in, and no longer', async (t) => {
  const { outbound, turnTo } = await mesh(t, 'opaque');
  const { socket, end, hears } = await talker(outbound, STRANGER, 'hello', /hello/);
  turnTo('all-authenticated');
  socket.write(' again');
  t.ok(await eventually(() => hears() === 'hello again', 5000));
  turnTo('deny');
  t.match(await end, /ECONNRESET|end/);
});

for (const [who, port] of [
  ['a stranger', 'inbound'],
  ['a peer', 'outbound'],
] as const)
  t.test(`the tunnel of ${who} that is refused from now on ends`, async (t) => {
    const ports = await mesh(t, 'http1');
    const { socket, end, hears } = await talker(ports[port], STRANGER, UPGRADE, /101 .*\r\n\r\n/s);
    socket.write('hello');
    t.ok(await eventually(() => /hello$/.test(hears()), 5000));
    ports.turnTo('deny');
    t.match(await end, /ECONNRESET|end/);
    t.ok(await eventually(() => ports.open.size === 0, 5000), 'the application has lost it too');
    t.match(ports.proxy.failures.entries.at(-1), { reason: 'policy_denied' });
  });

t.test('requests of kept connections are judged by the policy of their time', async (t) => {
  const { outbound, inbound, turnTo } = await mesh(t, 'http1');
  for (const [port, localAddress] of [
    [outbound, '127.0.0.1'],
    [inbound, STRANGER],
  ] as const) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1, localAddress });
    const statuses: number[] = [];
    for (const mode of ['all-unauthenticated', 'deny', 'all-unauthenticated'] as const) {
      turnTo(mode);
      statuses.push((await request(port, { agent })).status);
    }
    t.same(statuses, [200, 403, 200]);
    agent.destroy();
  }
});

for (const [who, port] of [
  ['a stranger', 'inbound'],
  ['a peer', 'outbound'],
] as const) {
  t.test(`an answer to ${who} that is refused from now on breaks off`, async (t) => {
    const ports = await mesh(t, 'http1');
    const { end, hears } = await talker(ports[port], STRANGER, 'GET /endless HTTP/1.1\r\nHost: api\r\n\r\n', /begun/);
    ports.turnTo('deny');
    t.match(await end, /ECONNRESET|end/);
    t.notMatch(hears(), /\r\n0\r\n\r\n$/, 'and does not look whole');
    t.match(ports.proxy.failures.entries.at(-1), { reason: 'policy_denied', path: '/endless' });
  });

  t.test(`a request of ${who} that waits is refused as one that comes now`, async (t) => {
    const ports = await mesh(t, 'http1');
    const answer = request(ports[port], { path: '/never', localAddress: STRANGER });
    await new Promise((resolve) => setTimeout(resolve, 100));
    ports.turnTo('deny');
    t.equal((await answer).status, 403);
  });
}

t.test('from PERMISSIVE to STRICT: who has no identity is cut off, asking or not, and nobody else', async (t) => {
  const { inbound, outbound, demand, proxy } = await mesh(t, 'http1');
  const get = 'GET / HTTP/1.1\r\nHost: api\r\n\r\n';
  const stranger = await talker(inbound, STRANGER, get, /ok/);
  const peer = await talker(outbound, STRANGER, get, /ok/);
  demand('strict');
  t.match(await stranger.end, /ECONNRESET|end/, 'though nothing was asked by it');
  peer.socket.write(get);
  t.ok(await eventually(() => /ok.*ok/s.test(peer.hears()), 5000));
  await t.rejects(request(inbound, { localAddress: STRANGER }), /ECONNRESET/);
  t.match(proxy.failures.entries.at(-1), {
    reason: 'policy_denied',
    message: 'STRICT (PeerAuthentication/default/all) refuses a client without an identity',
  });
  demand('permissive');
  t.equal((await request(inbound, { localAddress: STRANGER })).status, 200);
});
