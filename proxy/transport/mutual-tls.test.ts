import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';

import { identityOf, TestAuthority } from '../../test/support/mesh.ts';
import { socketOption } from '../../test/support/socket-option.ts';
import { MutualTls } from './mutual-tls.ts';

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
  t.ok(socketOption(secure, IPPROTO_TCP, TCP_NODELAY) !== 0, 'no delay');
  t.ok(socketOption(secure, SOL_SOCKET, SO_KEEPALIVE) !== 0, 'keep-alive');
});
