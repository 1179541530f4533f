import { once } from 'node:events';
import type { Socket } from 'node:net';
import t from 'tap';

import type { SocketAddress } from '../../core/config/socket-address.ts';
import { whenConnected } from './dialer.ts';
import { Loopback } from './loopback.ts';
import { relay } from './tcp-relay.ts';

/** Both ends of a connection of a pod to itself. */
async function connected(): Promise<{ near: Socket; far: Socket; destination: SocketAddress }> {
  const accepted = Promise.withResolvers<{ far: Socket; destination: SocketAddress }>();
  const loopback = new Loopback(['10.1.0.5'], (far, destination) => accepted.resolve({ far, destination }));
  const near = loopback.connect({ host: '10.1.0.5', port: 8080 });
  await new Promise((resolve) => whenConnected(near, 'connect', 1000, resolve));
  const { far, destination } = await accepted.promise;
  for (const socket of [near, far]) socket.on('error', () => {});
  return { near, far, destination };
}

async function allOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

t.test('knows the addresses of its pod', async (t) => {
  const loopback = new Loopback(['10.1.0.5', 'fd00::5'], () => {});
  t.same(
    ['10.1.0.5', 'fd00::5', '10.1.0.6'].map((address) => loopback.isOwn(address)),
    [true, true, false],
  );
  t.notOk(new Loopback([], () => {}).isOwn('10.1.0.5'), 'a pod that was not told its addresses has none');
});

t.test('carries octets both ways, and each end by itself', async (t) => {
  const { near, far, destination } = await connected();
  t.same(destination, { host: '10.1.0.5', port: 8080 });
  near.end('question');
  t.equal(await allOf(far), 'question');
  far.end('answer');
  t.equal(await allOf(near), 'answer');
});

t.test('holds a writer back while nobody reads, and goes on then', async (t) => {
  const { near, far } = await connected();
  const text = 'x'.repeat(1 << 20);
  near.end(text);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(near.writableLength > 0);
  t.equal((await allOf(far)).length, text.length);
});

t.test('octets are safe from a writer that uses its buffer again', async (t) => {
  const { near, far } = await connected();
  const slab = Buffer.from('first');
  near.write(slab, () => slab.write('later'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  near.end();
  t.equal(await allOf(far), 'first');
});

t.test('a reset reaches the other end as one, a death as an end', async (t) => {
  const reset = await connected();
  const error = once(reset.far, 'error');
  reset.near.resetAndDestroy();
  t.match(await error, [{ code: 'ECONNRESET' }]);

  const dead = await connected();
  dead.far.resume();
  dead.near.destroy();
  await once(dead.far, 'end');
  const broken = once(dead.far, 'error');
  dead.far.write('too late');
  t.match(await broken, [{ code: 'EPIPE' }]);
});

t.test('is carried by a relay like any other connection', async (t) => {
  const [left, right] = [await connected(), await connected()];
  relay(left.far, right.near, { onOctets() {}, onEnd() {} });
  left.near.end('question');
  t.equal(await allOf(right.far), 'question');
  right.far.end('answer');
  t.equal(await allOf(left.near), 'answer');
});
