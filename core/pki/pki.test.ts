import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

import { WORKLOAD_EXTENSION_OID } from '../../api/certify.ts';
import { createIssuer, createRoot } from './authority.ts';
import { createLeaf, signerOf } from './certificate.ts';
import { createCsr } from './certificate-request.ts';
import { dottedOid, encodeDer, oid, parseDer, sequence, time, utf8String } from './der.ts';
import { generateKeyPair, isP256, parsePrivateKey, privateKeyPem, spkiOf } from './key-pair.ts';
import { decodePem } from './pem.ts';
import { isSignatureValid, readCsr, requestedKey } from './read-certificate-request.ts';
import { isTokenSignatureValid, parseToken, signServiceAccountToken } from './service-account-token.ts';
import { readWorkloadExtension } from './workload-extension.ts';

const DAY_MS = 86_400_000;
const sans = {
  dns: ['web.shop.serviceaccount.identity.weft.cluster.local'],
  uris: ['spiffe://cluster.local/ns/shop/sa/web'],
};
const root = createRoot({ commonName: 'root', lifetimeMs: 10 * DAY_MS });
const issuer = createIssuer({ commonName: 'issuer', lifetimeMs: 5 * DAY_MS }, root);
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

function leafOf(workload: { pod: string; uid: string } | null): X509Certificate {
  const certificate = new X509Certificate(issuer.certificate);
  const now = Date.now();
  const pem = createLeaf(
    {
      spki: spkiOf(generateKeyPair().publicKey),
      sans,
      workload,
      validity: { notBefore: now - 60_000, notAfter: now + DAY_MS },
    },
    signerOf(certificate, issuer.keyPair.privateKey),
  );
  return new X509Certificate(pem);
}

t.test('writes a request that it reads back and whose signature proves possession', async (t) => {
  const keyPair = generateKeyPair();
  const request = readCsr(createCsr({ keyPair, sans }));
  if (typeof request === 'string') throw new Error(request);
  t.same(request.sans, { ...sans, others: 0 });
  t.ok(request.isP256);
  t.ok(request.isEcdsaSha256);
  t.notOk(request.asksForAuthority);
  t.ok(isSignatureValid(request, requestedKey(request)!));
  t.notOk(isSignatureValid(request, generateKeyPair().publicKey), 'another key');
});

t.test('encodes identifiers whose arcs exceed 32 bits', async (t) => {
  t.equal(encodeDer(oid(WORKLOAD_EXTENSION_OID)).toString('hex'), encodedOid(WORKLOAD_EXTENSION_OID));
  for (const dotted of ['1.2.840.10045.4.3.2', '2.5.29.17', WORKLOAD_EXTENSION_OID, '0.9.2342']) {
    t.equal(dottedOid(parseDer(encodeDer(oid(dotted)))!), dotted);
  }
});

t.test('writes times as RFC 5280 wants them, before and after 2050', async (t) => {
  t.equal(encodeDer(time(Date.UTC(2049, 11, 31, 23, 59, 59))).toString('latin1'), '\x17\x0d491231235959Z');
  t.equal(encodeDer(time(Date.UTC(2050, 0, 1))).toString('latin1'), '\x18\x0f20500101000000Z');
});

t.test('builds a chain that node verifies', async (t) => {
  const leaf = leafOf({ pod: 'web-1', uid: 'a1b2' });
  const issued = new X509Certificate(issuer.certificate);
  const anchor = new X509Certificate(root.certificate);
  t.ok(leaf.checkIssued(issued) && leaf.verify(issued.publicKey));
  t.ok(issued.checkIssued(anchor) && issued.verify(anchor.publicKey));
  t.ok(anchor.verify(anchor.publicKey));
  t.same([leaf.ca, issued.ca, anchor.ca], [false, true, true]);
  t.equal(leaf.subjectAltName, `DNS:${sans.dns[0]}, URI:${sans.uris[0]}`);
  t.equal(leaf.serialNumber.length, 32);
  t.not(leaf.serialNumber, leafOf(null).serialNumber);
});

t.test('writes addresses of both families', async (t) => {
  const pem = createLeaf(
    {
      spki: spkiOf(generateKeyPair().publicKey),
      sans: { dns: [], uris: [], ips: ['10.99.0.1', '::1', 'fd00:1::2:3', '1:2:3:4:5:6:7:8'] },
      workload: null,
      validity: { notBefore: Date.now(), notAfter: Date.now() + DAY_MS },
    },
    signerOf(new X509Certificate(issuer.certificate), issuer.keyPair.privateKey),
  );
  const leaf = new X509Certificate(pem);
  for (const ip of ['10.99.0.1', '::1', 'fd00:1::2:3', '1:2:3:4:5:6:7:8']) t.equal(leaf.checkIP(ip), ip);
  t.notOk(leaf.checkIP('10.99.0.2'));
});

t.test('does not let an issuer outlive its root', async (t) => {
  const long = createIssuer({ commonName: 'long', lifetimeMs: 100 * DAY_MS }, root);
  t.equal(new X509Certificate(long.certificate).validTo, new X509Certificate(root.certificate).validTo);
});

t.test('carries the workload in the private extension', async (t) => {
  t.same(readWorkloadExtension(leafOf({ pod: 'wéb', uid: 'a1b2' }).raw), { pod: 'wéb', uid: 'a1b2' });
  t.equal(readWorkloadExtension(leafOf(null).raw), null);
  t.equal(readWorkloadExtension(leafOf({ pod: '', uid: 'a1b2' }).raw), null, 'an empty name is no workload');
  t.equal(readWorkloadExtension(new X509Certificate(root.certificate).raw), null);
  t.equal(readWorkloadExtension(Buffer.from('not DER')), null);
});

t.test('reads every truncation and every flipped octet of a request without an exception', async (t) => {
  const keyPair = generateKeyPair();
  const der = decodePem(createCsr({ keyPair, sans }), 'CERTIFICATE REQUEST')![0]!;
  const pemOf = (bytes: Uint8Array) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  let accepted = 0;
  for (let end = 0; end < der.length; end++) {
    if (typeof readCsr(pemOf(der.subarray(0, end))) !== 'string') accepted++;
  }
  t.equal(accepted, 0, 'no truncation is a request');
  let signed = 0;
  for (let at = 0; at < der.length; at++) {
    const copy = Buffer.from(der);
    copy[at] = copy[at]! ^ 0x01;
    const request = readCsr(pemOf(copy));
    if (typeof request === 'string' || !request.isP256 || !request.isEcdsaSha256) continue;
    const key = requestedKey(request);
    if (key && isSignatureValid(request, key)) signed++;
  }
  t.equal(signed, 0, 'no changed octet leaves the signature valid');
});

t.test('refuses hostile DER', async (t) => {
  const deep = Buffer.concat(Array.from({ length: 4000 }, () => Buffer.from([0x30, 0x80])));
  t.equal(parseDer(deep), null, 'deep nesting');
  t.equal(parseDer(Buffer.from([0x30, 0x80, 0x02, 0x01, 0x01, 0x00, 0x00])), null, 'indefinite length');
  t.equal(parseDer(Buffer.from([0x30, 0x81, 0x03, 0x02, 0x01, 0x01])), null, 'needlessly long length');
  t.equal(parseDer(Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])), null, 'a length of 4 GiB');
  t.equal(parseDer(Buffer.from([0x02, 0x01, 0x01, 0x00])), null, 'octets after the value');
  t.equal(parseDer(Buffer.alloc(0)), null, 'nothing');
  t.same(encodeDer(parseDer(encodeDer(sequence(utf8String('x'))))!), encodeDer(sequence(utf8String('x'))));
});

t.test('says what is wrong with the PEM of a request', async (t) => {
  const pem = createCsr({ keyPair: generateKeyPair(), sans });
  t.match(readCsr(''), 'holds 0 PEM blocks');
  t.match(readCsr(pem + pem), 'holds 2 PEM blocks');
  t.match(readCsr(pem.slice(0, 200)), 'cut off');
  t.match(readCsr(pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')), 'holds 0 PEM blocks');
  t.match(
    readCsr('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'),
    'its octets are no DER',
  );
});

t.test('decodes 64 KiB of hostile PEM in little time', async (t) => {
  const began = performance.now();
  for (const text of ['-----BEGIN A-----\n'.repeat(3600), `-----BEGIN CERTIFICATE-----${' \n'.repeat(32_000)}`]) {
    t.equal(decodePem(text, 'CERTIFICATE'), null);
  }
  t.ok(performance.now() - began < 2000, `${performance.now() - began} ms`);
});

t.test('tells P-256 from other keys and reads private keys of both forms', async (t) => {
  const pair = generateKeyPair();
  t.ok(isP256(spkiOf(pair.publicKey)));
  t.notOk(isP256(spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey)));
  t.notOk(isP256(spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)));
  t.ok(parsePrivateKey(privateKeyPem(pair))?.publicKey.equals(pair.publicKey), 'PKCS #8');
  const sec1 = pair.privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  t.ok(parsePrivateKey(sec1)?.publicKey.equals(pair.publicKey), 'SEC 1');
  t.equal(parsePrivateKey('no key'), null);
});

t.test('signs tokens that verify under their own key and ES256 alone', async (t) => {
  const key = generateKeyPair();
  const token = signServiceAccountToken(
    {
      iss: 'weft',
      aud: ['identity.weft.dev'],
      exp: 2,
      nbf: 1,
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'web-1', uid: 'a' },
        serviceaccount: { name: 'web', uid: 'b' },
      },
    },
    key.privateKey,
  );
  const parsed = parseToken(token)!;
  t.equal(parsed.claims.sub, 'system:serviceaccount:shop:web');
  t.ok(isTokenSignatureValid(parsed, key.publicKey));
  t.notOk(isTokenSignatureValid(parsed, generateKeyPair().publicKey));
  t.notOk(isTokenSignatureValid({ ...parsed, algorithm: 'none' }, key.publicKey));
  t.notOk(isTokenSignatureValid({ ...parsed, signed: `${parsed.signed}x` }, key.publicKey));
  for (const wrong of ['', 'a.b', 'a.b.c', `${token}.x`, token.replace('.', '')]) t.equal(parseToken(wrong), null);
});

t.test('satisfies openssl', { skip: hasOpenssl ? false : 'openssl is not installed' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-pki-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const keep = (name: string, text: string) => writeFileSync(join(folder, name), text);
  keep('root.pem', root.certificate);
  keep('issuer.pem', issuer.certificate);
  keep('leaf.pem', leafOf({ pod: 'web-1', uid: 'a1b2' }).toString());
  keep('csr.pem', createCsr({ keyPair: generateKeyPair(), sans }));
  const openssl = (...args: string[]) => {
    const run = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    return { status: run.status, text: run.stdout + run.stderr };
  };
  const request = openssl('req', '-in', 'csr.pem', '-noout', '-verify');
  t.match(request.text, /verify OK/);
  for (const purpose of ['sslserver', 'sslclient']) {
    const hostname = purpose === 'sslserver' ? ['-verify_hostname', sans.dns[0]!] : [];
    const chain = openssl(
      ...['verify', '-x509_strict', '-purpose', purpose, ...hostname],
      ...['-CAfile', 'root.pem', '-untrusted', 'issuer.pem', 'leaf.pem'],
    );
    t.match(chain.text, /leaf.pem: OK/);
  }
  t.match(openssl('x509', '-in', 'leaf.pem', '-noout', '-text').text, WORKLOAD_EXTENSION_OID);
});

/** The definition of X.690 section 8.19 in big integers, to check the one in floating point against. */
function encodedOid(dotted: string): string {
  const [first, second, ...rest] = dotted.split('.').map(BigInt);
  const octets = [first! * 40n + second!, ...rest].flatMap((arc) => {
    const groups = [Number(arc & 127n)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 127n) | 128);
    return groups;
  });
  return Buffer.from([6, octets.length, ...octets]).toString('hex');
}
