/** What the outbound side counts and remembers of the connections that its application opens. */
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

async function start(t: Test, serve: (socket: net.Socket) => void, protocol: 'detect' | 'opaque' = 'detect') {
  const application = net.createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  const proxy = new TestProxy('web', new TestAuthority());
  proxy.describe('10.96.0.1:80', service('api', [endpoint(port)], { protocol }));
  t.teardown(() => {
    proxy.close();
    application.close();
  });
  return { proxy, port: await proxy.listenOutbound() };
}

/** @returns what was heard first, and after how many milliseconds */
function greeted(port: number): Promise<{ words: string; ms: number; socket: net.Socket }> {
  const begunMs = performance.now();
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('data', (octets) => resolve({ words: `${octets}`, ms: performance.now() - begunMs, socket }));
  });
}

t.test('counts connections of the application, and their octets both ways', async (t) => {
  const { proxy, port } = await start(t, (socket) => socket.once('data', () => socket.end('answer')), 'opaque');
  const value = (name: string) => {
    const text = proxy.metrics.registry.text();
    const line = text.split('\n').find((each) => each.startsWith(`${name}{direction="outbound",peer="src"`));
    return Number(line?.split(' ').at(-1));
  };
  const socket = net.connect(port, '127.0.0.1', () => socket.write('hello'));
  await new Promise((resolve) => socket.resume().once('data', resolve));
  t.equal(value('tcp_open_total'), 1);
  await new Promise((resolve) => socket.once('close', resolve));
  while (!(value('tcp_close_total') === 1)) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(value('tcp_open_connections'), 0);
  t.equal(value('tcp_read_bytes_total'), 5);
  t.equal(value('tcp_write_bytes_total'), 6);
});

t.test('remembers whose server speaks first, and does not wait for the client again', async (t) => {
  const { port } = await start(t, (socket) => socket.write('220 at your service'));
  const first = await greeted(port);
  t.equal(first.words, '220 at your service');
  t.ok(first.ms >= 19, `the first is waited for: ${first.ms} ms`);
  const later = [];
  for (let i = 0; i < 20; i++) later.push(await greeted(port));
  t.ok(Math.min(...later.map(({ ms }) => ms)) < 15, 'others are not');
  for (const { socket } of [first, ...later]) socket.destroy();
});

t.test('forgets it when a client speaks first', async (t) => {
  let greets = true;
  const { port } = await start(t, (socket) => {
    if (greets) socket.write('220');
    else socket.once('data', (octets) => socket.write(`heard ${octets}`));
  });
  for (let i = 0; i < 2; i++) (await greeted(port)).socket.destroy();
  greets = false;
  const socket = net.connect(port, '127.0.0.1', () => socket.write('\0word'));
  socket.on('error', () => {});
  t.equal(String(await new Promise((resolve) => socket.once('data', resolve))), 'heard \0word');
  socket.destroy();
  greets = true;
  const again = await greeted(port);
  t.ok(again.ms >= 19, `${again.ms} ms`);
  again.socket.destroy();
});
