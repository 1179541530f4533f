import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { peek } from './peek.ts';
import { SocketWire } from './socket-wire.ts';

/** Two ends of a TCP connection on loopback. */
async function connected(t: Test): Promise<[accepted: Socket, dialled: Socket]> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dialled = connect({ port: (server.address() as { port: number }).port, allowHalfOpen: true });
  const accepted = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  for (const socket of [accepted, dialled]) socket.on('error', () => {});
  t.teardown(() => {
    for (const socket of [accepted, dialled]) socket.destroy();
    server.close();
  });
  return [accepted, dialled];
}

/** Everything that a wire reads until its peer ends. */
function readAll(wire: SocketWire): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    wire.attach({
      receive: (bytes, start, end) => {
        text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
      },
      onEnd: () => resolve(text),
      onWritable() {},
      onClosed: () => resolve(text),
    });
  });
}

/** A socket of a Node that offers no way to read into a buffer of ours. */
function withoutUserBuffer(socket: Socket): Socket {
  const { _handle: handle } = socket as unknown as { _handle: object };
  Object.defineProperty(handle, 'useUserBuffer', { value: undefined });
  return socket;
}

const LONG = 'abcdefghij'.repeat(30_000);

for (const [way, prepare] of [
  ['into the static buffer', (socket: Socket) => socket],
  ['by data events', withoutUserBuffer],
] as const) {
  t.test(`reads what comes, ${way}`, async (t) => {
    const [accepted, dialled] = await connected(t);
    const read = readAll(new SocketWire(prepare(accepted)));
    dialled.end(LONG, 'latin1');
    t.equal(await read, LONG);
  });

  t.test(`reads first what a look has put back, ${way}`, async (t) => {
    const [accepted, dialled] = await connected(t);
    dialled.write('first ');
    await peek(accepted, () => true, 1000);
    const read = readAll(new SocketWire(prepare(accepted)));
    dialled.end(LONG, 'latin1');
    t.equal(await read, `first ${LONG}`);
  });

  t.test(`hears the end of a peer that has said all before, ${way}`, async (t) => {
    const [accepted, dialled] = await connected(t);
    dialled.end('all');
    await peek(accepted, () => true, 1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal(await readAll(new SocketWire(prepare(accepted))), 'all');
  });

  t.test(`holds a sender back while paused, ${way}`, async (t) => {
    const [accepted, dialled] = await connected(t);
    const wire = new SocketWire(prepare(accepted));
    const read = readAll(wire);
    wire.pause();
    dialled.end(LONG, 'latin1');
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.ok(wire.readOctets < LONG.length);
    wire.resume();
    t.equal(await read, LONG);
  });
}

t.test('many sockets share the buffer and mix nothing up', async (t) => {
  const texts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(200_000));
  const reads = await Promise.all(
    texts.map(async (text) => {
      const [accepted, dialled] = await connected(t);
      const read = readAll(new SocketWire(accepted));
      dialled.end(text);
      return read;
    }),
  );
  t.same(reads, texts);
});

t.test('what many sockets ask for in one turn goes out in one write', async (t) => {
  const [up, server] = await connected(t);
  const upstream = new SocketWire(up);
  let writes = 0;
  const { write } = up;
  up.write = ((...given: Parameters<typeof write>) => {
    writes++;
    return write.apply(up, given);
  }) as typeof write;
  void readAll(upstream);
  let came = 0;
  server.on('data', (chunk: Buffer) => {
    came += chunk.length;
  });
  const clients = await Promise.all(Array.from({ length: 10 }, () => connected(t)));
  for (const [accepted] of clients)
    new SocketWire(accepted).attach({
      receive: (bytes, start, end) => upstream.write(Buffer.from(bytes.subarray(start, end))),
      onEnd() {},
      onWritable() {},
      onClosed() {},
    });
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const [, dialled] of clients) dialled.write('x');
  while (came < 10) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(writes < 10, `${writes} writes`);
});
