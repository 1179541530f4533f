/**
 * How long the image's proxy takes from the start of its process until it is certified and ready, and what memory it
 * holds idle and at 1,000 requests a second: two proxies, HTTP/1.1 over two hops with mutual TLS, 20 routes applied.
 *
 *   make bench CASE=image   (root; starts itself in namespaces of its own)
 */
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { PROXY_NODE_FLAGS } from '../../api/image.ts';
import * as env from '../../api/proxy-environment.ts';
import { decideMode, isIsolated, runIsolated } from '../../cli/run/isolation.ts';
import { startMesh } from '../../cli/run/mesh.ts';
import { openNamespaces } from '../../cli/run/namespaces.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { ARCHITECTURES } from '../../manifests/image/contents.ts';
import { layerBytes } from '../../manifests/image/oci-archive.ts';
import { type Figure, record, summary } from '../result.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const STARTS = 20;
decideMode('namespaces');
if (!isIsolated()) process.exit(await runIsolated());

const fixtures = join(root, 'test/fixtures/namespaces');
const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
copyFileSync(join(fixtures, 'application.mjs'), join(folder, 'application.mjs'));
writeFileSync(
  join(folder, 'mesh.yaml'),
  readFileSync(join(fixtures, 'mesh.yaml'), 'utf8').replaceAll('APPLICATION', join(folder, 'application.mjs')),
);
writeFileSync(join(folder, 'profile.yaml'), profileOf(20));
const mesh = await startMesh({
  folder,
  objects: readFolder(folder).objects,
  network: openNamespaces(),
  progress: () => {},
  onOutput() {},
  certificateLifetime: '24h',
});
const index = mesh.plan.pods.findIndex(({ deployment }) => deployment === 'client');
const client = mesh.plan.pods[index]!;
const url = `http://${mesh.plan.services.find(({ name }) => name === 'api')!.clusterIp}/hello`;
const file = join(root, 'bench/results/image.jsonl');

const starts: number[] = [];
for (let i = 0; i < STARTS; i++) starts.push(await startOnce());
const idle = memory();
const load = inClient(process.execPath, join(fixtures, 'load.mjs'), '1000', '20', url);
await new Promise((resolve) => setTimeout(resolve, 15_000));
const loaded = memory();
const tally = JSON.parse(await load) as { statuses: Record<string, number>; p50: number; p99: number };
const scrape = await (await fetch(`http://${client.ips[0]}:4191/metrics`)).text();
console.log(
  scrape
    .split('\n')
    .filter((line) => line.startsWith('route_request_total'))
    .join('\n'),
);
console.log(JSON.stringify(tally));

const { median, spread } = summary(starts);
const architecture = ARCHITECTURES.find(({ node }) => node === process.arch)!;
const figure = (metric: string, unit: string, value: number): Figure => ({
  case: 'image',
  contestant: 'weft',
  metric,
  unit,
  value,
  rounds: 1,
  spread: [value, value],
});
record(file, [
  {
    ...figure('start_to_ready', 'ms', Math.round(median)),
    rounds: STARTS,
    spread: [Math.round(spread[0]), Math.round(spread[1])],
  },
  figure('image_size', 'MB', Math.round(layerBytes(join(root, 'build/weft-image.tar'), architecture.name) / 1e5) / 10),
  ...(['client', 'server'] as const).flatMap((side) => [
    figure(`unshared_idle_${side}`, 'MiB', idle[side].unshared),
    figure(`unshared_loaded_${side}`, 'MiB', loaded[side].unshared),
    figure(`resident_idle_${side}`, 'MiB', idle[side].resident),
    figure(`resident_loaded_${side}`, 'MiB', loaded[side].resident),
  ]),
]);
await mesh.end();
rmSync(folder, { recursive: true });
process.exit(0);

/** Starts a second proxy of the client's pod on ports of its own; milliseconds until it says that it is ready. */
function startOnce(): Promise<number> {
  const token = join(mesh.state, 'tokens', `${client.namespace}.${client.name}`);
  const begun = performance.now();
  const child = spawn(
    'nsenter',
    [
      `--net=/run/netns/pod-${index}`,
      '--',
      'setpriv',
      '--reuid',
      '2102',
      '--regid',
      '2102',
      '--clear-groups',
      '--',
      '/run/weft/node',
      ...PROXY_NODE_FLAGS,
      '/run/weft/proxy.js',
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        [env.ENV_POD_NAME]: client.name,
        [env.ENV_POD_NAMESPACE]: client.namespace,
        [env.ENV_POD_SERVICE_ACCOUNT]: client.serviceAccount,
        [env.ENV_IDENTITY_ADDRESS]: mesh.control.identityAddress,
        [env.ENV_DESTINATION_ADDRESS]: mesh.control.destinationAddress,
        [env.ENV_TRUST_ROOTS]: mesh.control.trustRoots,
        [env.ENV_TOKEN_FILE]: token,
        [env.ENV_INBOUND_LISTEN]: '127.0.0.1:5143',
        [env.ENV_OUTBOUND_LISTEN]: '127.0.0.1:5140',
        [env.ENV_ADMIN_LISTEN]: '127.0.0.1:5191',
        MALLOC_ARENA_MAX: '1',
      },
    },
  );
  return new Promise((resolve) => {
    let took = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('"msg":"ready"')) return;
      took = performance.now() - begun;
      child.kill('SIGKILL');
    });
    child.on('close', () => resolve(took));
  });
}

/** Memory of the client's proxy and of one server's, in MiB. */
function memory(): Record<'client' | 'server', { unshared: number; resident: number }> {
  const of = (name: string) => {
    const text = readFileSync(`/proc/${mesh.processes.find(name)!.process.pid}/smaps_rollup`, 'utf8');
    const field = (label: string) => Number(new RegExp(`^${label}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
    const mebibytes = (kibibytes: number) => Math.round(kibibytes / 102.4) / 10;
    return { unshared: mebibytes(field('Private_Clean') + field('Private_Dirty')), resident: mebibytes(field('Rss')) };
  };
  return { client: of('default.client-0.weft-proxy'), server: of('default.api-0.weft-proxy') };
}

function inClient(...command: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('nsenter', [`--net=/run/netns/pod-${index}`, '--', ...command], (error, out) =>
      error ? reject(error) : resolve(out),
    );
  });
}

function profileOf(routes: number): string {
  const lines = Array.from(
    { length: routes },
    (_, i) =>
      `    - { name: route ${i}, condition: { method: GET, pathRegex: /${i === routes - 1 ? 'hello' : `route-${i}/.*`} } }`,
  );
  return `apiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: { name: api.default.svc.cluster.local, namespace: default }\nspec:\n  routes:\n${lines.join('\n')}\n`;
}
