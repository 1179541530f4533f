import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';

import { systemClock } from '../core/time/clock.ts';
import { type CertifiedCredentials, Certifier, certify } from './certify.ts';
import { TestAuthority } from './testing/control-plane.ts';
import { TestIdentity } from './testing/identity.ts';

t.test('destination is certified for a key of its own, and shows the token that is in the file', async (t) => {
  const { settings, identity, write } = await open(t);
  write('  first-token\n');
  const first = await certify(settings);
  write('second-token');
  const second = await certify(settings);
  t.same(
    identity.requests.map(({ token }) => token),
    ['first-token', 'second-token'],
  );
  t.match(
    new X509Certificate(first.cert).subjectAltName,
    'weft-destination.weft.serviceaccount.identity.weft.cluster.local',
  );
  t.not(first.key, second.key, 'a key is used for one certificate');
});

t.test('every refusal and every failure says why', async (t) => {
  const { settings, identity, authority } = await open(t);
  const fails = async (message: RegExp, changed: Partial<typeof settings> = {}) =>
    await t.rejects(certify({ ...settings, ...changed }), { message });
  identity.answer = {
    status: 401,
    body: JSON.stringify({ error: { reason: 'token_expired', message: 'the token has expired' } }),
  };
  await fails(/token_expired.*the token has expired/);
  identity.answer = { status: 503, body: '<html>' };
  await fails(/503.*something else than JSON/);
  identity.answer = { status: 200, body: '{}' };
  await fails(/identity refuses \(200\)/);
  identity.answer = { status: 200, body: JSON.stringify({ chain: 'no PEM' }) };
  await fails(/no certificate for the key/);
  const other = authority.certify({ namespace: 'weft', serviceAccount: 'weft-destination', pod: 'd', uid: 'd' });
  identity.answer = { status: 200, body: JSON.stringify({ chain: other.chain }) };
  await fails(/no certificate for the key/);
  identity.answer = { status: 200, body: 'x'.repeat(2_000_000) };
  await fails(/too long/);
  await fails(/no trust bundle yet/, { trustBundle: () => '' });
  await fails(/cannot be asked.*certificate/, { trustBundle: () => new TestAuthority().bundle });
  await fails(/ENOENT/, { tokenFile: '/no/such/token' });
  identity.close();
  await fails(/cannot be asked.*ECONNREFUSED/);
});

t.test('a server that is certified as somebody else is not identity', async (t) => {
  const { settings } = await open(t, 'weft-destination');
  await t.rejects(certify(settings), { message: /cannot be asked.*altnames|Altname|match/i });
});

t.test('the token never stands in an error', async (t) => {
  const { settings, identity, write } = await open(t);
  write('secret-token');
  identity.answer = { status: 400, body: '{"error":{"reason":"r","message":"m"}}' };
  const error = await certify(settings).then(
    () => null,
    (thrown: Error) => thrown,
  );
  t.notMatch(JSON.stringify([error?.message, error?.stack, error?.cause]), 'secret-token');
});

t.test('a certificate is renewed before it expires, and a failure is tried again', async (t) => {
  const { settings, identity } = await open(t);
  identity.lifetimeMs = 1500;
  identity.answer = { status: 503, body: '{"error":{"reason":"not_ready","message":"later"}}' };
  const got: CertifiedCredentials[] = [];
  const failures: string[] = [];
  const certifier = new Certifier({
    settings,
    clock: systemClock,
    onCredentials: (credentials) => got.push(credentials),
    onFailure: (error) => {
      failures.push(error.message);
      identity.answer = null;
    },
  });
  t.teardown(() => certifier.stop());
  certifier.start();
  await until(() => got.length === 2);
  t.match(failures, [/not_ready/]);
  t.not(got[0]!.cert, got[1]!.cert);
});

async function open(t: Test, account?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-certify-'));
  const tokenFile = join(folder, 'token');
  const authority = new TestAuthority();
  const identity = new TestIdentity(authority, account);
  const port = await identity.listen();
  t.teardown(() => {
    identity.close();
    rmSync(folder, { recursive: true });
  });
  const write = (token: string) => writeFileSync(tokenFile, token);
  write('token');
  const settings = {
    identity: { host: '127.0.0.1', port },
    domain: authority.domain,
    tokenFile,
    trustBundle: () => authority.bundle,
  };
  return { settings, identity, authority, write };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}
