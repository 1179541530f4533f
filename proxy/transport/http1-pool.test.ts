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
  return { ask, taken };
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
