import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CAPTURE_ANNOTATION } from '../../api/names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import * as env from '../../api/proxy-environment.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { CONTROL_PORTS } from './control-plane.ts';
import { environmentOfHolder, isWildcard, type ListeningSocket, socketsListeningOn } from './listening-socket.ts';
import type { Layout, MeshNetwork, PodNetwork } from './network.ts';
import type { Plan, PlannedPod } from './plan.ts';
import { asUser } from './processes.ts';
import { builtPrograms } from './programs.ts';
import { ENV_STATE, startWatchdog, type Watchdog } from './watchdog.ts';

/**
 * Pods on addresses of their own in 127.0.0.0/8, with an explicit proxy: needs no privilege and changes nothing of the
 * machine's network. Each mesh takes a /16 that no other one has.
 *
 * @param warn told what a pod does that another one may suffer from, a line each
 */
export async function openLoopback(warn: (line: string) => void): Promise<MeshNetwork> {
  const programs = builtPrograms().folder;
  const claim = await claimBlock();
  const state = mkdtempSync(join(tmpdir(), 'weft-run-'));
  return new Loopback({ node: process.execPath, programs, state }, claim, startWatchdog(state), warn);
}

class Loopback implements MeshNetwork {
  readonly mode = 'loopback';
  readonly podAnnotations = { [CAPTURE_ANNOTATION]: 'none' };
  /** Every peer comes from 127.0.0.1, and there is no outside. */
  readonly clusterNetworks = [LOOPBACK_NETWORK];
  readonly proxyUid = null;
  readonly portAdvice =
    'in the loopback mode pods share the ports of this machine, so a program must listen on the address in $HOST (its $POD_IP), not on 0.0.0.0 or ::';
  readonly layout: Layout;
  readonly controlHost: string;
  readonly #claim: Claim;
  readonly #watchdog: Watchdog;
  readonly #warn: (line: string) => void;
  readonly #warned = new Set<string>();

  constructor(layout: Layout, claim: Claim, watchdog: Watchdog, warn: (line: string) => void) {
    this.layout = layout;
    this.#claim = claim;
    this.#watchdog = watchdog;
    this.#warn = warn;
    this.controlHost = `${claim.block}.0.1`;
  }

  podIps(index: number) {
    const host = index + FIRST_HOST;
    return [`${this.#claim.block}.${host >> 8}.${host & 255}`] as const;
  }

  /** Tries every port before any program starts: afterwards a trial could itself be in a program's way. */
  async prepare(plan: Plan): Promise<void> {
    for (const port of CONTROL_PORTS) await this.#tryPort('the control plane', this.controlHost, port);
    for (const pod of plan.pods) {
      const ports = pod.containers.flatMap((container) => container.ports.map(({ port }) => port));
      for (const port of pod.isMeshed ? [...PROXY_PORTS, ...ports] : ports)
        await this.#tryPort(nameOf(pod), pod.ips[0], port);
      for (const { name, uid } of pod.containers)
        if (uid !== null && uid !== process.getuid!() && !isRoot())
          this.#warn(
            `${nameOf(pod)}: runAsUser ${uid} of container ${name} has no effect, because only root can change user`,
          );
    }
  }

  attach(pod: PlannedPod): PodNetwork {
    const [ip] = pod.ips;
    return {
      proxy: (command) => ({ command, environment: proxyListeners(ip) }),
      container: ({ command, uid }) => ({
        command: [...asUser(isRoot() ? uid : null), ...command],
        environment: { HOST: ip, ...(pod.isMeshed ? proxyVariables(ip) : {}) },
      }),
      listens: async (port) => {
        const sockets = socketsListeningOn(port);
        if (sockets.some(({ address }) => address === ip)) return true;
        const wildcard = sockets.find(isWildcard);
        if (!wildcard || this.#holderOf(wildcard) !== nameOf(pod)) return false;
        const line = `${nameOf(pod)} listens on every address at port ${port}: no other pod can use the port; ${this.portAdvice}`;
        if (!this.#warned.has(line)) this.#warn(line);
        this.#warned.add(line);
        return true;
      },
      obstacle: (port) => this.#obstacle(port, ip),
    };
  }

  lookInside({ pods, services }: Plan): readonly string[] {
    const meshed = pods.find(({ isMeshed }) => isMeshed);
    const logs = `logs: ${this.layout.state}/logs`;
    if (!meshed) return [logs];
    const proxy = `http://${meshed.ips[0]}:${PROXY_OUTBOUND_PORT}`;
    const name = services[0] ? `${services[0].name}.${services[0].namespace}` : 'NAME_OF_A_SERVICE';
    return [`to send a request as ${meshed.name} would: curl -s -x ${proxy} http://${name}/`, logs];
  }

  async close(): Promise<void> {
    this.#claim.server.close();
    await this.#watchdog.end();
  }

  /** Whether a port of an address can be had, told before a program fails on it. */
  async #tryPort(whose: string, ip: string, port: number): Promise<void> {
    const code = await tryToListen(ip, port);
    if (code === '') return;
    const what = `port ${port} of ${whose} (${ip}:${port}) cannot be bound`;
    if (code === 'EACCES')
      throw new WeftError('port_privileged', `${what}: it is below those that every user may bind`, {
        hint: 'give the container a port of 1024 or above and the Service a targetPort, or run it as root',
      });
    throw new WeftError('port_taken', `${what}: ${this.#obstacle(port, ip) || code}`, { hint: this.portAdvice });
  }

  #obstacle(port: number, ip: string): string {
    const found = socketsListeningOn(port).find((socket) => isWildcard(socket) || socket.address === ip);
    if (!found) return '';
    const holder = this.#holderOf(found) || 'another program of this machine';
    return `${holder} listens on ${isWildcard(found) ? 'every address' : found.address} at port ${port}`;
  }

  /** The pod of this mesh whose program holds a socket; empty: none. */
  #holderOf(socket: ListeningSocket): string {
    const environment = environmentOfHolder(socket);
    if (environment?.[ENV_STATE] !== this.layout.state) return '';
    return environment.POD_NAME ? `${environment.POD_NAMESPACE}/${environment.POD_NAME}` : 'the control plane';
  }
}

/** Where a pod's proxy listens: nothing is redirected to it, and its application asks it explicitly. */
export function proxyListeners(ip: string): Record<string, string> {
  return {
    [env.ENV_INBOUND_LISTEN]: `${ip}:${PROXY_INBOUND_PORT}`,
    [env.ENV_OUTBOUND_LISTEN]: 'none',
    [env.ENV_CLUSTER_NETWORKS]: LOOPBACK_NETWORK,
    [env.ENV_EXPLICIT_LISTEN]: `${ip}:${PROXY_OUTBOUND_PORT}`,
    [env.ENV_ADMIN_LISTEN]: `${ip}:${PROXY_ADMIN_PORT}`,
  };
}

/** What makes a program send its requests through the pod's proxy; some clients read the lower-case names alone. */
export function proxyVariables(ip: string): Record<string, string> {
  const proxy = `http://${ip}:${PROXY_OUTBOUND_PORT}`;
  const direct = `localhost,127.0.0.1,::1,${ip}`;
  return {
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: '1',
  };
}

interface Claim {
  /** The first two numbers of the addresses. */
  readonly block: string;
  /** Holds the claim for as long as it listens: the kernel gives it back with the process. */
  readonly server: Server;
}

/** Takes the first /16 of 127.64.0.0 to 127.127.0.0 that no other mesh of this machine has. */
async function claimBlock(): Promise<Claim> {
  for (let second = 64; second < 128; second++) {
    const server = createServer((socket) => socket.destroy()).unref();
    if ((await listen(server, `127.${second}.0.1`, PROXY_OUTBOUND_PORT)) === '')
      return { block: `127.${second}`, server };
  }
  throw new WeftError('no_addresses', `no block of 127.0.0.0/8 is free at port ${PROXY_OUTBOUND_PORT}`, {
    hint: `a program that listens on 0.0.0.0:${PROXY_OUTBOUND_PORT} takes the port on all of them: end it`,
  });
}

/** @returns the code of the error; empty: the port is free */
async function tryToListen(ip: string, port: number): Promise<string> {
  const server = createServer();
  const code = await listen(server, ip, port);
  if (code === '') await new Promise((resolve) => server.close(resolve));
  return code;
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    server.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => resolve(''));
  });
}

function nameOf(pod: PlannedPod): string {
  return `${pod.namespace}/${pod.name}`;
}

function isRoot(): boolean {
  return process.getuid!() === 0;
}

const LOOPBACK_NETWORK = '127.0.0.0/8';
const PROXY_PORTS = [PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT, PROXY_ADMIN_PORT];
/** .1 is the control plane's; the pods begin where those of the namespaces mode do. */
const FIRST_HOST = 10;
