/**
 * Pods that call the Service which they stand behind, in network namespaces with the real redirect rules of both families,
 * and connections that they keep while that Service goes and comes back. The runner starts this in namespaces of its own.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { startMesh } from '../cli/run/mesh.ts';
import { openNamespaces } from '../cli/run/namespaces.ts';
import { readFolder } from '../cli/run/objects.ts';
import {
  allServedOrEnded,
  callOwnService,
  keepConnections,
  keptConnections,
  openedToEndpoints,
  TWIN,
} from './support/own-service.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures/own-service');
const folder = mkdtempSync(join(tmpdir(), 'weft-own-service-'));
writeFileSync(
  join(folder, 'mesh.yaml'),
  readFileSync(join(fixtures, 'mesh.yaml'), 'utf8').replaceAll('APPLICATION', TWIN),
);
const servicesFile = join(folder, 'services.yaml');
copyFileSync(join(fixtures, 'services.yaml'), servicesFile);

const mesh = await startMesh({
  folder,
  objects: readFolder(folder).objects,
  network: openNamespaces(),
  progress: (line) => t.comment(line),
  onOutput() {},
  certificateLifetime: '1h',
});
t.teardown(async () => {
  await mesh.end();
  rmSync(folder, { recursive: true });
});
const { pods } = mesh.plan;
const clusterIp = mesh.plan.services.find(({ name }) => name === 'twin')!.clusterIp;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('a pod that calls its own Service is served, whatever it is called by', async (t) => {
  await pause(1000);
  const services = [
    { host: 'twin' },
    { host: 'twin.default.svc.cluster.local' },
    { host: clusterIp },
    { host: 'twin-headless', family: 4 as const },
    { host: 'twin-headless.default', family: 6 as const },
  ];
  await callOwnService(t, pods, services, 10_000);
  for (const { ips } of pods) {
    const text = await (await fetch(`http://${ips[0]}:4191/metrics`)).text();
    t.match(text, /request_total\{direction="outbound".*no_tls_reason="loopback"/);
    t.match(text, /request_total\{direction="inbound".*no_tls_reason="loopback"/);
  }
});

t.test('kept connections are served again within a second of their Service, or are ended', async (t) => {
  const { ips } = pods[0]!;
  await keepConnections(ips[0]!, clusterIp);
  await pause(1000);
  const before = await openedToEndpoints(ips[0]!);
  for (let round = 0; round < 20; round++) {
    writeFileSync(servicesFile, '');
    await pause(700);
    copyFileSync(join(fixtures, 'services.yaml'), servicesFile);
    // Destination reads a changed file within 100 ms.
    await pause(200);
    const cameBack = await keptConnections(ips[0]!);
    await pause(1000);
    allServedOrEnded(t, cameBack, await keptConnections(ips[0]!), `round ${round}`);
  }
  const kept = await keptConnections(ips[0]!);
  for (const each of kept) t.comment(JSON.stringify(each));
  const more = (await openedToEndpoints(ips[0]!)) - before;
  t.comment(`${more} connections to endpoints in 20 rounds`);
  t.ok(more <= 20 * 3 * 4, 'connections that are opened meanwhile are bounded');
});
