import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { Http1Pool } from './http1-pool.ts';
import { askPool, poolOptions, stopFor } from './testing/pool.ts';

/** A pool of connections to a server that answers each request, and what it took. */
async function pool(t: Test, idleMs: number) {
  const taken: Socket[] = [];
  const server = createServer((socket) => {
    taken.push(socket);
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const made = new Http1Pool(poolOptions(port, idleMs));
  t.teardown(() => {
    made.shutdown();
    server.close();
    for (const socket of taken) socket.destroy();
  });
  const ask = () => askPool(made, 'HTTP/1.1');
  return { ask, taken, made };
}

t.test('a connection that rests is used again', async (t) => {
  const { ask, taken } = await pool(t, 3000);
  for (let i = 0; i < 3; i++) t.equal(await ask(), 204);
  t.equal(taken.length, 1);
});

t.test('one that has rested for its time is not, though no timer has ended it yet: its server may have', async (t) => {
  const { ask, taken } = await pool(t, 3000);
  t.equal(await ask(), 204);
  stopFor(t, 3001);
  t.equal(await ask(), 204);
  t.equal(taken.length, 2);
  while (!taken[0]!.readableEnded) await new Promise((resolve) => setTimeout(resolve, 5));
});

t.test(
  'after a stop what its server has said is read before a connection is used again: it may have ended it',
  async (t) => {
    const { ask, taken } = await pool(t, 60_000);
    t.equal(await ask(), 204);
    await new Promise<void>((resolve) => taken[0]!.end(resolve));
    stopFor(t, 2000);
    t.equal(await ask(), 204, 'in the turn in which the end is there and not read yet');
    t.equal(taken.length, 2);
  },
);

t.test('and is used again where it has not', async (t) => {
  const { ask, taken } = await pool(t, 60_000);
  t.equal(await ask(), 204);
  stopFor(t, 2000);
  t.same(await Promise.all([ask(), ask()]), [204, 204]);
  t.equal(await ask(), 204);
  t.equal(taken.length, 2);
});

t.test('whoever gives up meanwhile costs no connection', async (t) => {
  const { ask, taken, made } = await pool(t, 60_000);
  t.equal(await ask(), 204);
  stopFor(t, 2000);
  const waiter = {
    cancelled: false,
    listener: null!,
    onStream: () => t.fail('it was given up'),
    onUnavailable: t.error,
  };
  made.acquire(waiter);
  waiter.cancelled = true;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(made.isFree, true);
  t.equal(await ask(), 204);
  t.equal(taken.length, 1);
});
