/** How connections of octets are shared by endpoints, with a proxy at each. */
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { freePort } from '../support/free-port.ts';
import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

/** Two applications that greet who speaks to them, and the way to both. */
async function start(t: Test) {
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

t.test('an endpoint whose application is dead draws no connections, and what it drew was reset', async (t) => {
  const { port, applications } = await start(t);
  for (let i = 0; i < 20; i++) await ask(port);
  await new Promise((resolve) => applications[0]!.close(resolve));
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const outcome = await ask(port);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.comment(JSON.stringify(outcomes));
  t.equal(outcomes.ended ?? 0, 0, 'no failure looks like an end');
  t.ok((outcomes.reset ?? 0) <= 8, `${outcomes.reset} were lost`);
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
