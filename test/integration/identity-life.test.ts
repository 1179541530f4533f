/** Roots, issuers and revocations that change while a mesh runs under load. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import { RENEW_ISSUED_BEFORE_KEY } from '../../api/names.ts';
import { CONTROL_ADMIN_PORT } from '../../api/ports.ts';
import { TRUST_PAGE, type TrustPage } from '../../api/trust-page.ts';
import { DEFAULT_IDENTITY_DOMAIN, dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { type RotationFacts, renewalInstant, rotationStep } from '../../cli/identity/rotation.ts';
import { newAuthorities } from '../../cli/identity/rotation-cluster.ts';
import { openLoopback } from '../../cli/run/loopback.ts';
import { type RunningMesh, startMesh } from '../../cli/run/mesh.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { certificatesIn } from '../../core/pki/pem.ts';
import { systemClock } from '../../core/time/clock.ts';
import type { ProxyConfig } from '../../proxy/config.ts';
import { Certifier } from '../../proxy/control/certifier.ts';
import { Log } from '../../proxy/log.ts';
import { Metrics } from '../../proxy/telemetry/metrics.ts';
import { MutualTls } from '../../proxy/transport/mutual-tls.ts';
import { freePort } from '../support/free-port.ts';
import { takenPort } from '../support/local-mesh.ts';
import { OpenLoop, type Sent } from '../support/open-loop.ts';

const RATE = 1000;
const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const taken = takenPort();
const options = {
  skip: taken === undefined ? false : `another program listens on every address at port ${taken}`,
  timeout: 180_000,
};

async function start(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-identity-'));
  const text = readFileSync(join(fixtures, 'user-access/mesh.yaml'), 'utf8')
    .replaceAll('APPLICATION', join(fixtures, 'user-mesh/application.mjs'))
    .replaceAll('NOWHERE', join(folder, 'none'))
    .replaceAll('18080', String(await freePort()));
  writeFileSync(join(folder, 'mesh.yaml'), text);
  const mesh = await startMesh({
    folder,
    objects: readFolder(folder).objects,
    network: await openLoopback((line) => t.comment(line)),
    progress() {},
    onOutput() {},
    certificateLifetime: '24h',
  });
  t.teardown(async () => {
    await mesh.end();
    rmSync(folder, { recursive: true });
  });
  const ip = (pod: string) => mesh.plan.pods.find(({ name }) => name === pod)!.ips[0];
  const from = (pod: string) => ({
    host: ip(pod),
    port: 4140,
    path: 'http://api-service.default/',
    headers: { host: 'api-service.default' },
  });
  const statusFrom = (pod: string) =>
    new Promise<number | string>((resolve) => {
      request({ ...from(pod), agent: false }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode!)))
        .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
        .end();
    });
  return { mesh, folder, from, statusFrom };
}

/** The roots and the issuer of a mesh without a cluster lie in files; who follows is asked of destination, as the command does. */
class FileRotation {
  readonly #mesh: RunningMesh;
  readonly #next = newAuthorities(86_400_000);
  #switchedAt = '';

  constructor(mesh: RunningMesh) {
    this.#mesh = mesh;
  }

  /** @param onStep told of each step before it is taken */
  async walk(onStep: (step: string) => Promise<void>): Promise<void> {
    for (;;) {
      const next = rotationStep(await this.#facts());
      await onStep(next.step);
      switch (next.step) {
        case 'trust':
          this.#trust(this.#roots() + this.#next['ca.crt']);
          break;
        case 'switch':
          this.#write('issuer/tls.key', this.#next['tls.key']);
          this.#write('issuer/tls.crt', this.#next['tls.crt']);
          this.#switchedAt = new Date().toISOString();
          await wait(6000);
          break;
        case 'renew':
          this.#write(RENEW_ISSUED_BEFORE_KEY, renewalInstant(Date.now()));
          break;
        case 'drop':
          this.#trust(this.#next['ca.crt']);
          break;
        case 'finish':
          return;
        default:
          await wait(200);
      }
    }
  }

  async #facts(): Promise<RotationFacts> {
    const [host] = this.#mesh.control.destinationAddress.split(':') as [string];
    const answer = await fetch(`http://${host}:${CONTROL_ADMIN_PORT + 1}${TRUST_PAGE}`);
    const fingerprint = (pem: string) => certificatesIn(pem)[0]!.fingerprint256;
    return {
      roots: certificatesIn(this.#roots()).map(({ fingerprint256 }) => fingerprint256),
      issuer: fingerprint(this.#read('issuer/tls.crt')),
      next: {
        root: fingerprint(this.#next['ca.crt']),
        issuer: fingerprint(this.#next['tls.crt']),
        switchedAt: this.#switchedAt,
      },
      renewIssuedBefore: this.#switchedAt === '' ? '' : this.#read(RENEW_ISSUED_BEFORE_KEY, ''),
      replicas: [(await answer.json()) as TrustPage],
      pods: this.#mesh.plan.pods.map(({ namespace, name }) => `${namespace}/${name}`),
    };
  }

  #trust(bundle: string): void {
    this.#write('issuer/ca.crt', bundle);
    this.#write('roots.pem', bundle);
  }

  #roots(): string {
    return this.#read('roots.pem');
  }

  #read(file: string, otherwise?: string): string {
    try {
      return readFileSync(join(this.#mesh.state, file), 'utf8');
    } catch (error) {
      if (otherwise === undefined) throw error;
      return otherwise;
    }
  }

  #write(file: string, text: string): void {
    const path = join(this.#mesh.state, file);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
}

t.test(`root and issuer are replaced twice under ${RATE} requests a second, and none fails`, options, async (t) => {
  const { mesh, from } = await start(t);
  const loop = new OpenLoop(RATE, () => from('frontend-0'));
  await wait(2000);
  const steps: string[] = [];
  const note = async (step: string) => void (steps.at(-1) === step || steps.push(step));
  await new FileRotation(mesh).walk(note);
  let kills = 0;
  await new FileRotation(mesh).walk(async (step) => {
    await note(step);
    if (step !== 'await-renewal' || kills > 0) return;
    kills++;
    mesh.control.process('identity').kill('SIGKILL');
    await wait(3000);
    await mesh.control.restart('identity');
  });
  await wait(3000);
  const sent = await loop.end();
  const once = ['trust', 'await-trust', 'switch', 'renew', 'await-renewal', 'drop', 'await-drop', 'finish'];
  t.same(steps, [...once, ...once]);
  t.equal(kills, 1, 'identity was killed while certificates were renewed');
  t.ok(sent.length > RATE * 20, `${sent.length} requests`);
  t.same(countOf(sent), { 200: sent.length });
});

t.test(
  'a hundred proxies that ask at once are certified, also where identity is killed meanwhile',
  options,
  async (t) => {
    const { mesh, folder } = await start(t);
    const [host = '', port = ''] = mesh.control.identityAddress.split(':');
    const account = { namespace: 'default', serviceAccount: 'web' };
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, mesh.control.token({ ...account, name: 'web-0', uid: 'web-0' }));
    const config = {
      tokenFile,
      trustBundleFile: '',
      trustRoots: readFileSync(join(mesh.state, 'roots.pem'), 'utf8'),
      identity: dnsIdentity(account, DEFAULT_IDENTITY_DOMAIN),
      spiffe: spiffeIdentity(account, DEFAULT_IDENTITY_DOMAIN),
      identityServer: {
        address: { host, port: Number(port) },
        identity: dnsIdentity({ namespace: 'weft', serviceAccount: 'weft-identity' }, DEFAULT_IDENTITY_DOMAIN),
      },
    } as ProxyConfig;
    /** @returns milliseconds until the last of them has its certificate */
    const certified = async (meanwhile: () => Promise<void>) => {
      const clock = systemClock;
      const fleet: Certifier[] = [];
      const done = Array.from({ length: 100 }, () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const mutualTls = new MutualTls(() => clock.now());
        const log = new Log('silent');
        fleet.push(new Certifier({ config, mutualTls, clock, log, metrics: new Metrics(), onCertified: resolve }));
        return promise;
      });
      const startMs = performance.now();
      for (const each of fleet) each.start();
      await Promise.all([...done, meanwhile()]);
      for (const each of fleet) each.stop();
      return performance.now() - startMs;
    };
    const quietMs = await certified(async () => {});
    const troubledMs = await certified(async () => {
      mesh.control.process('identity').kill('SIGKILL');
      await mesh.control.restart('identity');
    });
    t.comment(`${Math.round(quietMs)} ms; with identity killed ${Math.round(troubledMs)} ms`);
  },
);

t.test('who is revoked is refused within a second, and cut off, and nobody else is', options, async (t) => {
  const { folder, from, statusFrom } = await start(t);
  t.equal(await statusFrom('worker-0'), 200);
  const revoked = new OpenLoop(100, () => from('worker-0'));
  const other = new OpenLoop(100, () => from('frontend-0'));
  await wait(1000);
  const at = revoked.elapsedMs;
  writeFileSync(
    join(folder, 'revocations.yaml'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'weft-revocations', namespace: 'weft' },
      data: { identities: 'spiffe://cluster.local/ns/default/sa/worker # left on a train\n' },
    }),
  );
  await wait(3000);
  const [ofRevoked, ofOther] = await Promise.all([revoked.end(), other.end()]);
  const late = ofRevoked.filter(({ atMs }) => atMs > at + 1000);
  t.same(
    late.filter(({ status }) => status === 200),
    [],
    `${late.length} requests that began a second later`,
  );
  t.same(countOf(ofOther), { 200: ofOther.length });
  rmSync(join(folder, 'revocations.yaml'));
  while ((await statusFrom('worker-0')) !== 200) await wait(200);
  t.pass('and is let in again once it is revoked no more');
});

function countOf(sent: readonly Sent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of sent) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
