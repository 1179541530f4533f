import { execFileSync } from 'node:child_process';

import { WeftError } from '../../core/errors/weft-error.ts';
import type { PlannedPod } from './plan.ts';

/** Its name. */
export const BRIDGE = 'weft0';
/** Address of the bridge: gateway and DNS of every pod, and where the control plane listens. */
export const BRIDGE_IPV4 = '10.245.0.1';
const BRIDGE_IPV6 = 'fd45::1';

/** Runs a program to its end. @returns its standard output @throws WeftError with what it said, when it fails */
export function execute(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new WeftError('command_failed', `${program} ${args.join(' ')}: ${(stderr || message).trim()}`, {
      cause: error,
    });
  }
}

/**
 * Makes this process's own network namespace the bridge of the pods to come. `weft run` has put itself into namespaces
 * of its own first (network, mounts, processes), so that all of this goes away with it.
 */
export function makeBridge(): void {
  execute('mount', '-t', 'tmpfs', 'tmpfs', '/run');
  execute('ip', 'link', 'set', 'lo', 'up');
  execute('ip', 'link', 'add', BRIDGE, 'type', 'bridge');
  execute('ip', 'addr', 'add', `${BRIDGE_IPV4}/16`, 'dev', BRIDGE);
  tryIpv6('-6', 'addr', 'add', `${BRIDGE_IPV6}/64`, 'dev', BRIDGE, 'nodad');
  execute('ip', 'link', 'set', BRIDGE, 'up');
}

/** Makes a pod's network namespace, joined to the bridge, with an address of each family. @returns its path */
export function makePodNamespace(pod: PlannedPod, index: number): string {
  const name = `pod-${index}`;
  execute('ip', 'netns', 'add', name);
  execute('ip', 'link', 'add', `veth${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  execute('ip', 'link', 'set', `veth${index}`, 'master', BRIDGE, 'up');
  execute('ip', '-n', name, 'addr', 'add', `${pod.ips[0]}/16`, 'dev', 'eth0');
  tryIpv6('-n', name, '-6', 'addr', 'add', `${pod.ips[1]!}/64`, 'dev', 'eth0', 'nodad');
  execute('ip', '-n', name, 'link', 'set', 'lo', 'up');
  execute('ip', '-n', name, 'link', 'set', 'eth0', 'up');
  execute('ip', '-n', name, 'route', 'add', 'default', 'via', BRIDGE_IPV4);
  tryIpv6('-n', name, '-6', 'route', 'add', 'default', 'via', BRIDGE_IPV6);
  return pathOfPodNamespace(index);
}

/** Where the network namespace of a pod is mounted. */
export function pathOfPodNamespace(index: number): string {
  return `/run/netns/pod-${index}`;
}

/** A kernel without IPv6 runs the mesh on IPv4 alone. */
function tryIpv6(...args: string[]): void {
  try {
    execute('ip', ...args);
  } catch {}
}
