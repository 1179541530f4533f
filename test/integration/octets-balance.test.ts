/** How connections of octets are shared by endpoints, with a proxy at each. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import t, { type Test } from 'tap';

import { freePort } from '../support/free-port.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

/** Two applications that greet who speaks to them, and the way to both. */
async function start(t: Test, greet: (socket: net.Socket) => void = () => {}) {
  const [near, ...far] = [
    new TestProxy('web', authority),
    new TestProxy('api', authority),
    new TestProxy('api', authority),
  ];
  const counts = [0, 0];
  const applications: net.Server[] = [];
  const ports: number[] = [];
  for (const [i, proxy] of far.entries()) {
    const application = net.createServer((socket) => {
      socket.on('error', () => {});
      greet(socket);
      socket.once('data', () => {
        counts[i]!++;
        socket.end(`hello from ${i}`);
      });
    });
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    applications.push(application);
    ports.push(await proxy.listenInbound((application.address() as net.AddressInfo).port));
  }
  near.describe(
    '10.96.0.1:80',
    service(
      'api',
      ports.map((port) => endpoint(port, 'api')),
      { protocol: 'opaque' },
    ),
  );
  t.teardown(() => {
    for (const proxy of [near, ...far]) proxy.close();
    for (const application of applications) application.close();
  });
  return { port: await near.listenOutbound(), counts, applications };
}

/** @returns what the server said; `reset` or `ended`: it said nothing */
function ask(port: number, firstWords = ''): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${firstWords}\0hello`));
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk;
    });
    socket.on('error', () => resolve(`${heard}reset`));
    socket.on('end', () => resolve(heard || 'ended'));
  });
}

t.test('equal endpoints get equal shares', async (t) => {
  const { port, counts } = await start(t);
  for (let i = 0; i < 200; i++) t.match(await ask(port), /^hello/);
  t.comment(counts.join(' : '));
  t.ok(Math.min(...counts) >= 50, counts.join(' : '));
});

t.test('no connection is lost to an endpoint whose application is dead', async (t) => {
  const { port, applications, counts } = await start(t);
  for (let i = 0; i < 20; i++) await ask(port);
  await new Promise((resolve) => applications[0]!.close(resolve));
  for (let i = 0; i < 100; i++) t.match(await ask(port), 'hello from 1');
  t.ok(counts[1]! >= 100);
});

t.test('a connection for which there is no application is reset', async (t) => {
  const { port, applications } = await start(t);
  for (const application of applications) await new Promise((resolve) => application.close(resolve));
  for (let i = 0; i < 5; i++) t.equal(await ask(port), 'reset');
});

/** A proxy that says so much of each connection for octets, and how many it was asked for. */
async function verdict(t: Test, says: (socket: tls.TLSSocket) => void) {
  const { chain: cert, key, trustBundle: ca } = authority.credentials('api');
  const heard = { connections: 0, octets: 0 };
  const server = tls.createServer({ cert, key, ca, requestCert: true, ALPNProtocols: ['weft.opaque/2'] }, (socket) => {
    heard.connections++;
    socket
      .on('error', () => {})
      .on('data', (octets) => {
        heard.octets += octets.length;
      });
    says(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { heard, port: (server.address() as net.AddressInfo).port };
}

const NO: readonly [name: string, says: (socket: tls.TLSSocket) => void, asked: number][] = [
  ['cannot reach its application', (socket) => socket.end(Uint8Array.of(1)), 3],
  ['says what is not known yet', (socket) => socket.end(Uint8Array.of(77)), 3],
  ['ends without a word', (socket) => socket.end(), 3],
  ['dies without a word', (socket) => socket.destroy(), 3],
  ['lets nobody in', (socket) => socket.end(Uint8Array.of(2)), 1],
];
for (const [name, says, asked] of NO)
  t.test(`octets do not leave for a proxy that ${name}`, async (t) => {
    const far = await Promise.all([verdict(t, says), verdict(t, says)]);
    const near = new TestProxy('web', authority);
    const endpoints = far.map(({ port }) => endpoint(port, 'api'));
    near.describe('10.96.0.1:80', service('api', endpoints, { protocol: 'opaque' }));
    t.teardown(() => near.close());
    t.equal(await ask(await near.listenOutbound()), 'reset');
    t.equal(
      far.reduce((sum, { heard }) => sum + heard.connections, 0),
      asked,
      'and as many are asked as may help',
    );
    t.same(
      far.map(({ heard }) => heard.octets),
      [0, 0],
    );
  });

t.test('octets wait for a proxy that takes its time', async (t) => {
  const { port, heard } = await verdict(t, (socket) => {
    setTimeout(() => {
      t.equal(heard.octets, 0);
      socket.end(Buffer.from('\0late', 'latin1'));
    }, 200);
  });
  const near = new TestProxy('web', authority);
  near.describe('10.96.0.1:80', service('api', [endpoint(port, 'api')], { protocol: 'opaque' }));
  t.teardown(() => near.close());
  t.equal(await ask(await near.listenOutbound()), 'late');
});

t.test('a server that greets is heard once, and nothing before it', async (t) => {
  const { port } = await start(t, (socket) => socket.write('220 at your service'));
  t.equal(
    await new Promise<string>((resolve) => net.connect(port, '127.0.0.1').on('data', (chunk) => resolve(`${chunk}`))),
    '220 at your service',
  );
});

t.test('what no endpoint accepts is reset, too: an end would look like an answer', async (t) => {
  const near = new TestProxy('web', authority);
  t.teardown(() => near.close());
  const ports = [await freePort(), await freePort()];
  for (const [what, serviceAccount] of [
    ['endpoints of the mesh', 'api'],
    ['endpoints without a proxy', undefined],
  ] as const) {
    const endpoints = ports.map((port) => endpoint(port, serviceAccount));
    near.describe('10.96.0.1:80', service('api', endpoints, { protocol: 'opaque' }));
    t.equal(await ask(await near.listenOutbound()), 'reset', what);
    const connect = 'CONNECT 10.96.0.1:80 HTTP/1.1\r\nHost: 10.96.0.1:80\r\n\r\n';
    t.equal(await ask(await near.listenExplicit(), connect), 'HTTP/1.1 200 OK\r\n\r\nreset', `${what}, in a tunnel`);
  }
});
