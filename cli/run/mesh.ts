import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

import { DEFAULT_INBOUND_POLICY_ANNOTATION, PROXY_UID } from '../../api/names.ts';
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import * as env from '../../api/proxy-environment.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { clusterState } from './cluster-state.ts';
import { ControlPlane, type Layout } from './control-plane.ts';
import { serveDns } from './dns.ts';
import { BRIDGE_IPV4, execute, makeBridge, makePodNamespace } from './namespaces.ts';
import type { KubernetesObject } from './objects.ts';
import { type Plan, type PlannedPod, planRun } from './plan.ts';
import { Processes } from './processes.ts';

/** Settings of a local mesh. */
export interface MeshOptions {
  /** Folder of the user's manifests, watched live by destination. */
  readonly folder: string;
  readonly objects: readonly KubernetesObject[];
  /** Told what happens, a line each. */
  readonly progress: (line: string) => void;
  /** Hears what containers print. */
  readonly onOutput: (pod: PlannedPod, line: string) => void;
  /** Lifetime of workload certificates. */
  readonly certificateLifetime: string;
}

/** A mesh that runs. */
export interface RunningMesh {
  readonly plan: Plan;
  readonly processes: Processes;
  /** Folder of logs and generated manifests. */
  readonly state: string;
  readonly control: ControlPlane;
  /** Says whether a pod is ready, as the kubelet would. */
  setReady(pod: PlannedPod, isReady: boolean): void;
  /** Ends everything and removes the state. */
  end(): Promise<void>;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Starts a mesh in network namespaces: bridge, identity, destination, then every pod with its redirect rules, its proxy
 * and its containers. This process must already be in namespaces of its own.
 */
export async function startMesh(options: MeshOptions): Promise<RunningMesh> {
  const { progress } = options;
  makeBridge();
  const layout = prepareLayout();
  const processes = new Processes(join(layout.state, 'logs'));
  processes.onUnexpectedEnd = (name, how) => progress(`! ${name} ended with ${how}`);
  const plan = planRun(options.objects);
  for (const problem of plan.problems) progress(`! ${problem}`);
  if (plan.pods.length === 0)
    throw new WeftError('nothing_to_run', `${options.folder} holds no Deployment that can be run`, {
      hint: 'a container needs its command',
    });

  const ready = new Set<PlannedPod>();
  const write = () =>
    writeState(
      layout.state,
      clusterState(plan, (pod) => ready.has(pod)),
    );
  write();
  const dns = await serveDns(BRIDGE_IPV4, resolver(plan));
  dns.unref();

  const control = new ControlPlane(layout, processes, BRIDGE_IPV4);
  await control.start([options.folder, join(layout.state, 'cluster')], options.certificateLifetime);
  progress(`control plane ready: identity ${control.identityAddress}, destination ${control.destinationAddress}`);

  await Promise.all(
    plan.pods.map(async (pod, index) => {
      await startPod(pod, index, { layout, processes, control, options });
      ready.add(pod);
      write();
      progress(
        `pod ${pod.namespace}/${pod.name} ready at ${pod.ips.join(' and ')}${pod.isMeshed ? '' : ', without a proxy'}`,
      );
    }),
  );
  return {
    plan,
    processes,
    state: layout.state,
    control,
    setReady(pod, isReady) {
      if (isReady) ready.add(pod);
      else ready.delete(pod);
      write();
    },
    async end() {
      await processes.end(5000);
      dns.close();
      rmSync(layout.state, { recursive: true, force: true });
    },
  };
}

/**
 * Puts Node and the bundles where every user may read them, under /run, which is this mesh's own; the project itself may
 * lie in a home that only its owner can enter.
 */
function prepareLayout(): Layout {
  if (!existsSync(join(root, 'build/proxy.js')))
    throw new WeftError('not_built', 'the programs are not bundled', { hint: 'run "make build"' });
  mkdirSync('/run/weft/node_modules', { recursive: true });
  execute('touch', '/run/weft/node');
  execute('mount', '--bind', process.execPath, '/run/weft/node');
  for (const program of ['proxy', 'init', 'identity', 'destination'])
    cpSync(join(root, `build/${program}.js`), `/run/weft/${program}.js`);
  writeFileSync('/run/weft/package.json', '{"type":"module"}');
  for (const name of ['koffi', '@koromix']) {
    const target = join('/run/weft/node_modules', name);
    mkdirSync(target);
    execute('mount', '--bind', join(root, 'node_modules', name), target);
  }
  const state = mkdtempSync('/run/weft-state-');
  chmodSync(state, 0o755);
  for (const folder of ['logs', 'cluster', 'tokens']) mkdirSync(join(state, folder));
  return { node: '/run/weft/node', programs: '/run/weft', state };
}

interface PodContext {
  readonly layout: Layout;
  readonly processes: Processes;
  readonly control: ControlPlane;
  readonly options: MeshOptions;
}

async function startPod(
  pod: PlannedPod,
  index: number,
  { layout, processes, control, options }: PodContext,
): Promise<void> {
  const namespace = makePodNamespace(pod, index);
  const inside = ['nsenter', `--net=${namespace}`, '--'];
  const name = `${pod.namespace}.${pod.name}`;
  if (pod.isMeshed) {
    execute('nsenter', `--net=${namespace}`, '--', layout.node, join(layout.programs, 'init.js'));
    const token = join(layout.state, 'tokens', name);
    writeFileSync(token, control.token(pod), { mode: 0o600 });
    execute('chown', String(PROXY_UID), token);
    processes.start(
      `${name}.weft-proxy`,
      [
        ...inside,
        'setpriv',
        '--reuid',
        String(PROXY_UID),
        '--regid',
        String(PROXY_UID),
        '--clear-groups',
        '--',
        layout.node,
        '--max-semi-space-size=1',
        join(layout.programs, 'proxy.js'),
      ],
      {
        [env.ENV_POD_NAME]: pod.name,
        [env.ENV_POD_NAMESPACE]: pod.namespace,
        [env.ENV_POD_UID]: pod.uid,
        [env.ENV_POD_SERVICE_ACCOUNT]: pod.serviceAccount,
        [env.ENV_POD_IPS]: pod.ips.join(','),
        [env.ENV_IDENTITY_ADDRESS]: control.identityAddress,
        [env.ENV_DESTINATION_ADDRESS]: control.destinationAddress,
        [env.ENV_TOKEN_FILE]: token,
        [env.ENV_TRUST_ROOTS]: control.trustRoots,
        // In force before destination has spoken: a policy must not begin later than the pod.
        [env.ENV_DEFAULT_INBOUND_POLICY]: pod.annotations[DEFAULT_INBOUND_POLICY_ANNOTATION] ?? '',
        [env.ENV_SHUTDOWN_GRACE]: '2s',
        MALLOC_ARENA_MAX: '1',
      },
    );
    await waitForProxy(pod, join(layout.state, 'logs', `${name}.weft-proxy.log`));
  }
  writeFileSync(
    join(layout.state, `resolv-${pod.namespace}.conf`),
    `nameserver ${BRIDGE_IPV4}\nsearch ${pod.namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n`,
  );
  for (const container of pod.containers) {
    const user = container.uid === null ? [] : ['setpriv', '--reuid', String(container.uid), '--clear-groups', '--'];
    const resolv = `mount --bind ${join(layout.state, `resolv-${pod.namespace}.conf`)} /etc/resolv.conf && exec "$@"`;
    processes.start(
      `${name}.${container.name}`,
      [
        ...inside,
        'unshare',
        '--mount',
        'sh',
        '-c',
        resolv,
        'sh',
        ...user,
        ...container.command.map((word) => (word === 'node' ? layout.node : word)),
      ],
      { ...container.environment, POD_NAME: pod.name, POD_IP: pod.ips[0] },
      (line) => options.onOutput(pod, line),
    );
  }
  for (const { port } of pod.containers.flatMap(({ ports }) => ports)) await waitForPort(pod, port);
}

async function waitForProxy(pod: PlannedPod, log: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const answer = await fetch(`http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/ready`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new WeftError('proxy_not_ready', `the proxy of ${pod.namespace}/${pod.name} was not ready within 30 s`, {
    hint: `its log: ${log}`,
  });
}

async function waitForPort(pod: PlannedPod, port: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (await listens(pod, port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new WeftError('container_not_ready', `${pod.namespace}/${pod.name} does not listen on port ${port} after 30 s`);
}

/** Whether the pod's application accepts; the look is from inside, because a proxy accepts for it. */
function listens(pod: PlannedPod, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: pod.ips[0], port, timeout: 1000 });
    // A proxy accepts whether or not the application does: only an answer, or silence, tells.
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: ready\r\nConnection: close\r\n\r\n'));
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(!/^HTTP\/1.1 50[24]/.test(chunk.toString('latin1')));
    });
    socket.on('timeout', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}

/** Writes the generated manifests; each file is replaced whole, and only when it changes. */
function writeState(state: string, objects: readonly KubernetesObject[]): void {
  const file = join(state, 'cluster', 'state.yaml');
  writeFileSync(`${file}.new`, objects.map((object) => stringify(object)).join('---\n'));
  renameSync(`${file}.new`, file);
}

/** Names of Services and of their pods, absolute. */
function resolver(plan: Plan) {
  const ipv4 = new Map<string, string[]>();
  for (const { object, name, namespace, clusterIp } of plan.services) {
    const { selector = {} } = object.spec as { selector?: Record<string, string> };
    const pods = plan.pods.filter(
      (pod) =>
        pod.namespace === namespace && Object.entries(selector).every(([key, value]) => pod.labels[key] === value),
    );
    const fqdn = `${name}.${namespace}.svc.cluster.local`;
    ipv4.set(fqdn, clusterIp === 'None' ? pods.map(({ ips }) => ips[0]) : [clusterIp]);
    if (clusterIp === 'None') for (const pod of pods) ipv4.set(`${pod.name}.${fqdn}`, [pod.ips[0]]);
  }
  return (name: string) => {
    const found = ipv4.get(name);
    return found ? { ipv4: found, ipv6: [] } : null;
  };
}
