import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { type Authority, createRoot } from '../../core/pki/authority.ts';
import { createAuthority, createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { basicConstraints, subjectKeyIdentifier } from '../../core/pki/extension.ts';
import { generateKeyPair, type KeyPair, spkiOf } from '../../core/pki/key-pair.ts';
import { withExtensions } from '../../core/testing/odd-certificate.ts';
import { IssuerError } from './issuer-material.ts';
import { verifyChain } from './trust-chain.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS, now: NOW });

interface Shape {
  readonly name?: string;
  readonly pathLength?: number | null;
  readonly from?: number;
  readonly to?: number;
  readonly keyPair?: KeyPair;
}

/** An authority that `parent` has signed. */
function below(parent: Authority, shape: Shape = {}): Authority {
  const { name = 'below', pathLength = null, from = NOW - HOUR_MS, to = NOW + HOUR_MS } = shape;
  const keyPair = shape.keyPair ?? generateKeyPair();
  const certificate = createAuthority(
    { commonName: name, spki: spkiOf(keyPair.publicKey), validity: { notBefore: from, notAfter: to }, pathLength },
    signerOf(new X509Certificate(parent.certificate), parent.keyPair.privateKey),
  );
  return { certificate, keyPair };
}

const read = (...authorities: { certificate: string }[]) =>
  authorities.map(({ certificate }) => new X509Certificate(certificate));

function faultOf(chain: readonly X509Certificate[], roots: readonly X509Certificate[], now = NOW): string {
  try {
    verifyChain(chain, roots, now);
    return '';
  } catch (error) {
    if (!(error instanceof IssuerError)) throw error;
    return error.code;
  }
}

const issuer = below(root);
const [certificate] = read(issuer) as [X509Certificate];

t.test('an issuer that a root has signed is trusted', async (t) => {
  const verified = verifyChain([certificate], read(root), NOW);
  t.same(verified.chain, [certificate]);
  t.ok(verified.root.raw.equals(read(root)[0]!.raw));
  t.equal(verified.notAfter, NOW + HOUR_MS);
});

t.test('whoever has signed it must be an authority, bear the name, and have the key', async (t) => {
  const noAuthority = withExtensions(root.certificate, [basicConstraints(null)], root.keyPair.privateKey);
  t.equal(faultOf([certificate], [new X509Certificate(noAuthority)]), 'issuer_not_trusted', 'no authority');
  const otherName = below(root, { name: 'other', keyPair: root.keyPair });
  t.equal(faultOf([certificate], read(otherName)), 'issuer_not_trusted', 'its key under another name');
  // The same name and the same identifier of its key, but another key.
  const other = createRoot({ commonName: 'root', lifetimeMs: HOUR_MS, now: NOW });
  const identifier = Buffer.from(keyIdentifierOf(root.certificate), 'hex');
  const impostor = withExtensions(other.certificate, [subjectKeyIdentifier(identifier)], other.keyPair.privateKey);
  t.equal(faultOf([certificate], [new X509Certificate(impostor)]), 'issuer_not_trusted', 'its name over another key');
  t.equal(faultOf([certificate], [...read(other), ...read(root)]), '', 'another root beside the right one is no harm');
  t.equal(faultOf([certificate], []), 'issuer_not_trusted');
});

t.test('the same holds for every certificate on the way', async (t) => {
  const middle = below(root, { name: 'middle' });
  const last = below(middle);
  t.equal(faultOf(read(last, middle), read(root)), '');
  t.equal(faultOf(read(last), read(root)), 'issuer_not_trusted');
  const noAuthority = new X509Certificate(
    withExtensions(middle.certificate, [basicConstraints(null)], root.keyPair.privateKey),
  );
  t.equal(faultOf([...read(last), noAuthority], read(root)), 'issuer_not_trusted');
  const expired = below(root, { name: 'middle', to: NOW, keyPair: middle.keyPair });
  t.equal(faultOf(read(last, expired), read(root)), 'issuer_expired');
});

t.test('certificates that go round in a circle lead nowhere', async (t) => {
  const a = generateKeyPair();
  const b = below({ certificate: below(root, { name: 'a', keyPair: a }).certificate, keyPair: a }, { name: 'b' });
  const again = below(b, { name: 'a', keyPair: a });
  t.equal(
    faultOf(read(again, b), read(createRoot({ commonName: 'x', lifetimeMs: HOUR_MS, now: NOW }))),
    'issuer_not_trusted',
  );
});

t.test('validity has both its ends', async (t) => {
  for (const [from, to, fault] of [
    [NOW, NOW + 1000, ''],
    [NOW + 1000, NOW + 2000, 'issuer_not_yet_valid'],
    [NOW - 1000, NOW, 'issuer_expired'],
  ] as const)
    t.equal(faultOf(read(below(root, { from, to })), read(root)), fault, `${from - NOW} ${to - NOW}`);
  // A root says nothing where it is not valid: the chain leads nowhere.
  for (const [now, fault] of [
    [NOW, ''],
    [NOW - 1000, 'issuer_not_trusted'],
    [NOW + 999, ''],
    [NOW + 1000, 'issuer_not_trusted'],
  ] as const) {
    const rooted = below(root, { name: 'short', from: NOW, to: NOW + 1000, keyPair: root.keyPair });
    const member = below(rooted, { from: NOW - HOUR_MS });
    t.equal(faultOf(read(member), read(rooted), now), fault, `${now - NOW}`);
  }
});

t.test('of roots that share name and key the one that lasts longest counts', async (t) => {
  const roots = [1, 3, 2].map((hours) =>
    below(root, { name: 'anchor', to: NOW + hours * HOUR_MS, keyPair: root.keyPair }),
  );
  const member = below(roots[0]!, { to: NOW + 9 * HOUR_MS });
  t.equal(verifyChain(read(member), read(...roots), NOW).notAfter, NOW + 3 * HOUR_MS);
});

t.test('nothing outlives what it rests upon', async (t) => {
  const middle = below(root, { name: 'middle', to: NOW + 2 * HOUR_MS });
  const last = below(middle, { to: NOW + 5 * HOUR_MS });
  t.equal(verifyChain(read(last, middle), read(root), NOW).notAfter, NOW + 2 * HOUR_MS);
  const short = createRoot({ commonName: 'short', lifetimeMs: HOUR_MS, now: NOW });
  const outliving = below(short, { to: NOW + 5 * HOUR_MS });
  t.equal(verifyChain(read(outliving), read(short), NOW).notAfter, read(short)[0]!.validToDate.getTime());
});

t.test('an authority may say how many authorities stand below it', async (t) => {
  for (const [first, second, fault] of [
    [null, null, ''],
    [1, 0, ''],
    [0, null, 'issuer_path_too_long'],
    [1, null, ''],
    [null, 0, ''],
  ] as const) {
    const middle = below(root, { name: 'middle', pathLength: first });
    const last = below(middle, { pathLength: second });
    t.equal(faultOf(read(last, middle), read(root)), fault, `${first} ${second}`);
  }
  // The root's own limit counts too, and a root that issues by itself has nothing below it.
  const limited = below(root, { name: 'limited', pathLength: 0, keyPair: root.keyPair });
  t.equal(faultOf(read(below(limited)), read(limited)), 'issuer_path_too_long');
  t.equal(faultOf(read(limited), [...read(root), ...read(limited)]), '');
});

t.test('a root that issues by itself is its own way, and is not sent', async (t) => {
  const verified = verifyChain(read(root), read(root), NOW);
  t.same(verified.chain, []);
  t.ok(verified.root.raw.equals(read(root)[0]!.raw));
});

t.test('says who is at fault, whatever its name looks like', async (t) => {
  const leaf = createLeaf(
    {
      spki: spkiOf(generateKeyPair().publicKey),
      sans: { dns: ['web.example'], uris: [] },
      workload: null,
      validity: { notBefore: NOW - HOUR_MS, notAfter: NOW + HOUR_MS },
    },
    signerOf(new X509Certificate(root.certificate), root.keyPair.privateKey),
  );
  t.throws(() => verifyChain([new X509Certificate(leaf)], read(root), NOW), {
    code: 'issuer_not_ca',
    message: /web\.example/,
  });
  t.throws(() => verifyChain([certificate], [], NOW), { message: /CN=below.*none of the 0 trust roots/ });
});

/** Of its extension, hexadecimal; the certificate's last SEQUENCEs hold it as the key's SHA-1 or the like. */
function keyIdentifierOf(pem: string): string {
  const hex = new X509Certificate(pem).raw.toString('hex');
  const at = hex.indexOf('0603551d0e');
  const octets = Number.parseInt(hex.slice(at + 16, at + 18), 16);
  return hex.slice(at + 18, at + 18 + 2 * octets);
}
