import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';

import { DEFAULT_IDENTITY_DOMAIN, spiffeIdentity } from '../../api/workload-identity.ts';
import { type Authority, createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { bitString, type DerValue } from '../../core/pki/der.ts';
import { basicConstraints, extendedKeyUsage, extension } from '../../core/pki/extension.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { KEY_USAGE, SERVER_AUTH } from '../../core/pki/object-identifiers.ts';
import { withExtensions } from '../../core/testing/odd-certificate.ts';
import { identityOf, TestAuthority } from '../../test/support/mesh.ts';
import { socketOption } from '../../test/support/socket-option.ts';
import { type Credentials, MutualTls, peerOf } from './mutual-tls.ts';

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

const HOUR = 3_600_000;
const DOMAIN = DEFAULT_IDENTITY_DOMAIN.trustDomain;
const SPIFFE = spiffeIdentity({ namespace: 'default', serviceAccount: 'frontend' }, DEFAULT_IDENTITY_DOMAIN);
const root = createRoot({ commonName: 'root', lifetimeMs: HOUR });
const issuer = createIssuer({ commonName: 'issuer', lifetimeMs: HOUR }, root);
const stranger = createRoot({ commonName: 'stranger', lifetimeMs: HOUR });

t.test('a client is who its certificate says', async (t) => {
  const { accept } = await serve(t);
  t.same(peerOf((await accept(good)).far, DOMAIN), {
    identity: identityOf('frontend'),
    spiffe: SPIFFE,
    certificateHash: createHash('sha256').update(new X509Certificate(good.cert).raw).digest('hex'),
    alpn: '',
  });
});

/** What makes a leaf that may sign others too. */
const AUTHORITY = [
  basicConstraints({ pathLength: 0 }),
  extension(KEY_USAGE, 'critical', bitString(Uint8Array.of(0x84), 2)), // digitalSignature, keyCertSign
];
const good = certify(issuer);
for (const [what, shown] of Object.entries({
  'no certificate': {},
  'an expired certificate': certify(issuer, { lifetimeMs: -1000 }),
  'a certificate of tomorrow': certify(issuer, { startsInMs: HOUR / 2 }),
  'a certificate of another root': certify(stranger),
  'a certificate of another root beside our issuer': beside(certify(stranger), issuer.certificate),
  'a certificate for servers alone': certify(issuer, { extensions: [extendedKeyUsage(SERVER_AUTH)] }),
  'the certificate of an authority': { cert: issuer.certificate, key: privateKeyPem(issuer.keyPair) },
  'a certificate of an authority that names a workload': certify(issuer, { extensions: AUTHORITY }),
  'a certificate of a web server under our root': certify(issuer, { dns: 'shop.example.com' }),
  'a certificate of another trust domain under our root': certify(issuer, {
    dns: identityOf('frontend').replace('cluster.local', 'other.local'),
  }),
  'such a one of the root itself': certify(root, { extensions: AUTHORITY }),
})) {
  t.test(`a client with ${what} is nobody`, async (t) => {
    const { accept } = await serve(t);
    t.same(peerOf((await accept(shown)).far, DOMAIN), { identity: '', spiffe: '', certificateHash: '', alpn: '' });
  });
}

t.test('our protocols are chosen in the order of preference', async (t) => {
  const { accept } = await serve(t);
  const ALPNProtocols = ['h2', 'transport.l5d.io/v1', 'weft.opaque/1', 'weft.http/1'];
  const { near, far } = await accept({ ...good, ALPNProtocols });
  t.equal(peerOf(far, DOMAIN).alpn, 'weft.http/1');
  t.equal(near.alpnProtocol, 'weft.http/1');
});

t.test('a session is not resumed: it would outlive the certificate that it was made with', async (t) => {
  const { accept } = await serve(t);
  const { near, far } = await accept(good);
  const ticket = once(near, 'session') as Promise<[Buffer]>;
  far.end('x');
  near.resume().end();
  // OpenSSL gives one all the same, but it stands for nothing.
  const [session] = await ticket;
  const second = await accept({ ...good, session });
  t.equal(second.near.isSessionReused(), false);
  t.equal(peerOf(second.far, DOMAIN).identity, identityOf('frontend'));
});

t.test('new credentials hold for new connections, and those that are open go on', async (t) => {
  const { accept, mutualTls } = await serve(t);
  const shown = ({ near }: { near: TLSSocket }) => near.getPeerCertificate().serialNumber;
  const before = await accept(good);
  mutualTls.use(credentialsOf(certify(issuer)));
  const after = await accept(good);
  t.not(shown(after), shown(before));
  before.near.end('still open');
  t.equal(String((await once(before.far, 'data'))[0]), 'still open');
  mutualTls.use({ ...credentialsOf(certify(issuer)), trustBundle: stranger.certificate });
  t.equal(peerOf((await accept(good)).far, DOMAIN).identity, '', 'the roots are the newest too');
  t.equal(peerOf((await accept(certify(stranger))).far, DOMAIN).identity, identityOf('frontend'));
});

t.test('nothing is accepted without credentials, or with expired ones', async (t) => {
  const mutualTls = new MutualTls(() => Date.now());
  const socket = {} as Socket;
  await t.rejects(mutualTls.accept(socket), /no valid certificate/);
  mutualTls.use({ ...credentialsOf(good), notAfter: Date.now() - 1 });
  await t.rejects(mutualTls.accept(socket), /no valid certificate/);
});

t.test('TLS 1.2 is refused', async (t) => {
  const { accept } = await serve(t);
  await t.rejects(accept({ ...good, maxVersion: 'TLSv1.2' }), { code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' });
});

/** A certificate of a frontend by `authority`, as a client shows it; `extensions` take the place of its own of their kinds. */
function certify(
  authority: Authority,
  {
    lifetimeMs = HOUR,
    startsInMs = -60_000,
    dns = identityOf('frontend'),
    extensions,
  }: { lifetimeMs?: number; startsInMs?: number; dns?: string; extensions?: readonly DerValue[] } = {},
): { cert: string; key: string } {
  const keyPair = generateKeyPair();
  const now = Date.now();
  const leaf = createLeaf(
    {
      spki: spkiOf(keyPair.publicKey),
      sans: { dns: [dns], uris: [SPIFFE] },
      workload: null,
      validity: { notBefore: now + startsInMs, notAfter: now + lifetimeMs },
    },
    signerOf(new X509Certificate(authority.certificate), authority.keyPair.privateKey),
  );
  const odd = extensions ? withExtensions(leaf, extensions, authority.keyPair.privateKey) : leaf;
  return { cert: odd + authority.certificate, key: privateKeyPem(keyPair) };
}

/** What is shown with another certificate after its leaf. */
function beside({ cert, key }: { cert: string; key: string }, other: string): { cert: string; key: string } {
  const end = '-----END CERTIFICATE-----\n';
  return { cert: cert.slice(0, cert.indexOf(end) + end.length) + other, key };
}

function credentialsOf({ cert, key }: { cert: string; key: string }): Credentials {
  return { chain: cert, key, trustBundle: root.certificate, notAfter: Date.now() + HOUR };
}

/** A server with mutual TLS. `accept` opens a connection to it and returns both of its ends. */
async function serve(t: Test) {
  const mutualTls = new MutualTls(() => Date.now());
  mutualTls.use(credentialsOf(certify(issuer)));
  const sockets: Socket[] = [];
  let settle: PromiseWithResolvers<TLSSocket>;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    mutualTls.accept(socket).then(settle.resolve, settle.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const accept = async (options: ConnectionOptions) => {
    settle = Promise.withResolvers();
    const near = connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      allowHalfOpen: true,
      ...options,
    } as ConnectionOptions);
    near.on('error', () => {});
    return { near, far: await settle.promise };
  };
  return { accept, mutualTls };
}
