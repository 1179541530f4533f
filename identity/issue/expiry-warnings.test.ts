import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { TurnedClock } from '../testing/turned-clock.ts';
import { ExpiryWarnings, expiryWarnings } from './expiry-warnings.ts';
import { Issuer } from './issuer.ts';

const NOW = Date.UTC(2026, 10, 29);
const DAY_MS = 86_400_000;
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * DAY_MS, now: NOW });
const authority = createIssuer({ commonName: 'issuer', lifetimeMs: 10 * DAY_MS, now: NOW }, root);
const files = { 'tls.crt': authority.certificate, 'tls.key': privateKeyPem(authority.keyPair) };
const issuer = new Issuer({ files, roots: root.certificate }, NOW);

const named = (days: number) =>
  expiryWarnings(issuer, 'weft', NOW + days * DAY_MS).map(({ subject, note }) => `${subject.kind}: ${note}`);

t.test('an authority is warned of when less than a fifth of its life is left, and after its end', async (t) => {
  t.same(named(7.9), []);
  t.match(named(8.1), [/^Secret: the issuer ends at 2026-12-09T00:00:00/]);
  t.match(named(11), [/^Secret: the issuer ended at/]);
  t.match(named(81), [/^Secret/, /^ConfigMap: the root ends at/]);
  t.equal(new X509Certificate(root.certificate).validToDate.getTime(), NOW + 100 * DAY_MS);
});

t.test('it is said at the start and every hour, until it is stopped', async (t) => {
  const clock = new TurnedClock(NOW + 9 * DAY_MS);
  const said: string[] = [];
  const onWarning = ({ reason }: { reason: string }) => void said.push(reason);
  const warnings = new ExpiryWarnings({ issuer: () => issuer, clock, namespace: 'weft', onWarning });
  warnings.start();
  t.same(said, ['AuthorityExpiring']);
  t.equal(clock.timers[0]!.ms, 3_600_000);
  clock.timers[0]!.task();
  t.equal(said.length, 2);
  warnings.stop();
  t.equal(clock.timers[1]!.isCancelled, true);
});
