import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import type { ClientStream, StreamListener } from '../http.ts';
import { dial } from './dialer.ts';
import { unbounded } from './http-pool.ts';
import { Http1Pool } from './http1-pool.ts';

const GET = { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', version: 'HTTP/1.1', fields: [] };

/** A pool of connections to a server that answers each request, and what it took. */
async function pool(t: Test, idleMs: number) {
  const taken: Socket[] = [];
  const server = createServer((socket) => {
    taken.push(socket);
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const made = new Http1Pool({
    dial: () => dial('127.0.0.1', port),
    connected: 'connect',
    connectTimeoutMs: 1000,
    idleMs,
    bounds: unbounded(),
    keepCase: false,
    prologue: Buffer.alloc(0),
    onOpened() {},
    onClosed() {},
    signsOfLife: null,
    onLimit() {},
  });
  t.teardown(() => {
    made.shutdown();
    server.close();
    for (const socket of taken) socket.destroy();
  });
  /** @returns the status of an answer */
  const ask = () =>
    new Promise<number>((resolve, reject) => {
      const listener = {
        onResponse: ({ status }: { status: number }) => setImmediate(() => resolve(status)),
        onReset: (code: number) => reject(new Error(`reset ${code}`)),
        onInformational() {},
        onData() {},
        onTrailers() {},
        onSent() {},
      } as unknown as StreamListener;
      made.acquire({
        cancelled: false,
        listener,
        onStream: (stream: ClientStream) => stream.sendRequest(GET, true),
        onUnavailable: reject,
      });
    });
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
  const { now } = performance;
  const begunMs = now.call(performance);
  // As where the program was stopped: time has passed, and nothing has run.
  t.intercept(performance, 'now', { value: () => begunMs + 3001 + (now.call(performance) - begunMs) });
  t.equal(await ask(), 204);
  t.equal(taken.length, 2);
  while (!taken[0]!.readableEnded) await new Promise((resolve) => setTimeout(resolve, 5));
});

/** The program is stopped for a while: time passes, and what comes meanwhile waits in its sockets. */
function stopFor(t: Test, ms: number): void {
  const { now } = performance;
  t.intercept(performance, 'now', { value: () => now.call(performance) + ms });
}

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
