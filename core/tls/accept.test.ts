import { type AddressInfo, connect as connectTcp, createServer, Socket } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';

import { createRoot } from '../pki/authority.ts';
import { privateKeyPem } from '../pki/key-pair.ts';
import { type AcceptOptions, acceptTls } from './accept.ts';

const root = createRoot({ commonName: 'server', lifetimeMs: 3_600_000 });
const secureContext = createSecureContext({
  cert: root.certificate,
  key: privateKeyPem(root.keyPair),
  ca: root.certificate,
});
const options: AcceptOptions = { secureContext, clientCertificate: 'optional', timeoutMs: 5000, alpn: {} };

/** What becomes of the only connection to a server, and how to open one. */
async function serve(t: Test, changed: Partial<AcceptOptions> = {}) {
  const sockets: Socket[] = [];
  const accepted = Promise.withResolvers<TLSSocket>();
  accepted.promise.catch(() => {});
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    acceptTls(socket, { ...options, ...changed }).then(accepted.resolve, accepted.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const client = (choice: ConnectionOptions & { allowHalfOpen?: boolean } = {}) =>
    connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...choice }).on('error', () => {});
  return { port, client, sockets, accepted: accepted.promise };
}

t.test('carries octets both ways, and each direction ends by itself', async (t) => {
  const { client, accepted } = await serve(t);
  const near = client({ allowHalfOpen: true });
  const far = await accepted;
  near.end('question');
  t.equal(await readAll(far), 'question');
  far.end('answer');
  t.equal(await readAll(near), 'answer');
});

t.test('authorizes nobody who shows no certificate', async (t) => {
  const { client, accepted } = await serve(t);
  client();
  t.equal((await accepted).authorized, false);
});

t.test('cuts off who shows no certificate where one is required', async (t) => {
  const { client, accepted, sockets } = await serve(t, { clientCertificate: 'required' });
  const near = client();
  await t.rejects(accepted, { code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' });
  await closed(near);
  t.equal(sockets[0]!.destroyed, true);
});

t.test('cuts off whose certificate does not hold where one is required', async (t) => {
  const { client, accepted } = await serve(t, { clientCertificate: 'required' });
  const stranger = createRoot({ commonName: 'stranger', lifetimeMs: 3_600_000 });
  client({ cert: stranger.certificate, key: privateKeyPem(stranger.keyPair) });
  await t.rejects(accepted, /the client's certificate does not hold: INVALID_PURPOSE/);
});

t.test('gives up a client that says nothing, or goes on without end', async (t) => {
  for (const dripMs of [0, 20]) {
    const { port, accepted, sockets } = await serve(t, { timeoutMs: 200 });
    const silent = connectTcp(port, '127.0.0.1').on('error', () => {});
    // The beginning of a record that never ends.
    silent.write(Buffer.from([22, 3, 1, 0x40, 0]));
    const drip = dripMs > 0 ? setInterval(() => silent.write('\0'), dripMs) : undefined;
    await t.rejects(accepted, /no TLS handshake within 200 ms/);
    clearInterval(drip);
    await closed(sockets[0]!);
    t.equal(sockets[0]!.destroyed, true);
  }
});

t.test('gives up a client that speaks something else, or goes away', async (t) => {
  const talker = await serve(t);
  connectTcp(talker.port, '127.0.0.1')
    .on('error', () => {})
    .write('GET / HTTP/1.1\r\n\r\n');
  await t.rejects(talker.accepted, { code: 'ERR_SSL_HTTP_REQUEST' });
  const leaver = await serve(t);
  connectTcp(leaver.port, '127.0.0.1')
    .on('error', () => {})
    .resetAndDestroy();
  await t.rejects(leaver.accepted);
});

t.test('gives up a client that ends its direction within the handshake', async (t) => {
  for (const words of ['', Buffer.from([22, 3, 1, 0x40, 0])]) {
    const { port, accepted, sockets } = await serve(t);
    connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
      .on('error', () => {})
      .end(words);
    await t.rejects(accepted, /closed during the handshake/);
    await closed(sockets[0]!);
  }
});

t.test('refuses a socket that is gone already', async (t) => {
  await t.rejects(acceptTls(new Socket().destroy(), options), /closed during the handshake/);
});

/** Resolves when a socket is closed, whether or not with an error. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
}

async function readAll(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
}
