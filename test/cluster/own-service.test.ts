/** A Deployment that calls the Service which it stands behind, and connections that it keeps while that goes and comes back. */
import t from 'tap';

import { container, NAMESPACE, workload } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import {
  allServedOrEnded,
  callOwnService,
  keepConnections,
  keptConnections,
  openedToEndpoints,
  twinProgram,
} from '../support/own-service.ts';

const PORTS = { http: 8080, grpc: 8081, tcp: 9000 };

const twinService = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    selector: { app: 'twin' },
    ipFamilyPolicy: 'PreferDualStack',
    ports: Object.entries(PORTS).map(([port, number]) => ({ name: port, port: number })),
    ...spec,
  },
});
const documents = (objects: readonly object[]) => objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Pod {
  readonly name: string;
  readonly ips: readonly string[];
}

async function twins(): Promise<readonly Pod[]> {
  const { items } = JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', 'app=twin', '-o', 'json')) as {
    items: { metadata: { name: string }; status: { podIPs: { ip: string }[] } }[];
  };
  return items.map(({ metadata, status }) => ({ name: metadata.name, ips: status.podIPs.map(({ ip }) => ip) }));
}

async function clusterIps(): Promise<readonly string[]> {
  return JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'service', 'twin', '-o', 'jsonpath={.spec.clusterIPs}'));
}

t.test('a pod that calls its own Service is served, whatever it is called by', async (t) => {
  const program = container('twin', '', {
    command: ['/usr/bin/node', '--input-type=module', '-e', twinProgram()],
    ports: [...Object.values(PORTS), 8090].map((containerPort) => ({ containerPort })),
    env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  });
  await apply(
    documents([
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'twin', namespace: NAMESPACE } },
      workload('Deployment', 'twin', 2, { containers: [program] }),
      twinService('twin', {}),
      twinService('twin-headless', { clusterIP: 'None' }),
    ]),
  );
  await kubectl('-n', NAMESPACE, 'rollout', 'status', 'deployment/twin', '--timeout=120s');
  await pause(2000);
  const services = [
    { host: 'twin', family: 4 as const },
    { host: `twin.${NAMESPACE}.svc.cluster.local`, family: 6 as const },
    ...(await clusterIps()).map((host) => ({ host })),
    { host: 'twin-headless', family: 4 as const },
    { host: `twin-headless.${NAMESPACE}`, family: 6 as const },
  ];
  const pods = await twins();
  t.equal(pods.length, 2);
  await callOwnService(t, pods, services, 10_000);
  for (const { ips } of pods) {
    const text = await (await fetch(`http://${ips[0]}:4191/metrics`)).text();
    t.match(text, /request_total\{direction="outbound".*no_tls_reason="loopback"/);
    t.match(text, /request_total\{direction="inbound".*no_tls_reason="loopback"/);
  }
});

for (const [how, nextIp] of [
  ['the same address', (ip: string) => ip],
  ['another address', () => undefined],
] as const) {
  t.test(`kept connections are served again within a second of their Service with ${how}, or are ended`, async (t) => {
    const [{ ips }] = (await twins()) as [Pod];
    const [clusterIp] = (await clusterIps()) as [string];
    const already = (await keptConnections(ips[0]!)).length;
    // Of another address a client learns by the name alone.
    const host = nextIp(clusterIp) ?? 'twin';
    await keepConnections(ips[0]!, host);
    await pause(1000);
    const before = await openedToEndpoints(ips[0]!);
    const mine = async () => (await keptConnections(ips[0]!)).slice(already);
    for (let round = 0; round < 20; round++) {
      await kubectl('-n', NAMESPACE, 'delete', 'service', 'twin');
      await pause(1200);
      await apply(documents([twinService('twin', { clusterIP: nextIp(clusterIp) })]));
      const cameBack = await mine();
      await pause(1000);
      allServedOrEnded(t, cameBack, await mine(), `round ${round}`);
    }
    for (const each of await mine()) t.comment(JSON.stringify(each));
    const more = (await openedToEndpoints(ips[0]!)) - before;
    t.comment(`${more} connections to endpoints in 20 rounds`);
    t.ok(more <= 20 * 3 * 4, 'connections that are opened meanwhile are bounded');
    t.ok(
      await eventually(async () => {
        const now = await mine();
        await pause(300);
        return (await mine()).every(({ served }, i) => served > now[i]!.served);
      }),
      'all are served in the end',
    );
  });
}

t.test('the twins go', async () => {
  await kubectl('-n', NAMESPACE, 'delete', 'deployment/twin', 'service/twin', 'service/twin-headless', '--wait=false');
});
