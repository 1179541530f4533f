import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

import { createLog } from '../../core/log/log.ts';
import { type Authority, createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createAuthority, createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { systemClock } from '../../core/time/clock.ts';
import { CurrentIssuer } from './current-issuer.ts';
import { Issuer } from './issuer.ts';
import { IssuerError, type IssuerFault } from './issuer-material.ts';
import { directorySource } from './issuer-source.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS, now: NOW });
const authority = createIssuer({ commonName: 'issuer', lifetimeMs: 10 * HOUR_MS, now: NOW }, root);
const log = createLog('test', 'silent');

/** An authority between `parent` and others, with as many levels below as told. */
function intermediate(parent: Authority, pathLength: number | null): Authority {
  const keyPair = generateKeyPair();
  const certificate = createAuthority(
    {
      commonName: 'intermediate',
      spki: spkiOf(keyPair.publicKey),
      validity: { notBefore: NOW - HOUR_MS, notAfter: NOW + 5 * HOUR_MS },
      pathLength,
    },
    signerOf(new X509Certificate(parent.certificate), parent.keyPair.privateKey),
  );
  return { certificate, keyPair };
}

function filesOf(issuer: Authority, ...others: Authority[]): Record<string, string> {
  return {
    'tls.crt': [issuer, ...others].map(({ certificate }) => certificate).join(''),
    'tls.key': privateKeyPem(issuer.keyPair),
  };
}

function faultOf(files: Record<string, string>, roots: string | null = root.certificate, now = NOW): string {
  try {
    new Issuer({ files, roots }, now);
    return 'none';
  } catch (error) {
    return error instanceof IssuerError ? error.code : String(error);
  }
}

t.test('loads an issuer from either pair of names', async (t) => {
  const { 'tls.crt': certificate, 'tls.key': key } = filesOf(authority) as { 'tls.crt': string; 'tls.key': string };
  t.equal(faultOf({ 'tls.crt': certificate, 'tls.key': key }), 'none');
  t.equal(faultOf({ 'crt.pem': certificate, 'key.pem': key }), 'none');
  t.equal(faultOf({ 'tls.crt': certificate, 'tls.key': key, 'ca.crt': root.certificate }, null), 'none');
});

t.test('sends intermediates in order and neither root nor strangers', async (t) => {
  const middle = intermediate(root, null);
  const below = createIssuer({ commonName: 'below', lifetimeMs: HOUR_MS, now: NOW }, middle);
  const stranger = createRoot({ commonName: 'stranger', lifetimeMs: HOUR_MS, now: NOW });
  const issuer = new Issuer({ files: filesOf(below, root, stranger, middle), roots: root.certificate }, NOW);
  const issued = issuer.sign(
    { spki: spkiOf(generateKeyPair().publicKey), sans: { dns: ['a'], uris: [] }, workload: null, lifetimeMs: 1000 },
    NOW,
  )!;
  const blocks = issued.chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  t.same(blocks.slice(1), [below.certificate, middle.certificate]);
  t.equal(issuer.notAfter, NOW + HOUR_MS);
});

t.test('signs with a root itself, and sends the leaf alone', async (t) => {
  const issuer = new Issuer({ files: filesOf(root), roots: null }, NOW);
  const issued = issuer.sign(
    { spki: spkiOf(generateKeyPair().publicKey), sans: { dns: ['a'], uris: [] }, workload: null, lifetimeMs: 1000 },
    NOW,
  )!;
  t.equal(issued.chain, issued.leaf);
});

/** How each fault comes about. The compiler demands that none is left out. */
const FAULTS: Record<Exclude<IssuerFault, 'issuer_not_accepted'>, () => string> = {
  issuer_certificate_missing: () => faultOf({ 'tls.key': 'x' }),
  issuer_certificate_malformed: () => faultOf({ ...filesOf(authority), 'tls.crt': authority.certificate.slice(0, 99) }),
  issuer_key_missing: () => faultOf({ 'tls.crt': authority.certificate }),
  issuer_key_malformed: () => faultOf({ ...filesOf(authority), 'tls.key': 'no key' }),
  issuer_key_not_p256: () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    return faultOf({ ...filesOf(authority), 'tls.key': privateKey.export({ type: 'pkcs8', format: 'pem' }) as string });
  },
  issuer_key_mismatch: () => faultOf({ ...filesOf(authority), 'tls.key': privateKeyPem(generateKeyPair()) }),
  issuer_not_ca: () => {
    const keyPair = generateKeyPair();
    const certificate = createLeaf(
      {
        spki: spkiOf(keyPair.publicKey),
        sans: { dns: ['a'], uris: [] },
        workload: null,
        validity: { notBefore: NOW - 1000, notAfter: NOW + HOUR_MS },
      },
      signerOf(new X509Certificate(root.certificate), root.keyPair.privateKey),
    );
    return faultOf(filesOf({ certificate, keyPair }));
  },
  issuer_expired: () => faultOf(filesOf(authority), root.certificate, NOW + 11 * HOUR_MS),
  issuer_not_yet_valid: () => faultOf(filesOf(authority), root.certificate, NOW - HOUR_MS),
  issuer_path_too_long: () => {
    const middle = intermediate(root, 0);
    return faultOf(filesOf(createIssuer({ commonName: 'below', lifetimeMs: HOUR_MS, now: NOW }, middle), middle));
  },
  issuer_not_trusted: () =>
    faultOf(filesOf(authority), createRoot({ commonName: 'root', lifetimeMs: HOUR_MS, now: NOW }).certificate),
  trust_roots_missing: () => faultOf(filesOf(authority), null),
  trust_roots_malformed: () => faultOf(filesOf(authority), ''),
};

t.test('refuses an issuer with each of its reasons', async (t) => {
  for (const [code, provoke] of Object.entries(FAULTS)) t.equal(provoke(), code);
});

t.test('does not trust an issuer whose root has expired', async (t) => {
  const short = createRoot({ commonName: 'short', lifetimeMs: HOUR_MS, now: NOW });
  const outliving = intermediate(short, null);
  t.equal(faultOf(filesOf(outliving), short.certificate, NOW + 2 * HOUR_MS), 'issuer_not_trusted');
});

t.test('replaces the issuer live and keeps the old one where the new one is bad', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-issuer-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const write = (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  };
  write({ ...filesOf(authority), 'ca.crt': root.certificate });
  const clock = { ...systemClock, now: () => NOW };
  const current = await CurrentIssuer.load({
    source: directorySource(folder, null),
    trial: async () => {},
    clock,
    log,
  });
  const changes: Issuer[] = [];
  current.onChange((issuer) => changes.push(issuer));
  const first = current.get();

  await current.refresh();
  t.equal(current.get(), first, 'nothing changed');

  write({ 'tls.key': 'half written' });
  await current.refresh();
  await current.refresh();
  t.equal(current.get(), first, 'a bad key leaves the old issuer');
  t.equal(current.rejectedChanges, 1, 'each change is counted once');

  const second = createIssuer({ commonName: 'second', lifetimeMs: HOUR_MS, now: NOW }, root);
  write(filesOf(second));
  await current.refresh();
  t.match(current.get().certificate.subject, 'second');
  t.equal(changes.length, 1);

  rmSync(join(folder, 'tls.crt'));
  await current.refresh();
  t.match(current.get().certificate.subject, 'second', 'a file that is gone leaves the old issuer');
});

t.test('a fault has advice where there is some', async (t) => {
  t.equal(new IssuerError('issuer_key_missing', 'there is no key').hint, '');
  t.equal(new IssuerError('issuer_key_missing', 'there is no key', 'bring one').hint, 'bring one');
});
