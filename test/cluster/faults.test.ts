/** The control plane is killed, or frozen, under load; nothing is lost, and what was changed meanwhile arrives. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { IMAGE, NAMESPACE, podIps, weft } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';
import { endSaboteur, keepAway, startSaboteur } from '../support/saboteur.ts';

/** Seconds that a program stays away; 60 where a release is tested. */
const AWAY_SECONDS = Number(process.env.WEFT_TEST_AWAY_SECONDS ?? 8);
const RATE = 500;
const SERVICES = ['api', 'guarded', 'db'];
/** Certificates must outlive the time without identity, as those of 24 h do; the tests before this used 20 s. */
const CERTIFICATE_LIFETIME = '1h';
const OUTLIVES_SECONDS = 1800;
const LOAD = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../fixtures/namespaces/load.mjs'), 'utf8');

t.test('a privileged pod can harm the control plane', async () => {
  await startSaboteur();
});

t.test('every pod has a certificate that outlives an outage', async (t) => {
  await apply((await weft('install', '--image', IMAGE, '--issuance-lifetime', CERTIFICATE_LIFETIME)).out);
  await kubectl('-n', 'weft', 'rollout', 'status', 'deployment/weft-identity', '--timeout=120s');
  for (const app of ['client', ...SERVICES])
    for (const ip of await podIps(app))
      t.ok(await eventually(async () => (await certificateExpiry(ip)) > Date.now() / 1000 + OUTLIVES_SECONDS, 90_000));
});

t.test('a pod made while the webhook is away comes up with its proxy, later', async (t) => {
  const away = keepAway('webhook', 'SIGKILL', 4);
  await pause(1);
  await kubectl('-n', NAMESPACE, 'scale', 'deployment/guarded', '--replicas=2');
  await pause(2);
  t.equal((await podsOf('guarded')).length, 1, 'nothing is let in without a proxy');
  await away;
  t.ok(await eventually(() => isReady('webhook'), 120_000));
  t.ok(await eventually(async () => (await podsOf('guarded')).length === 2, 120_000), 'the second pod comes');
  for (const pod of await podsOf('guarded')) t.same(pod.initContainers, ['weft-init', 'weft-proxy']);
});

for (const program of ['identity', 'destination', 'webhook'] as const) {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const how = signal === 'SIGKILL' ? 'killed' : 'frozen';
    t.test(
      `no request is lost while ${program} is ${how} for ${AWAY_SECONDS} s, and an endpoint that left meanwhile is gone within 10 s of its return`,
      async (t) => {
        await allReady();
        const load = openLoopLoad(AWAY_SECONDS + 10);
        const [leaving, staying] = await podsOf('api');
        await pause(2);
        const away = keepAway(program, signal, AWAY_SECONDS);
        await pause(AWAY_SECONDS / 2);
        await setReady(leaving!.name, false);
        t.ok(
          await eventually(async () => !(await endpointsOf('api')).includes(leaving!.uid), 30_000),
          'the API server lists it as not ready',
        );
        t.ok((await away) > 0, 'a process was met');
        t.ok(await eventually(() => isReady(program), 120_000), `${program} is back`);
        const returned = Date.now();
        const known = async () => (await knownTo('client', 'api')).sort();
        t.ok(
          await eventually(async () => (await known()).join() === staying!.uid, 10_000),
          `the proxy of a client knew ${Date.now() - returned} ms after the return`,
        );
        const tally = await load;
        t.comment(JSON.stringify(tally));
        t.equal(tally.answered, tally.sent, 'every request was answered');
        t.same(tally.statuses, { 200: tally.sent }, ['and well', ...tally.failures].join('; '));
        await setReady(leaving!.name, true);
        t.ok(await eventually(async () => (await known()).length === 2), 'the endpoint came back');
      },
    );
  }
}

t.test('no request is lost while Deployments are rolled out', async (t) => {
  await allReady();
  const load = openLoopLoad(30, 100);
  await pause(2);
  for (const workload of ['deployment/api', 'deployment/guarded'])
    await kubectl('-n', NAMESPACE, 'rollout', 'restart', workload);
  for (const workload of ['deployment/api', 'deployment/guarded'])
    await kubectl('-n', NAMESPACE, 'rollout', 'status', workload, '--timeout=120s');
  const tally = await load;
  t.comment(JSON.stringify(tally));
  t.equal(tally.answered, tally.sent, 'every request was answered');
  t.same(tally.statuses, { 200: tally.sent }, ['and well', ...tally.failures].join('; '));
});

t.test('no request is lost while three replicas are restarted one by one under 1,000 requests a second', async (t) => {
  await kubectl('-n', NAMESPACE, 'scale', 'deployment/api', '--replicas=3');
  await kubectl('-n', NAMESPACE, 'rollout', 'status', 'deployment/api', '--timeout=120s');
  await allReady();
  const load = openLoopLoad(40, 1000, ['api']);
  await pause(3);
  await kubectl('-n', NAMESPACE, 'rollout', 'restart', 'deployment/api');
  await kubectl('-n', NAMESPACE, 'rollout', 'status', 'deployment/api', '--timeout=120s');
  const tally = await load;
  t.comment(JSON.stringify(tally));
  t.equal(tally.answered, tally.sent, 'every request was answered');
  t.same(tally.statuses, { 200: tally.sent }, ['and well', ...tally.failures].join('; '));
  await kubectl('-n', NAMESPACE, 'scale', 'deployment/api', '--replicas=2');
});

t.test('and the harm ends', async () => {
  await endSaboteur();
});

interface Tally {
  readonly sent: number;
  readonly answered: number;
  readonly statuses: Record<string, number>;
  /** The first requests that went wrong. */
  readonly failures: readonly string[];
}

/** Sends requests by the clock from the client's pod to Services. @returns what became of them */
async function openLoopLoad(seconds: number, rate = RATE, services = SERVICES): Promise<Tally> {
  const urls = services.map((name) => `http://${name}.${NAMESPACE}.svc.cluster.local${name === 'db' ? ':8080' : ''}/`);
  const script = `process.argv.splice(1, 0, 'load');${LOAD.replace(/^import .*$/m, "const { Agent, get } = require('node:http'); (async () => {")} })();`;
  const { code, out, error } = await run('kubectl', [
    ...['-n', NAMESPACE, 'exec', 'deploy/client', '-c', 'client', '--'],
    ...['/usr/bin/node', '-e', script, String(rate), String(seconds), ...urls],
  ]);
  if (code !== 0) throw new Error(`the load ended with ${code}: ${error}`);
  return JSON.parse(out) as Tally;
}

/** The pods of an app that are there to stay. */
async function podsOf(app: string): Promise<{ name: string; uid: string; initContainers: string[] }[]> {
  const { items } = JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', `app=${app}`, '-o', 'json')) as {
    items: {
      metadata: { name: string; uid: string; deletionTimestamp?: string };
      spec: { initContainers?: { name: string }[] };
    }[];
  };
  return items
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      uid: metadata.uid,
      initContainers: (spec.initContainers ?? []).map(({ name }) => name),
    }));
}

/** Waits until every pod is ready: a headless Service has no address without a ready pod. */
async function allReady(): Promise<void> {
  for (const app of ['client', ...SERVICES])
    await kubectl('-n', NAMESPACE, 'wait', '--for=condition=Ready', 'pod', '-l', `app=${app}`, '--timeout=60s');
}

/** When the certificate of a pod's proxy expires, in seconds since the epoch. */
async function certificateExpiry(podIp: string): Promise<number> {
  const text = await (await fetch(`http://${podIp}:4191/metrics`)).text();
  return Number(/^control_identity_cert_expiration_timestamp_seconds (\S+)$/m.exec(text)?.[1] ?? 0);
}

/** Lets a pod fail or pass its readiness probe. */
async function setReady(pod: string, ready: boolean): Promise<void> {
  const script = `process.kill(1, '${ready ? 'SIGHUP' : 'SIGUSR2'}')`;
  await kubectl('-n', NAMESPACE, 'exec', pod, '-c', 'api', '--', '/usr/bin/node', '-e', script);
}

/** UIDs of the pods that the API server lists as ready endpoints of a Service. */
async function endpointsOf(service: string): Promise<string[]> {
  const { items } = JSON.parse(
    await kubectl(
      '-n',
      NAMESPACE,
      'get',
      'endpointslices',
      '-l',
      `kubernetes.io/service-name=${service}`,
      '-o',
      'json',
    ),
  ) as { items: { endpoints?: { conditions: { ready?: boolean }; targetRef: { uid: string } }[] }[] };
  return items
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions.ready)
    .map(({ targetRef }) => targetRef.uid);
}

/** UIDs of the pods that the proxy of a client's pod knows behind a Service. */
async function knownTo(client: string, service: string): Promise<string[]> {
  const clusterIp = await kubectl('-n', NAMESPACE, 'get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}');
  const script = "fetch('http://127.0.0.1:4191/state').then(async (r) => console.log(await r.text()))";
  const { targets } = JSON.parse(
    await kubectl('-n', NAMESPACE, 'exec', `deploy/${client}`, '-c', client, '--', '/usr/bin/node', '-e', script),
  ) as { targets: Record<string, { target: { backends: Record<string, { endpoints: { uid: string }[] }> } | null }> };
  return targets[`${clusterIp}:80`]!.target!.backends['']!.endpoints.map(({ uid }) => uid);
}

async function isReady(program: string): Promise<boolean> {
  const ready = await kubectl(
    ...['-n', 'weft', 'get', 'pods', '-l', `app.kubernetes.io/name=weft-${program}`],
    ...['-o', 'jsonpath={.items[*].status.containerStatuses[*].ready}'],
  );
  return ready === 'true';
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
