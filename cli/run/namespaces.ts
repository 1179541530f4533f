import type { Socket } from 'node:dgram';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PROXY_UID } from '../../api/names.ts';
import { BRIDGE_IPV4, execute, makeBridge, makePodNamespace, pathOfPodNamespace } from './bridge.ts';
import { serveDns, serviceNames } from './dns.ts';
import { readOwnId } from './isolation.ts';
import { parseListeningSockets } from './listening-socket.ts';
import type { Layout, MeshNetwork, PodNetwork } from './network.ts';
import type { Plan, PlannedPod } from './plan.ts';
import { asUser } from './processes.ts';
import { builtPrograms } from './programs.ts';

/**
 * Pods in network namespaces of their own, with the real redirect rules. This process must already be in namespaces of
 * its own, so that all of it goes away with them.
 */
export function openNamespaces(): MeshNetwork {
  const id = readOwnId();
  makeBridge();
  return new Namespaces(prepareLayout(), id);
}

class Namespaces implements MeshNetwork {
  readonly mode = 'namespaces';
  readonly controlHost = BRIDGE_IPV4;
  readonly podAnnotations = {};
  readonly clusterNetworks = [];
  readonly proxyUid = PROXY_UID;
  readonly portAdvice = 'the containers of a pod share its ports: give each another one';
  readonly layout: Layout;
  readonly #id: number | null;
  #dns: Socket | null = null;

  /** @param id of this process outside its namespaces; null: it is not known */
  constructor(layout: Layout, id: number | null) {
    this.layout = layout;
    this.#id = id;
  }

  podIps(index: number) {
    const host = index + FIRST_HOST;
    return [`10.245.${host >> 8}.${host & 255}`, `fd45::${host.toString(16)}`] as const;
  }

  async prepare(plan: Plan): Promise<void> {
    this.#dns = (await serveDns(BRIDGE_IPV4, serviceNames(plan))).unref();
    for (const namespace of new Set(plan.pods.map((pod) => pod.namespace))) {
      writeFileSync(
        this.#resolvConf(namespace),
        `nameserver ${BRIDGE_IPV4}\nsearch ${namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n`,
      );
    }
  }

  attach(pod: PlannedPod, index: number): PodNetwork {
    const namespace = makePodNamespace(pod, index);
    const { node, programs } = this.layout;
    const inside = ['nsenter', `--net=${namespace}`, '--'];
    if (pod.isMeshed) execute(inside[0]!, ...inside.slice(1), node, join(programs, 'init.js'));
    const bindResolvConf = `mount --bind ${this.#resolvConf(pod.namespace)} /etc/resolv.conf && exec "$@"`;
    return {
      proxy: (command) => ({ command: [...inside, ...asUser(PROXY_UID, PROXY_UID), ...command], environment: {} }),
      container: ({ command, uid }) => ({
        command: [...inside, 'unshare', '--mount', 'sh', '-c', bindResolvConf, 'sh', ...asUser(uid), ...command],
        environment: {},
      }),
      listens: async (port) => listensInside(inside, port),
      obstacle: () => '',
    };
  }

  lookInside({ pods, services }: Plan): readonly string[] {
    const logs = `${this.layout.state}/logs`;
    if (this.#id === null) return [`logs: ${logs}, in the mount namespace of this process`];
    const enter = `nsenter --target ${this.#id} --mount`;
    const at = pods.findIndex(({ isMeshed }) => isMeshed);
    const address = services.find(({ clusterIp }) => clusterIp !== 'None')?.clusterIp ?? 'ADDRESS';
    return [
      `to look inside: ${enter} --net --pid`,
      ...(at < 0
        ? []
        : [
            `to send a request as ${pods[at]!.name} would: ${enter} nsenter --net=${pathOfPodNamespace(at)} curl -s http://${address}/`,
          ]),
      `logs: /proc/${this.#id}/root${logs}`,
    ];
  }

  async close(): Promise<void> {
    this.#dns?.close();
    rmSync(this.layout.state, { recursive: true, force: true });
  }

  #resolvConf(namespace: string): string {
    return join(this.layout.state, `resolv-${namespace}.conf`);
  }
}

/**
 * Puts Node and the bundles where every user may read them, under /run, which is this mesh's own; the project itself may
 * lie in a home that only its owner can enter.
 */
function prepareLayout(): Layout {
  const built = builtPrograms();
  mkdirSync('/run/weft/node_modules', { recursive: true });
  execute('touch', '/run/weft/node');
  execute('mount', '--bind', process.execPath, '/run/weft/node');
  for (const program of ['proxy', 'init', 'identity', 'destination'])
    cpSync(join(built.folder, `${program}.js`), `/run/weft/${program}.js`);
  writeFileSync('/run/weft/package.json', '{"type":"module"}');
  for (const name of ['koffi', '@koromix']) {
    const target = join('/run/weft/node_modules', name);
    mkdirSync(target);
    execute('mount', '--bind', join(built.packages, name), target);
  }
  const state = mkdtempSync('/run/weft-state-');
  chmodSync(state, 0o755);
  return { node: '/run/weft/node', programs: '/run/weft', state };
}

/**
 * Whether a program listens on a port of a pod's network. Its proxy accepts there whether or not the application does, so
 * only the table of sockets tells, whatever the application speaks.
 */
function listensInside(inside: readonly string[], port: number): boolean {
  const [program, ...rest] = [...inside, 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6 2> /dev/null || true'];
  return parseListeningSockets(execute(program!, ...rest)).some((socket) => socket.port === port);
}

/** .1 is the bridge, .2 to .9 are kept for the control plane. */
const FIRST_HOST = 10;
