import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

import { createLog } from '../../core/log/log.ts';
import { createIssuer, createRoot } from '../../core/pki/authority.ts';
import { secretFiles } from '../../core/pki/issuer-files.ts';
import { privateKeyPem } from '../../core/pki/key-pair.ts';
import { TurnedClock } from '../testing/turned-clock.ts';
import { CurrentIssuer } from './current-issuer.ts';
import { directorySource, secretSource } from './issuer-source.ts';

const NOW = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const log = createLog('test', 'silent');
const root = createRoot({ commonName: 'root', lifetimeMs: 100 * HOUR_MS, now: NOW });

function materialOf(name: string) {
  const issuer = createIssuer({ commonName: name, lifetimeMs: HOUR_MS, now: NOW }, root);
  return {
    files: { 'tls.crt': issuer.certificate, 'tls.key': privateKeyPem(issuer.keyPair) },
    roots: root.certificate,
  };
}

/** An issuer whose source the test sets and whose clock it turns. */
async function issuerOf() {
  const state = { material: materialOf('first') as unknown, reads: 0 };
  const clock = new TurnedClock(NOW);
  const source = {
    name: 'test',
    async read() {
      state.reads++;
      if (state.material instanceof Error) throw state.material;
      return state.material as never;
    },
  };
  const issuer = await CurrentIssuer.load({ source, trial: async () => {}, clock, log });
  return { issuer, state, timers: clock.timers };
}

const nameOf = (issuer: CurrentIssuer) => issuer.get().certificate.subject;
const settled = () => new Promise((resolve) => setImmediate(resolve));

t.test('is what its source says, and tells each replacement once', async (t) => {
  const { issuer, state } = await issuerOf();
  const told: string[] = [];
  issuer.onChange((next) => told.push(next.certificate.subject));
  issuer.onChange((next) => told.push(next.certificate.subject));
  await issuer.refresh();
  t.same([nameOf(issuer), told], ['CN=first', []]);
  state.material = materialOf('second');
  await issuer.refresh();
  await issuer.refresh();
  t.same([nameOf(issuer), told], ['CN=second', ['CN=second', 'CN=second']]);
});

t.test('stays where its source cannot be read, which is no change, or has nothing fit, which is one', async (t) => {
  const { issuer, state } = await issuerOf();
  state.material = new Error('the API server is away');
  await issuer.refresh();
  t.same([nameOf(issuer), issuer.rejectedChanges], ['CN=first', 0]);
  state.material = { ...materialOf('second'), roots: '' };
  await issuer.refresh();
  await issuer.refresh();
  t.same([nameOf(issuer), issuer.rejectedChanges], ['CN=first', 1]);
  state.material = materialOf('third');
  await issuer.refresh();
  t.same([nameOf(issuer), issuer.rejectedChanges], ['CN=third', 1]);
});

t.test('its source is read again every five seconds, until it is stopped', async (t) => {
  const { issuer, state, timers } = await issuerOf();
  issuer.start();
  for (let i = 0; i < 3; i++) {
    t.equal(timers.length, i + 1);
    t.equal(timers[i]!.ms, 5000);
    timers[i]!.task();
    await settled();
    t.equal(state.reads, i + 2);
  }
  issuer.stop();
  t.equal(timers[3]!.isCancelled, true);
  timers[3]!.task();
  await settled();
  t.equal(timers.length, 4, 'nothing is planned after the stop');
});

t.test('a directory has the five files that make an issuer, and a file of roots beside it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-issuer-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const names = ['tls.crt', 'tls.key', 'ca.crt', 'crt.pem', 'key.pem'];
  for (const name of [...names, 'other', 'roots']) writeFileSync(join(folder, name), `of ${name}`);
  const files = Object.fromEntries(names.map((name) => [name, `of ${name}`]));
  t.same(await directorySource(folder, null).read(), { files, roots: null });
  t.same(await directorySource(folder, join(folder, 'roots')).read(), { files, roots: 'of roots' });
  t.equal(directorySource(folder, null).name, `directory ${folder}`);
});

t.test('a Secret has the same, in base64, and a ConfigMap the roots', async (t) => {
  const names = ['tls.crt', 'tls.key', 'ca.crt', 'crt.pem', 'key.pem'];
  const data = Object.fromEntries(
    [...names, 'other'].map((name) => [name, Buffer.from(`of ${name}é`).toString('base64')]),
  );
  const files = Object.fromEntries(names.map((name) => [name, `of ${name}é`]));
  t.same(secretFiles(data), files);
  t.same(secretFiles(undefined), {});
  const objects: Record<string, unknown> = {
    '/api/v1/namespaces/w/secrets/weft-identity-issuer': { data },
    '/api/v1/namespaces/w/configmaps/weft-trust-roots': { data: { 'ca-bundle.pem': 'roots' } },
  };
  const source = secretSource({ get: async (path) => objects[path] }, 'w');
  t.equal(source.name, 'Secret w/weft-identity-issuer');
  t.same(await source.read(), { files, roots: 'roots' });
  objects['/api/v1/namespaces/w/configmaps/weft-trust-roots'] = {};
  t.same((await source.read()).roots, '', 'no roots are none, rather than those of the Secret');
});
