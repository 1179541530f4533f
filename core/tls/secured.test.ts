import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import t from 'tap';

import { createRoot } from '../pki/authority.ts';
import { privateKeyPem } from '../pki/key-pair.ts';
import { secured } from './secured.ts';

const root = createRoot({ commonName: 'server', lifetimeMs: 3_600_000 });
const material = { cert: root.certificate, key: privateKeyPem(root.keyPair), ca: root.certificate };

t.test('Node still has what is used of it, and means the same', async (t) => {
  const secure = Promise.withResolvers<TLSSocket>();
  const server = createServer((socket) => {
    const options = { isServer: true, secureContext: createSecureContext(material), requestCert: true };
    const far = new TLSSocket(socket, options);
    far.on('error', () => {});
    far.once('secure', () => secure.resolve(far));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const near = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {});
  const far = (await secure.promise) as TLSSocket & {
    _handle: { verifyError(): (Error & { code: string }) | null };
    _releaseControl(): boolean;
    secureConnecting: boolean;
  };
  t.teardown(() => {
    near.destroy();
    server.close();
  });
  t.type(far._handle.verifyError, 'function');
  t.equal(far._handle.verifyError()?.code, 'UNABLE_TO_GET_ISSUER_CERT');
  t.type(far._releaseControl, 'function');
  t.equal(far.secureConnecting, true);

  t.equal(secured(far), 'UNABLE_TO_GET_ISSUER_CERT', 'what is wrong is said');
  t.equal(far.authorized, false);
  t.equal(far.secureConnecting, false);
  t.equal(far._releaseControl(), false, 'it was released before');

  const heard = once(far, 'error');
  // The socket below, where a record that nobody encrypted is a fault of TLS.
  (
    near as unknown as { _handle: { _parent: { writeLatin1String(request: object, text: string): number } } }
  )._handle._parent.writeLatin1String({}, `\x17\x03\x03\x00\x20${'x'.repeat(32)}`);
  t.match(await heard, [{ code: /^ERR_SSL_/ }], 'a fault after the handshake is heard');
});

t.test('authorizes nobody on a Node that cannot be asked', async (t) => {
  const socket = { _handle: {}, isSessionReused: () => false } as unknown as TLSSocket;
  t.equal(secured(socket), 'UNKNOWN');
  t.equal(socket.authorized, false);
});

t.test('authorizes nobody by a resumed session', async (t) => {
  const socket = { _handle: { verifyError: () => null }, isSessionReused: () => true } as unknown as TLSSocket;
  t.equal(secured(socket), 'SESSION_RESUMED');
  t.equal(socket.authorized, false);
});
