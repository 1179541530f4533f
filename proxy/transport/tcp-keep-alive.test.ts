import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { identityOf, TestAuthority } from '../../test/support/mesh.ts';
import { socketOption } from '../../test/support/socket-option.ts';
import { dial } from './dialer.ts';
import { MutualTls } from './mutual-tls.ts';
import { keepAlive } from './tcp-keep-alive.ts';

/** Seconds to the first probe, seconds between probes, and their number, as the kernel has them. */
function probesOf(socket: Socket): number[] {
  return [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((name) => socketOption(socket, IPPROTO_TCP, name));
}

const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

async function serverPort(t: Test): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function connected(t: Test, socket: Socket): Promise<void> {
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  // The library is loaded when it is wanted first.
  await new Promise((resolve) => setTimeout(resolve, 100));
}

t.test('has the kernel probe as the rule says, in the clear and under TLS', async (t) => {
  const port = await serverPort(t);
  const mutualTls = new MutualTls(() => Date.now());
  mutualTls.use(new TestAuthority().credentials('frontend'));
  for (const open of [
    () => dial('127.0.0.1', port),
    () => mutualTls.connect({ host: '127.0.0.1', port, identity: identityOf('api'), alpn: [] }),
  ]) {
    const socket = open();
    keepAlive(socket, { timeMs: 90_000, intervalMs: 20_000, probes: 4 });
    await connected(t, socket);
    t.same(probesOf(socket), [90, 20, 4]);
  }
});

t.test('leaves alone what the rule does not say', async (t) => {
  const port = await serverPort(t);
  const plain = dial('127.0.0.1', port);
  await connected(t, plain);
  const [timeS, intervalS, probes] = probesOf(plain);
  const socket = dial('127.0.0.1', port);
  keepAlive(socket, { intervalMs: 7000 });
  await connected(t, socket);
  t.same(probesOf(socket), [timeS, 7, probes]);
  t.not(intervalS, 7);
});
