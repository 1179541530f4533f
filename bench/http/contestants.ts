import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { PROXY_UID } from '../../api/names.ts';
import type { Case } from './cases.ts';
import type { CheckoutMesh } from './checkout.ts';
import { pin } from './cpu.ts';
import { PEERS, type Peer, type Side } from './peers.ts';
import { BACKEND_PORT, type MeshedPods, type Topology, TRANSFER_PORT } from './topology.ts';

/** One that takes part: how a load reaches its proxies, and which processes those are. */
export interface Entrance {
  /** The command that enters the network where the load begins. */
  readonly enter: readonly string[];
  /** Where the load is sent. */
  readonly host: string;
  readonly port: number;
  /** Processes that are measured. */
  readonly pids: readonly number[];
  /** File of the generator's own credentials; empty: it speaks plain text. */
  readonly credentials: string;
  leave(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  /** Whose processes it is measured by: our own mesh, that of another checkout, or its own, made for each measurement. */
  readonly mesh: 'own' | CheckoutMesh | null;
  open(each: Case, topology: Topology): Promise<Entrance>;
}

/**
 * Everybody who can take part in a case. Weft does twice, which tells how much of a difference is noise; other checkouts
 * follow at once, before the peers.
 */
export function contestantsOf(each: Case, wanted: readonly string[], checkouts: readonly CheckoutMesh[]): Contestant[] {
  if (each.beside === 'unused-policies')
    return [
      weft('weft', 'own', 'bare'),
      weft('weft-again', 'own', 'bare'),
      ...checkouts.map((mesh) => weft(mesh.name, mesh, 'bare')),
      weft('weft-policies', 'own', 'policies'),
      ...checkouts.map((mesh) => weft(mesh.name.replace('weft', 'weft-policies'), mesh, 'policies')),
    ];
  if (each.beside === 'access-policies')
    return [
      weft('weft', 'own'),
      weft('weft-again', 'own'),
      ...checkouts.map((mesh) => weft(mesh.name, mesh)),
      weft('weft-guarded', 'own', 'guarded', 'guarded'),
      ...checkouts.map((mesh) => weft(mesh.name.replace('weft', 'weft-guarded'), mesh, 'guarded', 'guarded')),
    ];
  const peers = PEERS.filter(({ name, program, carries }) => {
    if (!wanted.includes(name)) return false;
    if (program === '') console.log(`${name} is not installed: left out`);
    if (carries && !carries.includes(each.protocol)) console.log(`${name} does not carry ${each.protocol}: left out`);
    return program !== '' && (!carries || carries.includes(each.protocol));
  });
  return [
    ...(each.path === 'server' ? [] : [direct]),
    weft('weft', 'own'),
    weft('weft-again', 'own'),
    ...checkouts.map((mesh) => weft(mesh.name, mesh)),
    ...peers.map((peer) => peerContestant(peer)),
  ];
}

/** The load as user of the proxy, whom the rules exempt. */
const direct: Contestant = {
  name: 'direct',
  mesh: null,
  async open(each, topology) {
    return {
      enter: [...inside(topology, 'client'), ...asProxy()],
      host: topology.address('plain'),
      port: portOf(each),
      pids: [],
      credentials: '',
      async leave() {},
    };
  },
};

/**
 * @param service that the load is sent to; absent: the one of the case's path
 * @param server the pod behind it
 */
function weft(name: string, mesh: 'own' | CheckoutMesh, service?: string, server = 'server'): Contestant {
  return {
    name,
    mesh,
    async open(each, own) {
      const topology: MeshedPods = mesh === 'own' ? own : mesh;
      const pods = { client: ['client'], both: ['client', server], server: [server] }[each.path];
      const pids = pods.map((pod) => topology.pid(pod, 'weft-proxy'));
      for (const pid of pids) pin(pid, 0);
      const addresses = ['client', server].map((pod) => topology.address(pod));
      const scraper = await startCompanion([...topology.enter, process.execPath, SCRAPER, ...addresses]);
      const isServer = each.path === 'server';
      return {
        // Into the server's proxy directly, past the client's own.
        enter: isServer ? [...inside(topology, 'client'), ...asProxy()] : inside(topology, 'client'),
        host: isServer
          ? topology.address('server')
          : topology.clusterIp(service ?? (each.path === 'both' ? 'server' : 'plain')),
        port: portOf(each),
        pids,
        credentials: isServer ? topology.credentials() : '',
        async leave() {
          await kill(scraper);
        },
      };
    },
  };
}

function peerContestant(peer: Peer): Contestant {
  return {
    name: peer.name,
    mesh: null,
    async open(each, topology) {
      const target = each.path === 'client' ? 'plain' : 'peer-server';
      const place = {
        folder: topology.folder,
        server: topology.address(target),
        port: portOf(each),
        hops: each.path === 'client' ? (1 as const) : (2 as const),
        protocol: each.protocol,
      };
      const sides = peer.sides(place);
      const networks = sides.map((_, at) => inside(topology, at === 0 ? 'peer-client' : 'peer-server'));
      const companions = await Promise.all(
        sides.map(({ alongside }, at) => alongside && startCompanion([...networks[at]!, ...alongside])),
      );
      const proxies = sides.map((side, at) => startProxy(networks[at]!, side));
      await new Promise((resolve) => setTimeout(resolve, START_MS));
      const isServer = each.path === 'server';
      return {
        enter: isServer ? [...inside(topology, 'peer-client'), ...asProxy()] : inside(topology, 'peer-client'),
        host: topology.address(target),
        port: portOf(each),
        pids: proxies.map(({ pid }) => pid!).slice(isServer ? 1 : 0),
        credentials: isServer ? topology.peerCredentials(peer.serverName) : '',
        async leave() {
          for (const process of [...proxies, ...companions]) if (process) await kill(process);
        },
      };
    },
  };
}

/** Starts a peer's proxy on core 0 as the user whom the rules exempt. */
function startProxy(network: readonly string[], { command, environment }: Side): ChildProcess {
  const whole = [...network, ...asProxy(), 'taskset', '-c', '0', ...command];
  return spawn(whole[0]!, whole.slice(1), {
    // A log would stand between the figures.
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
}

/** Starts what a proxy needs beside it, or who asks it, on core 1. @returns when it has printed its line */
async function startCompanion(command: readonly string[]): Promise<ChildProcess> {
  const child = spawn('taskset', ['-c', '1', ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', (code) => reject(new Error(`${command.join(' ')} ended with ${code}`)));
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

function portOf(each: Case): number {
  return each.kind === 'tcp' ? TRANSFER_PORT : BACKEND_PORT;
}

function inside(topology: MeshedPods, pod: string): string[] {
  return ['nsenter', `--net=${topology.namespace(pod)}`, '--'];
}

function asProxy(): string[] {
  return ['setpriv', '--reuid', String(PROXY_UID), '--regid', String(PROXY_UID), '--clear-groups', '--'];
}

const SCRAPER = fileURLToPath(new URL('./scraper.ts', import.meta.url));
/** How long a peer has to start. */
const START_MS = 1000;
