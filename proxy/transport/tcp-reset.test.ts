import { once } from 'node:events';
import type { Socket } from 'node:net';
import t from 'tap';

import { Loopback } from './loopback.ts';
import { resetConnection } from './tcp-reset.ts';
import { socketPair } from './testing/socket-pair.ts';

/** How the other side sees a connection end. */
function seenBy(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.resume();
    socket.on('end', () => socket.on('close', () => resolve('end')));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
  });
}

for (const [how, prepare] of Object.entries({
  'that is open': () => {},
  'whose end is on its way': (socket: Socket) => {
    socket.write('x');
    socket.end();
  },
  'that waits for its peer to read': (socket: Socket) => {
    socket.write(Buffer.alloc(8_000_000));
    socket.end();
  },
}))
  t.test(`a connection ${how} is reset, and closed`, async (t) => {
    const { near, far } = await socketPair(t);
    const seen = seenBy(far);
    prepare(near);
    resetConnection(near);
    await once(near, 'close');
    t.equal(await seen, 'ECONNRESET');
  });

t.test('a connection within the process is reset, whose end is on its way too', async (t) => {
  for (const isEnded of [false, true]) {
    const accepted = Promise.withResolvers<Socket>();
    const near = new Loopback(['10.0.0.1'], (socket) => accepted.resolve(socket)).connect({
      host: '10.0.0.1',
      port: 80,
    });
    const far = await accepted.promise;
    for (const socket of [near, far]) socket.on('error', () => {});
    const seen = seenBy(far);
    if (isEnded) near.end();
    resetConnection(near);
    t.equal(await seen, 'ECONNRESET');
  }
});
