/**
 * How long a pod's proxy takes from the start of its container until it is certified and ready, on the cluster of
 * KUBECONFIG, which must hold the image. The start is that of the container's first process, which the runtime makes
 * before it sets the container up: what the runtime itself costs is counted too.
 *
 *   make bench CASE=container
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { container, IDLE, IMAGE, NAMESPACE, weft } from '../../test/support/cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import { apply, kubectl, run } from '../../test/support/kubectl.ts';
import { record, summary } from '../result.ts';

const STARTS = 20;
const file = join(dirname(fileURLToPath(import.meta.url)), '../results/image.jsonl');
const manifests = (await weft('install', '--image', IMAGE)).out;

await apply(manifests);
for (const name of ['weft-identity', 'weft-destination', 'weft-webhook'])
  await kubectl('-n', 'weft', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
await eventually(async () => (await weft('check')).code === 0);
await apply(
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'weft.dev/inject': 'enabled' } },
  }),
);

const starts: number[] = [];
for (let i = 0; i < STARTS; i++) {
  starts.push(await startOnce(`start-${i}`));
  console.log(`${i + 1} of ${STARTS}: ${starts[i]} ms`);
}
await kubectl('delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=120s');
await run('kubectl', ['delete', '--ignore-not-found', '-f', '-', '--wait=true', '--timeout=120s'], manifests);

const { median, spread } = summary(starts);
record(file, [
  {
    case: 'image',
    contestant: 'weft',
    metric: 'container_start_to_ready',
    unit: 'ms',
    value: Math.round(median),
    rounds: STARTS,
    spread: [Math.round(spread[0]), Math.round(spread[1])],
  },
]);

/** Makes a pod and takes it away. @returns milliseconds from its proxy's container to the line that it is ready */
async function startOnce(name: string): Promise<number> {
  const metadata = { name, namespace: NAMESPACE };
  const spec = {
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsUser: 1000 },
    containers: [container('main', IDLE)],
  };
  // The namespace's default service account and trust roots come a moment after it.
  const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
  if (!(await eventually(async () => (await run('kubectl', ['apply', '-f', '-'], pod)).code === 0))) await apply(pod);
  await kubectl('-n', NAMESPACE, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  const log = await kubectl('-n', NAMESPACE, 'logs', name, '-c', 'weft-proxy');
  const ready = log
    .split('\n')
    .filter((line) => line.includes('"msg":"ready"'))
    .map((line) => JSON.parse(line) as { time: number })[0]!;
  // proc(5): field 22 of stat is the start of the process in ticks of 10 ms since boot.
  const script = `const fs = require('fs'); const ticks = fs.readFileSync('/proc/1/stat', 'utf8').split(') ')[1].split(' ')[19]; console.log(Date.now() - 1000 * parseFloat(fs.readFileSync('/proc/uptime', 'utf8')) + 10 * ticks);`;
  const begun = Number(
    await kubectl('-n', NAMESPACE, 'exec', name, '-c', 'weft-proxy', '--', '/usr/bin/node', '-e', script),
  );
  await kubectl('-n', NAMESPACE, 'delete', 'pod', name, '--wait=false');
  return Math.round(ready.time - begun);
}
