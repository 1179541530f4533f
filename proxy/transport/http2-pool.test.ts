import { createServer, type ServerHttp2Session } from 'node:http2';
import t, { type Test } from 'tap';

import { Http2Pool } from './http2-pool.ts';
import { askPool, poolOptions, stopFor } from './testing/pool.ts';

/** A pool of connections to a server that answers each request, and the sessions that it took. */
async function pool(t: Test) {
  const taken: ServerHttp2Session[] = [];
  const server = createServer((_, answer) => answer.writeHead(204).end());
  server.on('session', (session) => taken.push(session.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const made = new Http2Pool(poolOptions(port, 60_000));
  t.teardown(() => {
    made.shutdown();
    server.close();
    for (const session of taken) session.destroy();
  });
  const ask = () => askPool(made, '');
  return { ask, taken, made };
}

t.test('requests share a connection', async (t) => {
  const { ask, taken } = await pool(t);
  for (let i = 0; i < 3; i++) t.equal(await ask(), 204);
  t.same(await Promise.all([ask(), ask()]), [204, 204]);
  t.equal(taken.length, 1);
});

t.test('after a stop what its server has said is read before a connection is used again: it may be dead', async (t) => {
  const { ask, taken } = await pool(t);
  t.equal(await ask(), 204);
  taken[0]!.socket.destroy();
  taken[0]!.destroy();
  await new Promise((resolve) => process.nextTick(resolve));
  stopFor(t, 2000);
  t.same(await Promise.all([ask(), ask()]), [204, 204]);
  t.equal(taken.length, 2);
});

t.test('and is used again where it is not', async (t) => {
  const { ask, taken } = await pool(t);
  t.equal(await ask(), 204);
  stopFor(t, 2000);
  t.same(await Promise.all([ask(), ask()]), [204, 204]);
  t.equal(taken.length, 1);
});

t.test('whoever waits when the pool ends is told so', async (t) => {
  const { ask, made } = await pool(t);
  t.equal(await ask(), 204);
  stopFor(t, 2000);
  const late = ask();
  made.shutdown();
  await t.rejects(late, { message: 'destination knows it no more' });
});
