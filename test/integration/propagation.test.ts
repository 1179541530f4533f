/** How soon a change of an endpoint, or of a VirtualService, reaches a hundred streams of a real mesh, three of them of real proxies. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import { DEFAULT_IDENTITY_DOMAIN, dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import { openLoopback } from '../../cli/run/loopback.ts';
import { startMesh } from '../../cli/run/mesh.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import { generateKeyPair, parsePrivateKey, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { TestWatch } from '../../destination/testing/watch-client.ts';
import { freePort } from '../support/free-port.ts';
import { takenPort } from '../support/local-mesh.ts';

const STREAMS = 100;
const PROXIES = 3;
const CHANGES = 40;
const application = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/namespaces/application.mjs');

const port = await freePort();
const databasePort = await freePort();
const MANIFESTS = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: ${port} }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  replicas: ${PROXIES}
  template:
    metadata: { labels: { app: web } }
    spec:
      serviceAccountName: web
      containers:
        - name: web
          command: [node, ${application}]
          env: [{ name: PORT, value: "${port}" }, { name: DATABASE_PORT, value: "${databasePort}" }]
          ports: [{ containerPort: ${port} }]
`;

/** A port without which the mesh cannot run. */
const taken = takenPort();
const options = { skip: taken ? `another program listens on every address at port ${taken}` : false };

t.test(`a change of an endpoint reaches ${STREAMS} streams, ${PROXIES} of them of real proxies`, options, async (t) => {
  const { mesh, pods, target, watches } = await openMesh(t);
  const leaving = mesh.plan.pods[PROXIES - 1]!;
  const streams: number[] = [];
  const proxies: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const isReady = change % 2 === 1;
    const begun = performance.now();
    for (const watch of watches) watch.onMessage = () => streams.push(performance.now() - begun);
    mesh.setReady(leaving, isReady);
    await Promise.all([
      ...watches.map((watch) => watch.expects('delta')),
      ...pods.map(async (pod) => {
        while ((await endpointsOf(pod, target)).includes(leaving.uid) !== isReady);
        proxies.push(performance.now() - begun);
      }),
    ]);
  }
  t.comment(`streams: ${describe(streams)}; proxies, with the time to ask them: ${describe(proxies)}`);
  t.equal(streams.length, CHANGES * watches.length, 'every change reached every stream');
  t.equal(proxies.length, CHANGES * PROXIES, 'and every proxy applied it');
});

/** A mesh of {@link MANIFESTS}, in which every stream watches one target. */
async function openMesh(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-propagation-'));
  writeFileSync(join(folder, 'mesh.yaml'), MANIFESTS);
  const mesh = await startMesh({
    folder,
    objects: readFolder(folder).objects,
    network: await openLoopback((line) => t.comment(line)),
    progress() {},
    onOutput() {},
    certificateLifetime: '1h',
  });
  const watches: TestWatch[] = [];
  t.teardown(async () => {
    for (const watch of watches) watch.session.destroy();
    await mesh.end();
    rmSync(folder, { recursive: true });
  });
  const pods = mesh.plan.pods.map(({ ips }) => ips[0]!);
  for (const pod of pods) t.equal(await statusThrough(pod, 'http://web/'), 200);
  const target = Object.keys((await stateOf(pods[0]!)).targets)[0]!;
  watches.push(...(await openWatches(mesh.state, mesh.control.destinationAddress, target)));
  t.equal(watches.length + pods.length, STREAMS);
  return { mesh, folder, pods, target, watches };
}

/** Streams of workloads that have no proxy: certificates of the mesh's own issuer, one each. */
async function openWatches(state: string, destination: string, target: string): Promise<TestWatch[]> {
  const issuer = (file: string) => readFileSync(join(state, 'issuer', file), 'utf8');
  const signer = signerOf(new X509Certificate(issuer('tls.crt')), parsePrivateKey(issuer('tls.key'))!.privateKey);
  const [host, port] = destination.split(':') as [string, string];
  const watches: TestWatch[] = [];
  for (let at = PROXIES; at < STREAMS; at++) {
    const keyPair = generateKeyPair();
    const account = { namespace: 'default', serviceAccount: 'web' };
    const leaf = createLeaf(
      {
        spki: spkiOf(keyPair.publicKey),
        sans: {
          dns: [dnsIdentity(account, DEFAULT_IDENTITY_DOMAIN)],
          uris: [spiffeIdentity(account, DEFAULT_IDENTITY_DOMAIN)],
        },
        workload: { pod: `watcher-${at}`, uid: `watcher-${at}` },
        validity: { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 },
      },
      signer,
    );
    const watch = await TestWatch.open({
      host,
      port: Number(port),
      bundle: issuer('ca.crt'),
      domain: DEFAULT_IDENTITY_DOMAIN,
      credentials: { chain: leaf + issuer('tls.crt'), key: privateKeyPem(keyPair) },
    });
    watch.sends({ type: 'subscribe', target });
    await watch.expects('snapshot');
    watches.push(watch);
  }
  return watches;
}

t.test(`a change of a VirtualService reaches ${STREAMS} streams, and nothing under way is lost`, options, async (t) => {
  const { mesh, folder, pods, target, watches } = await openMesh(t);
  const write = (seconds: number) => writeFileSync(join(folder, 'routes.yaml'), virtualService(seconds));
  write(100);
  await Promise.all(watches.map((watch) => watch.expects('snapshot')));
  const slow = pods.flatMap((pod) => [
    statusThrough(pod, 'http://web/slow/15000'),
    statusThrough(pod, 'http://web/slow/8000'),
  ]);
  const streams: number[] = [];
  const proxies: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const begun = performance.now();
    for (const watch of watches) watch.onMessage = () => streams.push(performance.now() - begun);
    write(101 + change);
    await Promise.all([
      ...watches.map((watch) => watch.expects('snapshot')),
      ...pods.map(async (pod) => {
        while ((await timeoutOf(pod, target)) !== (101 + change) * 1000);
        proxies.push(performance.now() - begun);
      }),
    ]);
  }
  t.comment(`streams: ${describe(streams)}; proxies, with the time to ask them: ${describe(proxies)}`);
  t.equal(streams.length, CHANGES * watches.length, 'every change reached every stream');
  t.equal(proxies.length, CHANGES * PROXIES, 'and every proxy applied it');
  t.same(new Set(await Promise.all(slow)), new Set([200]), 'what was under way all the time was answered');
  t.ok(mesh.plan.pods.length === PROXIES);
});

function virtualService(seconds: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec: { hosts: [web], http: [{ timeout: ${seconds}s, route: [{ destination: { host: web } }] }] }
`;
}

interface ProxyState {
  readonly targets: Readonly<Record<string, { target: ProxyTarget | null }>>;
}

interface ProxyTarget {
  readonly routes: readonly { readonly timeouts: { readonly requestMs?: number } }[];
  readonly backends: Readonly<Record<string, { readonly endpoints: readonly { readonly uid: string }[] }>>;
}

async function stateOf(pod: string): Promise<ProxyState> {
  return (await fetch(`http://${pod}:4191/state`)).json() as Promise<ProxyState>;
}

async function timeoutOf(pod: string, target: string): Promise<number | undefined> {
  return (await stateOf(pod)).targets[target]!.target!.routes[0]?.timeouts.requestMs;
}

async function endpointsOf(pod: string, target: string): Promise<string[]> {
  return (await stateOf(pod)).targets[target]!.target!.backends['']!.endpoints.map(({ uid }) => uid);
}

/** The status of a request through a pod's explicit proxy. */
function statusThrough(pod: string, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: pod, port: 4140, path: url, headers: { host: new URL(url).host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    }).on('error', reject);
  });
}

function describe(figures: number[]): string {
  figures.sort((a, b) => a - b);
  const at = (share: number) => figures[Math.min(figures.length - 1, Math.floor(figures.length * share))]!.toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms of ${figures.length}`;
}
