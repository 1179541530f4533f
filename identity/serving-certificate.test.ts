import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { DEFAULT_IDENTITY_DOMAIN } from '../api/workload-identity.ts';
import { createIssuer, createRoot } from '../core/pki/authority.ts';
import { parsePrivateKey, privateKeyPem } from '../core/pki/key-pair.ts';
import type { ServingCertificate } from '../core/tls/serving-certificate.ts';
import type { CurrentIssuer } from './issue/current-issuer.ts';
import { Issuer } from './issue/issuer.ts';
import { ServingCertificateRenewal } from './serving-certificate.ts';
import { TurnedClock } from './testing/turned-clock.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS, now: NOW });

function issuerOf(lifetimeMs: number): Issuer {
  const authority = createIssuer({ commonName: 'issuer', lifetimeMs, now: NOW }, root);
  const files = { 'tls.crt': authority.certificate, 'tls.key': privateKeyPem(authority.keyPair) };
  return new Issuer({ files, roots: root.certificate }, NOW);
}

/** A renewal whose clock and issuer the test turns. */
function renewalOf(lifetimeMs: number, issuer = issuerOf(50 * HOUR_MS)) {
  const clock = new TurnedClock(NOW);
  const state = { issuer };
  const listeners: (() => void)[] = [];
  const certificates: ServingCertificate[] = [];
  const renewal = new ServingCertificateRenewal({
    issuer: {
      get: () => state.issuer,
      onChange: (listener: () => void) => void listeners.push(listener),
    } as unknown as CurrentIssuer,
    domain: DEFAULT_IDENTITY_DOMAIN,
    lifetimeMs,
    clock,
    onRenewed: (certificate) => void certificates.push(certificate),
  });
  return { renewal, clock, state, timers: clock.timers, listeners, certificates };
}

t.test('identity serves by a certificate of its own, with the names of its service account', async (t) => {
  const { renewal, certificates } = renewalOf(24 * HOUR_MS);
  renewal.start();
  t.equal(certificates.length, 1);
  const leaf = new X509Certificate(certificates[0]!.cert);
  t.equal(
    leaf.subjectAltName,
    'DNS:weft-identity.weft.serviceaccount.identity.weft.cluster.local, URI:spiffe://cluster.local/ns/weft/sa/weft-identity',
  );
  t.ok(leaf.checkPrivateKey(parsePrivateKey(certificates[0]!.key)!.privateKey));
  t.equal(certificates[0]!.cert.split('BEGIN CERTIFICATE').length - 1, 2, 'with its issuer');
});

t.test('it is renewed when about two thirds of its life are over, each time', async (t) => {
  const { renewal, timers, certificates } = renewalOf(3 * HOUR_MS - 60_000);
  renewal.start();
  t.equal(timers.length, 1);
  t.ok(Math.abs(timers[0]!.ms - 2 * HOUR_MS) <= (3 * HOUR_MS) / 20, `${timers[0]!.ms} ms`);
  timers[0]!.task();
  t.same([timers.length, certificates.length], [2, 2]);
  t.not(certificates[0]!.cert, certificates[1]!.cert);
});

t.test('it is renewed when the issuer changes, which plans anew', async (t) => {
  const { renewal, timers, listeners, certificates } = renewalOf(HOUR_MS);
  renewal.start();
  t.equal(listeners.length, 1);
  listeners[0]!();
  t.same([certificates.length, timers.map(({ isCancelled }) => isCancelled)], [2, [true, false]]);
  renewal.stop();
  t.equal(timers[1]!.isCancelled, true);
});

t.test('not more often than once a second, and not from an issuer that has expired', async (t) => {
  const { renewal, clock, state, timers, listeners, certificates } = renewalOf(HOUR_MS, issuerOf(HOUR_MS));
  clock.nowMs = NOW + HOUR_MS - 900;
  renewal.start();
  t.equal(timers[0]!.ms, 1000);
  clock.nowMs = NOW + HOUR_MS;
  timers[0]!.task();
  t.same([timers.length, certificates.length], [1, 1], 'nothing is planned');
  state.issuer = issuerOf(50 * HOUR_MS);
  listeners[0]!();
  t.equal(certificates.length, 2, 'a new issuer brings a new one');
});
