import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import koffi from 'koffi';
import t from 'tap';

import { identityOf, TestAuthority } from '../../test/support/mesh.ts';
import { MutualTls } from './mutual-tls.ts';
import { fileDescriptor } from './native-handle.ts';

const getsockopt = koffi
  .load('libc.so.6')
  .func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)');

/** Whether an option of a socket is set, as the kernel says. */
function isSet(socket: Socket, level: number, name: number): boolean {
  const value = Buffer.alloc(4);
  if (getsockopt(fileDescriptor(socket), level, name, value, Uint32Array.of(4)) !== 0) throw new Error('getsockopt');
  return value.readUInt32LE() !== 0;
}

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;

t.test('opens connections that wait for no acknowledgement and notice a vanished peer', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const mutualTls = new MutualTls(() => Date.now());
  mutualTls.use(new TestAuthority().credentials('frontend'));
  const { port } = server.address() as AddressInfo;
  const secure = mutualTls.connect({ host: '127.0.0.1', port, identity: identityOf('api'), alpn: [] });
  secure.on('error', () => {});
  t.teardown(() => {
    secure.destroy();
    server.close();
  });
  await once(secure, 'connect');
  t.ok(isSet(secure, IPPROTO_TCP, TCP_NODELAY), 'no delay');
  t.ok(isSet(secure, SOL_SOCKET, SO_KEEPALIVE), 'keep-alive');
});
