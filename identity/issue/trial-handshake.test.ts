import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { createLog } from '../../core/log/log.ts';
import { type Authority, createIssuer, createRoot } from '../../core/pki/authority.ts';
import { createAuthority, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { systemClock } from '../../core/time/clock.ts';
import { CurrentIssuer } from './current-issuer.ts';
import { Issuer } from './issuer.ts';
import type { IssuerMaterial } from './issuer-material.ts';
import { trialHandshake } from './trial-handshake.ts';

const HOUR_MS = 3_600_000;
const now = Date.now();
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS });
const middle = below(root, 'middle');
const issuer = below(middle, 'issuer');

function below(parent: Authority, commonName: string): Authority {
  const keyPair = generateKeyPair();
  const validity = { notBefore: now - HOUR_MS, notAfter: now + HOUR_MS };
  const certificate = createAuthority(
    { commonName, spki: spkiOf(keyPair.publicKey), validity, pathLength: null },
    signerOf(new X509Certificate(parent.certificate), parent.keyPair.privateKey),
  );
  return { certificate, keyPair };
}

function materialOf({ certificate, keyPair }: Authority, roots: string, ...chain: Authority[]): IssuerMaterial {
  const text = [certificate, ...chain.map((each) => each.certificate)].join('');
  return { files: { 'tls.crt': text, 'tls.key': privateKeyPem(keyPair) }, roots };
}

const trial = (material: IssuerMaterial) => trialHandshake(new Issuer(material, now), now);

t.test('takes an issuer below a self-signed root, at any depth, and a root that signs itself', async (t) => {
  await t.resolves(trial(materialOf(root, root.certificate)));
  await t.resolves(trial(materialOf(middle, root.certificate)));
  await t.resolves(trial(materialOf(issuer, root.certificate, middle)));
  await t.resolves(trial(materialOf(issuer, root.certificate + middle.certificate)), 'the middle is trusted as well');
});

t.test('refuses trust roots without one that is self-signed, as every proxy would', async (t) => {
  await t.rejects(trial(materialOf(issuer, middle.certificate)), {
    code: 'issuer_not_accepted',
    message: /TLS refuses what the issuer "CN=issuer" signs: UNABLE_TO_GET_ISSUER_CERT/,
  });
});

t.test('an issuer that TLS would refuse is not put in force, and the one before stays', async (t) => {
  const state = { material: materialOf(issuer, root.certificate, middle) };
  const source = { name: 'test', read: async () => state.material };
  const settings = { source, trial: trialHandshake, clock: systemClock, log: createLog('test', 'silent') };
  const current = await CurrentIssuer.load(settings);
  const before = current.get();
  state.material = materialOf(issuer, middle.certificate);
  await current.refresh();
  t.equal(current.get(), before);
  t.equal(current.rejectedChanges, 1);
  await t.rejects(CurrentIssuer.load(settings), { code: 'issuer_not_accepted' });
  const renewed = createIssuer({ commonName: 'renewed', lifetimeMs: HOUR_MS }, root);
  state.material = materialOf(renewed, root.certificate);
  await current.refresh();
  t.match(current.get().certificate.subject, 'renewed');
});
