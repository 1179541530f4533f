import type { MeshState } from '../state/mesh-state.ts';
import { callerName, type ObservedCaller } from './observed.ts';

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

function whyInTheClear({ cluster, domain }: MeshState, address: string): string {
  const pod = cluster.podByAddress(address);
  if (!pod) return 'no pod of the mesh has its address: another network, a node, or a pod that is gone';
  if (pod.controlNamespace === domain.controlNamespace)
    return 'it has a proxy, which passes this connection by: a skipped port, a DestinationRule that disables TLS, or user 2102';
  if (pod.isHostNetwork) return 'it has no proxy: it uses the network of its node';
  return 'it has no proxy: its namespace or its pod does not ask for one, or it has not been restarted since';
}
