import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { TestAuthority } from '../testing/control-plane.ts';
import { TrustBundle } from './trust-bundle.ts';

/** A bundle file that is read when the test says so. */
function open(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-trust-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ca.pem');
  const clock = new FakeClock();
  const problems: string[] = [];
  const heard: string[] = [];
  const trust = new TrustBundle({ path, clock, onProblem: ({ code, message }) => problems.push(`${code} ${message}`) });
  trust.onChange((pem) => heard.push(pem));
  t.teardown(() => trust.close());
  const reread = async () => {
    clock.advance(1000);
    // It has been read once the next time is waited for.
    await until(() => clock.pending > 0);
  };
  return { trust, path, clock, problems, heard, reread };
}

t.test('a bundle is read at the start and a second after it changes', async (t) => {
  const { trust, path, clock, heard, reread } = open(t);
  const [first, second] = [new TestAuthority().bundle, new TestAuthority().bundle];
  writeFileSync(path, first);
  await trust.start();
  t.equal(trust.pem, first);
  t.match(JSON.parse(String(trust.publication.line)), {
    type: 'trust',
    version: trust.publication.version,
    bundle: first,
  });
  const { version } = trust.publication;
  await reread();
  t.equal(heard.length, 1, 'what has not changed is not told again');
  writeFileSync(path, second);
  clock.advance(999);
  t.equal(trust.pem, first);
  await reread();
  t.same(heard, [first, second]);
  t.not(trust.publication.version, version);
});

t.test('a bundle that cannot be used is ignored, and each fault is told once', async (t) => {
  const { trust, path, problems, reread } = open(t);
  await trust.start();
  t.equal(trust.pem, '');
  t.equal(trust.publication.version, '');
  t.match(problems, [/^trust_bundle_unreadable the trust bundle .*ca\.pem cannot be used: ENOENT/]);
  await reread();
  t.equal(problems.length, 1);
  writeFileSync(path, 'nothing');
  await reread();
  await reread();
  t.match(problems.slice(1), [/no PEM certificate/]);
  t.equal(problems.length, 2);
  const { bundle } = new TestAuthority();
  writeFileSync(path, bundle);
  await reread();
  t.equal(trust.pem, bundle);
  writeFileSync(path, 'nothing');
  await reread();
  t.equal(problems.length, 3, 'a fault that comes back is told again');
  t.equal(trust.pem, bundle, 'the last good bundle holds');
});

t.test('half a bundle is none', async (t) => {
  const { trust, path, problems } = open(t);
  const { bundle } = new TestAuthority();
  writeFileSync(path, bundle + bundle.replace(/[A-Za-z0-9]{20}\n/, '\n'));
  await trust.start();
  t.equal(trust.pem, '');
  t.equal(problems.length, 1);
});

t.test('a bundle that is closed is read no more', async (t) => {
  const { trust, path, clock } = open(t);
  writeFileSync(path, new TestAuthority().bundle);
  await trust.start();
  const { pem } = trust;
  trust.close();
  t.equal(clock.pending, 0);
  writeFileSync(path, new TestAuthority().bundle);
  clock.advance(1000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(trust.pem, pem);
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
}
