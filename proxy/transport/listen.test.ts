import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { listen } from './listen.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** A listener and what it has accepted. */
async function listening(t: Test, { connections = 1000, isShared = false } = {}) {
  const accepted: Socket[] = [];
  let refused = 0;
  const server = await listen(
    LOOPBACK,
    (socket, onKnown) => {
      socket.on('error', () => {});
      onKnown();
      accepted.push(socket);
    },
    { connections, isShared, onRefused: () => refused++ },
  );
  t.teardown(() => {
    server.close();
    for (const socket of accepted) socket.destroy();
  });
  const come = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => {
        const socket = connect(server.port, '127.0.0.1');
        t.teardown(() => socket.destroy());
        return new Promise<Socket>((resolve) => socket.on('error', () => {}).once('connect', () => resolve(socket)));
      }),
    );
  return { server, accepted, come, refused: () => refused };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('accepts several connections in a turn of the loop', async (t) => {
  const { accepted, come, server } = await listening(t);
  const coming = Array.from({ length: 40 }, () => connect(server.port, '127.0.0.1').on('error', () => {}));
  t.teardown(() => coming.map((socket) => socket.destroy()));
  let turns = 0;
  for (; accepted.length < 40; turns++) {
    for (const end = performance.now() + 5; performance.now() < end; );
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(turns <= 20, `${turns} turns`);
  await come(1);
});

t.test('hands each connection over once, whichever of its servers has accepted it', async (t) => {
  const { accepted, come } = await listening(t);
  const clients = await come(200);
  await until(() => accepted.length >= 200);
  t.equal(new Set(accepted.map(({ remotePort }) => remotePort)).size, 200);
  t.same(new Set(accepted.map(({ remotePort }) => remotePort)), new Set(clients.map(({ localPort }) => localPort)));
});

t.test('takes no more once it is closed, and leaves those that are there', async (t) => {
  const { server, accepted, come } = await listening(t);
  const [client] = await come(1);
  await until(() => accepted.length === 1);
  server.close();
  const late = connect(server.port, '127.0.0.1');
  const code = await new Promise((resolve) =>
    late.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
  );
  t.equal(code, 'ECONNREFUSED');
  accepted[0]!.write('still here');
  t.equal(String(await new Promise((resolve) => client!.once('data', resolve))), 'still here');
});

t.test('holds no more connections than it may, and another one once one has gone', async (t) => {
  const { accepted, come, refused } = await listening(t, { connections: 3 });
  await come(5);
  await until(() => refused() === 2);
  t.equal(accepted.length, 3);
  const gone = new Promise((resolve) => accepted[0]!.once('close', resolve));
  accepted[0]!.destroy();
  await gone;
  await come(1);
  await until(() => accepted.length === 4);
  t.equal(refused(), 2);
});

t.test('rejects where the address is taken', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(LOOPBACK, resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  const limit = { connections: 1, isShared: false, onRefused() {} };
  await t.rejects(
    listen({ host: '127.0.0.1', port }, () => {}, limit),
    { code: 'EADDRINUSE', message: new RegExp(`^127.0.0.1:${port}: `) },
  );
});
