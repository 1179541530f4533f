import { isFinished, type Pod } from '../../destination/objects/kubernetes/pod.ts';
import { compareText } from '../../destination/objects/meta.ts';
import { whyNotInjected } from '../analyze/injection.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { callerName, type ObservedCaller, workloadName } from './observed.ts';

/** Somebody who speaks to a workload in the clear, and why. */
export interface PlaintextCaller {
  /** `shop/deployment/api`. */
  readonly server: string;
  readonly port: number;
  /** `shop/deployment/web`, or an address of nobody who is known. */
  readonly client: string;
  readonly carried: 'http' | 'octets';
  readonly count: number;
  /** The last time, RFC 3339. */
  readonly last: string;
  /** What keeps it from proving who it is. */
  readonly why: string;
}

/** What would go STRICT: a port of pods, those of a workload, or of a namespace. */
export interface StrictScope {
  readonly namespace: string;
  /** `deployment/api`; null: every workload. */
  readonly workload: string | null;
  /** null: every port. */
  readonly port: number | null;
}

/**
 * Who has come in the clear to what is in the scope: exactly those whom STRICT would cut off. Probes of the kubelet it lets by.
 * Pure.
 */
export function plaintextCallers(
  state: MeshState,
  callers: readonly ObservedCaller[],
  scope: StrictScope | null,
): PlaintextCaller[] {
  return callers
    .filter(({ entry }) => entry.identity === '' && !entry.isProbe)
    .filter((caller) => scope === null || isWithin(caller, scope))
    .map(({ server, entry }) => ({
      server,
      port: entry.port,
      client: callerName(state, entry),
      carried: entry.carried,
      count: entry.count,
      last: entry.last,
      why: whyInTheClear(state, entry.address),
    }));
}

function isWithin({ server, entry }: ObservedCaller, { namespace, workload, port }: StrictScope): boolean {
  const [of = '', ...name] = server.split('/');
  return (
    of === namespace && (workload === null || workload === name.join('/')) && (port === null || port === entry.port)
  );
}

function whyInTheClear(state: MeshState, address: string): string {
  const { cluster, domain } = state;
  const pod = cluster.podByAddress(address);
  if (!pod) return 'no pod of the mesh has its address: another network, a node, or a pod that is gone';
  if (pod.controlNamespace === domain.controlNamespace)
    return 'it has a proxy, which passes this connection by: a skipped port, a DestinationRule that disables TLS, or user 2102';
  return `it has no proxy: ${whyNotInjected(state, pod)}`;
}

/** A workload whose pods have no proxy. */
export interface UnmeshedWorkload {
  readonly workload: string;
  readonly why: string;
}

/** Workloads without a proxy in a namespace; null: in each that has some with one. Pure. */
export function unmeshedWorkloads(state: MeshState, namespace: string | null): UnmeshedWorkload[] {
  const { objects, domain } = state;
  const isMeshed = (pod: Pod) => pod.controlNamespace === domain.controlNamespace;
  const running = [...objects.list('Pod')].filter((pod) => !isFinished(pod));
  const spaces = new Set(namespace === null ? running.filter(isMeshed).map((pod) => pod.namespace) : [namespace]);
  const found = new Map<string, UnmeshedWorkload>();
  for (const pod of running) {
    if (isMeshed(pod) || !spaces.has(pod.namespace)) continue;
    const workload = workloadName(state, pod);
    if (!found.has(workload)) found.set(workload, { workload, why: whyNotInjected(state, pod) });
  }
  return [...found.values()].sort((a, b) => compareText(a.workload, b.workload));
}
