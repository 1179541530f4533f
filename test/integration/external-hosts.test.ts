/** Hosts outside the cluster that discovery knows: requests to addresses that nobody knows find them by what they name. */
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';

import type { Endpoint, OutboundTarget } from '../../api/routing.ts';
import { Application, status } from '../support/application.ts';
import { request } from '../support/http-request.ts';
import { endpoint, route, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const DIALLED = { host: '203.0.113.7', port: 8080 };
const KEY = `${DIALLED.host}:${DIALLED.port}`;

/** An address that nobody knows, on a port that known hosts have; in truth it is on this machine. */
function stranger(port: number): OutboundTarget {
  return { ...service('203.0.113.7', [endpoint(port)]), kind: 'pod', port: DIALLED.port, byHost: true };
}

/** A host in the clear whose address the proxy has to look up. */
function named(host: string, port: number, options: Partial<OutboundTarget> = {}): OutboundTarget {
  const byName: Endpoint = { ...endpoint(port), uid: `localhost:${port}`, address: 'localhost' };
  return { ...service(host, [byName]), name: host, ...options };
}

async function proxyTo(t: Test, targets: Readonly<Record<string, OutboundTarget | null>>) {
  const proxy = new TestProxy('frontend', authority);
  proxy.outboundDestination = DIALLED;
  for (const [key, target] of Object.entries(targets)) proxy.describe(key, target);
  t.teardown(() => proxy.close());
  return { proxy, port: await proxy.listenOutbound() };
}

t.test(
  'a request goes to the host that it names, with that host’s rules; others to where they were going',
  async (t) => {
    const [dialled, shop] = [await Application.start(t), await Application.start(t, status(503))];
    const retry = { on: { outcomes: [], statuses: [{ min: 503, max: 503 }] }, limit: 2, maxBodyBytes: 1000 };
    const { port } = await proxyTo(t, {
      [KEY]: stranger(dialled.port),
      'shop.example.com:8080': named('shop.example.com', shop.port, { routes: [route('all', { retry })] }),
      'other.example.com:8080': null,
    });
    const at = (host: string) => request(port, { headers: { host } });

    t.equal((await at('shop.example.com:8080')).status, 503);
    t.equal(shop.heard.length, 3, 'tried twice more');
    t.equal(shop.heard[0]!.headers.host, 'shop.example.com:8080');
    t.equal((await at('SHOP.example.com')).status, 503, 'the port is the one that was dialled');
    t.equal((await at('other.example.com:8080')).status, 200);
    t.equal((await at('203.0.113.7:8080')).status, 200);
    t.equal(dialled.heard.length, 2);
  },
);

t.test('a TLS connection goes to the host of its server name', async (t) => {
  const [dialled, shop] = [await octets(t, 'dialled'), await octets(t, 'shop')];
  const { port } = await proxyTo(t, {
    [KEY]: stranger(dialled),
    'shop.example.com:8080': named('shop.example.com', shop, { protocol: 'tls' }),
    'other.example.com:8080': null,
  });
  t.equal(await whoHears(port, 'shop.example.com'), 'shop');
  t.equal(await whoHears(port, 'other.example.com'), 'dialled');
  t.equal(await whoHears(port, ''), 'dialled');
});

t.test('octets that name no host go to where they were going', async (t) => {
  const echo = await octets(t, 'dialled');
  const { port } = await proxyTo(t, { [KEY]: stranger(echo) });
  const socket = connectTcp(port, '127.0.0.1').setEncoding('utf8');
  t.teardown(() => socket.destroy());
  socket.write('\0\x01\x02 neither HTTP nor TLS');
  const [answer] = await new Promise<string[]>((resolve) => socket.once('data', (...data) => resolve(data as never)));
  t.equal(answer, 'dialled');
});

/** Who was spoken to, in order. */
const heard: string[] = [];

/** A server that answers its name to whatever comes. */
async function octets(t: Test, name: string): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      heard.push(name);
      socket.end(name);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Begins TLS with what an {@link octets} server takes, and says which of them it was. */
async function whoHears(port: number, servername: string): Promise<string> {
  const before = heard.length;
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  // What it answers is no TLS.
  await new Promise<void>((resolve) => socket.once('error', () => resolve()));
  return heard.slice(before).join();
}
