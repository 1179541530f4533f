import t from 'tap';

import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { identityReport } from './show.ts';

const NOW = Date.UTC(2026, 10, 29);
const root = createRoot({ commonName: 'root', lifetimeMs: 7_200_000, now: NOW });
const issuer = createIssuer({ commonName: 'issuer', lifetimeMs: 3_600_000, now: NOW }, root);
const PAGE = {
  identity: 'web.shop.serviceaccount.identity.weft.cluster.local',
  spiffe: 'spiffe://cluster.local/ns/shop/sa/web',
  chain: '',
  trustBundle: root.certificate,
  keyExchanges: { X25519MLKEM768: 2 },
  revoked: { serials: 1, identities: 0 },
};

t.test('says what a certificate is, who has signed it, and how long it holds', async (t) => {
  // Whatever comes first is the leaf.
  const report = identityReport({ ...PAGE, chain: issuer.certificate + root.certificate }, NOW);
  t.match(report, {
    identity: PAGE.identity,
    certificate: { subject: 'CN=issuer', serial: /^[0-9A-F]+$/, notAfter: '2026-11-29T01:00:00.000Z' },
    leftSeconds: 3600,
    authorities: [{ subject: 'CN=root' }],
    roots: [{ subject: 'CN=root', sha256: /^([0-9A-F]{2}:){31}/ }],
    keyExchanges: { X25519MLKEM768: 2 },
  });
});

t.test('a proxy without a certificate has none', async (t) => {
  t.match(identityReport(PAGE, NOW), { certificate: null, leftSeconds: 0 });
});
