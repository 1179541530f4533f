import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';

import { NO_REVOCATIONS } from '../../api/revocations.ts';
import { DEFAULT_IDENTITY_DOMAIN, spiffeIdentity } from '../../api/workload-identity.ts';
import { type Authority, createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { bitString, type DerValue } from '../../core/pki/der.ts';
import { basicConstraints, extendedKeyUsage, extension } from '../../core/pki/extension.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { CLIENT_AUTH, KEY_USAGE, SERVER_AUTH } from '../../core/pki/object-identifiers.ts';
import { withExtensions } from '../../core/testing/odd-certificate.ts';
import { identityOf, TestAuthority } from '../../test/support/mesh.ts';
import { socketOption } from '../../test/support/socket-option.ts';
import { type ConnectError, established } from './dialer.ts';
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
/** What makes the certificate of an authority one that is none. */
const LEAF = [basicConstraints(null), extension(KEY_USAGE, 'critical', bitString(Uint8Array.of(0x80), 7))];
const good = certify(issuer);
const alone = ({ cert, key }: { cert: string; key: string }) => beside({ cert, key }, '');
const foreign = { dns: identityOf('frontend').replace('cluster.local', 'other.local') };
/** What is shown, and why it does not hold, to a server and to a client; '': it holds, and names nobody of this mesh. */
const BAD: Readonly<
  Record<string, readonly [shown: { cert?: string; key?: string }, toServer: string, toClient: string]>
> = {
  'no certificate': [{}, '', ''],
  'an expired certificate': [
    certify(issuer, { lifetimeMs: -90_000, startsInMs: -HOUR }),
    'peer_certificate_expired: \\dm\\d+s ago by this clock',
    'peer_certificate_expired: \\dm\\d+s ago by this clock',
  ],
  'a certificate of tomorrow': [
    certify(issuer, { startsInMs: 301_000 }),
    'peer_certificate_not_yet_valid: the clocks differ',
    'peer_certificate_not_yet_valid: in \\dm',
  ],
  'a certificate of another root': [certify(stranger), 'peer_certificate_untrusted', 'peer_certificate_untrusted'],
  'a certificate of another root beside our issuer': [
    beside(certify(stranger), issuer.certificate),
    'peer_certificate_incomplete: by "stranger"',
    'peer_certificate_incomplete: by "stranger"',
  ],
  'a certificate without the authority between it and the root': [
    alone(good),
    'peer_certificate_incomplete: by "issuer"',
    'peer_certificate_incomplete: by "issuer"',
  ],
  'a certificate signed by itself': [
    {
      cert: withExtensions(stranger.certificate, LEAF, stranger.keyPair.privateKey),
      key: privateKeyPem(stranger.keyPair),
    },
    'peer_certificate_untrusted: by itself',
    'peer_certificate_untrusted: by itself',
  ],
  'a certificate for servers alone': [
    certify(issuer, { extensions: [extendedKeyUsage(SERVER_AUTH)] }),
    'peer_certificate_unfit',
    '',
  ],
  'a certificate for clients alone': [
    certify(issuer, { extensions: [extendedKeyUsage(CLIENT_AUTH)] }),
    '',
    'peer_certificate_unfit',
  ],
  'the certificate of an authority': [
    { cert: issuer.certificate, key: privateKeyPem(issuer.keyPair) },
    'peer_certificate_unfit',
    'peer_certificate_unfit',
  ],
  'a certificate of an authority that names a workload': [
    certify(issuer, { extensions: AUTHORITY }),
    'peer_certificate_unfit',
    'peer_certificate_unfit',
  ],
  'such a one of the root itself': [
    certify(root, { extensions: AUTHORITY }),
    'peer_certificate_unfit',
    'peer_certificate_unfit',
  ],
  'a certificate of a web server under our root': [
    certify(issuer, { dns: 'shop.example.com' }),
    '',
    'destination_identity_mismatch',
  ],
  'a certificate of another trust domain under our root': [
    certify(issuer, foreign),
    '',
    'destination_identity_mismatch',
  ],
};

for (const [what, [shown, toServer, toClient]] of Object.entries(BAD)) {
  t.test(`a client with ${what} is nobody, and told apart`, async (t) => {
    const { accept, mutualTls } = await serve(t);
    const { far } = await accept(shown);
    if (what !== 'a certificate for clients alone')
      t.same(peerOf(far, DOMAIN), { identity: '', spiffe: '', certificateHash: '', alpn: '' });
    const fault = mutualTls.faultOf(far);
    const [reason = '', words = ''] = toServer.split(': ');
    t.equal(fault?.reason ?? '', reason);
    if (fault) t.match(fault.message, new RegExp(words));
  });
  if (toClient === '') continue;
  t.test(`a server with ${what} is refused, and told why`, async (t) => {
    const [reason = '', words = ''] = toClient.split(': ');
    const port = await impostor(t, shown);
    const mutualTls = new MutualTls(() => Date.now());
    mutualTls.use(credentialsOf(good));
    const secure = mutualTls.connect({ host: '127.0.0.1', port, identity: identityOf('frontend'), alpn: [] });
    const error = await established(secure, 2000, 'secureConnect').catch((error: ConnectError) => error);
    t.equal((error as ConnectError).reason, reason);
    t.match((error as ConnectError).message, new RegExp(words));
  });
}

t.test(
  'whose certificate or identity is revoked is refused on either side, and cut off where it is connected',
  async (t) => {
    const { accept, mutualTls, port } = await serve(t);
    const serial = new X509Certificate(good.cert).serialNumber;
    const client = new MutualTls(() => Date.now());
    client.use(credentialsOf(good));
    const dial = () =>
      established(
        client.connect({ host: '127.0.0.1', port, identity: identityOf('frontend'), alpn: [] }),
        2000,
        'secureConnect',
      );
    for (const revocations of [
      { serials: [`${serial.replace(/^0+/, '')}`], identities: [] },
      { serials: [], identities: [SPIFFE] },
    ]) {
      const { near, far } = await accept(good);
      const { near: other } = await accept(
        certify(issuer, { dns: identityOf('worker'), uri: SPIFFE.replace('frontend', 'worker') }),
      );
      const gone = Promise.all([near, far].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
      const ended = mutualTls.revoke(revocations);
      t.match(ended, [{ direction: 'inbound', address: '127.0.0.1', fault: { reason: 'peer_revoked' } }]);
      await gone;
      t.equal(mutualTls.faultOf((await accept(good)).far)?.reason, 'peer_revoked');
      t.equal(other.destroyed, false, 'nobody else is');
      mutualTls.revoke(NO_REVOCATIONS);
      t.equal(mutualTls.faultOf((await accept(good)).far), null, 'what is revoked no more is let in');
    }
    const held = await dial();
    const gone = once(held, 'close');
    const cut = client.revoke({ serials: [], identities: [SPIFFE] });
    t.match(cut, [{ direction: 'outbound', address: '127.0.0.1' }]);
    await gone;
    t.equal(((await dial().catch((error: ConnectError) => error)) as ConnectError).reason, 'peer_revoked');
    t.equal(client.revoke(NO_REVOCATIONS).length, 0);
  },
);

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
    uri = SPIFFE,
    extensions,
  }: { lifetimeMs?: number; startsInMs?: number; dns?: string; uri?: string; extensions?: readonly DerValue[] } = {},
): { cert: string; key: string } {
  const keyPair = generateKeyPair();
  const now = Date.now();
  const leaf = createLeaf(
    {
      spki: spkiOf(keyPair.publicKey),
      sans: { dns: [dns], uris: [uri] },
      workload: null,
      validity: { notBefore: now + startsInMs, notAfter: now + lifetimeMs },
    },
    signerOf(new X509Certificate(authority.certificate), authority.keyPair.privateKey),
  );
  const odd = extensions ? withExtensions(leaf, extensions, authority.keyPair.privateKey) : leaf;
  return { cert: odd + authority.certificate, key: privateKeyPem(keyPair) };
}

/** A server that shows what no proxy of the mesh would. @returns its port */
async function impostor(t: Test, shown: { cert?: string; key?: string }): Promise<number> {
  const server = createTlsServer({ ...shown, minVersion: 'TLSv1.3' }, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
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
  return { accept, mutualTls, port };
}
