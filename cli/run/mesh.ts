import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';

import { PROXY_NODE_FLAGS } from '../../api/image.ts';
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import * as env from '../../api/proxy-environment.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { clusterState } from './cluster-state.ts';
import { ControlPlane } from './control-plane.ts';
import { reasonIn, saysPortTaken } from './last-words.ts';
import type { MeshNetwork, PodNetwork } from './network.ts';
import type { KubernetesObject } from './objects.ts';
import { type Plan, type PlannedPod, planRun } from './plan.ts';
import { Processes, type Started } from './processes.ts';
import { isStopped } from './stop-signal.ts';
import { ENV_STATE } from './watchdog.ts';

/** Settings of a local mesh. */
export interface MeshOptions {
  /** Folder of the user's manifests, watched live by destination. */
  readonly folder: string;
  readonly objects: readonly KubernetesObject[];
  /** Belongs to the mesh from now on, and is closed with it. */
  readonly network: MeshNetwork;
  /** Told what happens, a line each. */
  readonly progress: (line: string) => void;
  /** Hears what containers print. */
  readonly onOutput: (pod: PlannedPod, line: string) => void;
  /** Hears what destination logs, a line each. */
  readonly onDestinationLine?: (line: string) => void;
  /** Lifetime of workload certificates. */
  readonly certificateLifetime: string;
  /** Flags of the proxies' runtime beside the image's own: a profile, say. */
  readonly proxyFlags?: readonly string[];
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

/**
 * Starts a mesh: identity, destination, then every pod with its network, its proxy and its containers. What has been
 * started is ended again where something fails; its logs are then kept, and the error's hint names their folder.
 */
export async function startMesh(options: MeshOptions): Promise<RunningMesh> {
  const { network, progress } = options;
  const { state } = network.layout;
  for (const folder of ['logs', 'cluster', 'tokens']) mkdirSync(join(state, folder));
  const processes = new Processes(join(state, 'logs'), { [ENV_STATE]: state });
  processes.onUnexpectedEnd = (program, how) =>
    progress(`! ${program.name} ended with ${how}${reasonOf(program, network)}`);
  const end = async () => {
    await processes.end(GRACE_MS);
    await network.close();
  };
  try {
    return { ...(await startPods(options, processes)), processes, state, end };
  } catch (error) {
    await processes.end(GRACE_MS);
    // What fails because it is stopped has no reason that anybody would look for.
    const kept = isStopped() ? '' : keepLogs(join(state, 'logs'));
    await network.close();
    if (kept === '' || !(error instanceof WeftError)) throw error;
    const hint = error.hint === '' ? `logs: ${kept}` : `${error.hint}; logs: ${kept}`;
    throw new WeftError(error.code, error.message, { hint, cause: error });
  }
}

/** Copies the logs of a start that failed to a folder that outlives it. @returns the folder; empty: there is no log */
function keepLogs(logs: string): string {
  if (!readdirSync(logs).some((name) => statSync(join(logs, name)).size > 0)) return '';
  const kept = mkdtempSync(join(tmpdir(), 'weft-run-logs-'));
  cpSync(logs, kept, { recursive: true });
  return kept;
}

async function startPods(
  options: MeshOptions,
  processes: Processes,
): Promise<Pick<RunningMesh, 'plan' | 'control' | 'setReady'>> {
  const { network, progress } = options;
  const { state } = network.layout;
  const plan = planRun(options.objects, network);
  for (const problem of plan.problems) progress(`! ${problem}`);
  if (plan.pods.length === 0)
    throw new WeftError('nothing_to_run', `${options.folder} holds no Deployment that can be run`, {
      hint: 'a container needs its command',
    });
  const ready = new Set<PlannedPod>();
  const setReady = (pod: PlannedPod, isReady: boolean) => {
    if (isReady) ready.add(pod);
    else ready.delete(pod);
    writeState(
      state,
      clusterState(plan, (each) => ready.has(each)),
    );
  };
  writeState(
    state,
    clusterState(plan, () => false),
  );
  await network.prepare(plan);

  const control = new ControlPlane(processes, network, options.onDestinationLine);
  await control.start([options.folder, join(state, 'cluster')], options.certificateLifetime);
  progress(`control plane ready: identity ${control.identityAddress}, destination ${control.destinationAddress}`);

  await Promise.all(
    plan.pods.map(async (pod, index) => {
      await startPod(pod, index, { processes, control, options });
      setReady(pod, true);
      progress(
        `pod ${pod.namespace}/${pod.name} ready at ${pod.ips.join(' and ')}${pod.isMeshed ? '' : ', without a proxy'}`,
      );
    }),
  );
  return { plan, control, setReady };
}

interface PodContext {
  readonly processes: Processes;
  readonly control: ControlPlane;
  readonly options: MeshOptions;
}

async function startPod(pod: PlannedPod, index: number, { processes, control, options }: PodContext): Promise<void> {
  const { network } = options;
  const { node } = network.layout;
  const place = network.attach(pod, index);
  const name = `${pod.namespace}.${pod.name}`;
  if (pod.isMeshed) await startProxy(pod, place, { processes, control, options });
  await Promise.all(
    pod.containers.map(async (container) => {
      const { command, environment } = place.container({
        ...container,
        command: container.command.map((word) => (word === 'node' ? node : word)),
      });
      // What the manifest says of a variable holds, not what the network would like.
      const variables = { ...environment, ...container.environment };
      const started = processes.start(`${name}.${container.name}`, command, variables, (line) =>
        options.onOutput(pod, line),
      );
      await Promise.all(container.ports.map(({ port }) => waitForPort(started, place, port, network)));
    }),
  );
}

async function startProxy(pod: PlannedPod, place: PodNetwork, { processes, control, options }: PodContext) {
  const { layout, proxyUid } = options.network;
  const name = `${pod.namespace}.${pod.name}`;
  const token = join(layout.state, 'tokens', name);
  writeFileSync(token, control.token(pod), { mode: 0o600 });
  if (proxyUid !== null) chownSync(token, proxyUid, -1);
  const volume = join(layout.state, 'bundles', name);
  mkdirSync(volume, { recursive: true });
  if (proxyUid !== null) chownSync(volume, proxyUid, -1);
  const { command, environment } = place.proxy([
    layout.node,
    ...PROXY_NODE_FLAGS,
    ...(options.proxyFlags ?? []),
    join(layout.programs, 'proxy.js'),
  ]);
  const started = processes.start(`${name}.weft-proxy`, command, {
    [env.ENV_POD_NAME]: pod.name,
    [env.ENV_POD_NAMESPACE]: pod.namespace,
    [env.ENV_POD_UID]: pod.uid,
    [env.ENV_POD_SERVICE_ACCOUNT]: pod.serviceAccount,
    [env.ENV_POD_IPS]: pod.ips.join(','),
    [env.ENV_IDENTITY_ADDRESS]: control.identityAddress,
    [env.ENV_DESTINATION_ADDRESS]: control.destinationAddress,
    [env.ENV_TOKEN_FILE]: token,
    [env.ENV_TRUST_ROOTS]: control.trustRoots,
    [env.ENV_TRUST_BUNDLE_FILE]: join(volume, basename(env.TRUST_BUNDLE_FILE)),
    // In force before destination has spoken: a policy must not begin later than the pod.
    [env.ENV_DEFAULT_INBOUND_POLICY]: pod.initialPolicy,
    [env.ENV_SHUTDOWN_GRACE]: '2s',
    MALLOC_ARENA_MAX: '1',
    ...environment,
  });
  const problem = await awaited(started, PROXY_POLL_MS, async () => {
    const answer = await fetch(`http://${pod.ips[0]}:${PROXY_ADMIN_PORT}/ready`).catch(() => null);
    return answer?.ok ?? false;
  });
  if (problem === '') return;
  const reason = reasonIn(started.lastWords());
  const what = `the proxy of ${pod.namespace}/${pod.name} ${problem} before it was ready`;
  throw new WeftError('proxy_not_ready', `${what}${reason && `: ${reason}`}`);
}

async function waitForPort(started: Started, place: PodNetwork, port: number, network: MeshNetwork): Promise<void> {
  const problem = await awaited(started, PORT_POLL_MS, () => place.listens(port));
  if (problem === '') return;
  const obstacle = place.obstacle(port);
  const reason = obstacle || reasonIn(started.lastWords());
  throw new WeftError(
    'container_not_ready',
    `${started.name} ${problem} before it listened on port ${port}${reason && `: ${reason}`}`,
    { hint: obstacle !== '' || saysPortTaken(reason) ? network.portAdvice : '' },
  );
}

/** Waits until something holds. @returns empty, or what the program did instead */
async function awaited(started: Started, pollMs: number, holds: () => Promise<boolean>): Promise<string> {
  let ended = '';
  void started.ended.then((how) => {
    ended = `ended with ${how}`;
  });
  const deadline = Date.now() + READY_LIMIT_MS;
  while (Date.now() < deadline && ended === '') {
    if (await holds()) return '';
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return ended || `had ${READY_LIMIT_MS / 1000} s`;
}

/** Why a program ended, where its last words tell: its port is taken. */
function reasonOf(program: Started, { portAdvice }: MeshNetwork): string {
  const words = program.lastWords();
  return saysPortTaken(words) ? `: its port is taken (${reasonIn(words)}); ${portAdvice}` : '';
}

/** Writes the generated manifests; each file is replaced whole, and only when it changes. */
function writeState(state: string, objects: readonly KubernetesObject[]): void {
  const file = join(state, 'cluster', 'state.yaml');
  writeFileSync(`${file}.new`, objects.map((object) => stringify(object)).join('---\n'));
  renameSync(`${file}.new`, file);
}

/** How long programs have to end by themselves. */
const GRACE_MS = 5000;
const READY_LIMIT_MS = 30_000;
const PROXY_POLL_MS = 25;
const PORT_POLL_MS = 50;
