import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';

import { fileDescriptor, queueInCopies, readIntoStaticBuffer } from './native-handle.ts';

t.test('Node still has what is used of its handles', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = await accepted;
  t.teardown(() => {
    near.destroy();
    far.destroy();
    server.close();
  });

  t.ok(fileDescriptor(far) > 2, 'the descriptor of an accepted socket');
  queueInCopies(far);
  near.write('first');
  await once(far, 'readable');
  const first = far.read() as Buffer;
  t.equal(String(first), 'first');
  t.equal(first.buffer.byteLength, 5, 'what is queued takes its own size');

  const heard = Promise.withResolvers<{ text: string; bytes: Buffer }>();
  const onRead = (octets: number, bytes: Buffer) => heard.resolve({ text: bytes.toString('latin1', 0, octets), bytes });
  t.equal(readIntoStaticBuffer(far, onRead), true);
  far.resume();
  near.write('second');
  const { text, bytes } = await heard.promise;
  t.equal(text, 'second');
  t.equal(bytes.length, 65_536, 'what is read lies in the static buffer');

  far.destroy();
  await once(far, 'close');
  t.equal(fileDescriptor(far), -1);
  t.equal(readIntoStaticBuffer(far, onRead), false, 'a closed socket has no handle');
});
