import type { CallerEntry, CallersPage } from '../../api/callers-page.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import { compareText } from '../../destination/objects/meta.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import type { MeshState } from '../state/mesh-state.ts';

/** What the proxy of a pod has told of its callers. */
export interface ObservedPod {
  readonly namespace: string;
  readonly pod: string;
  readonly page: CallersPage;
}

/** A pod of whose callers nothing is known, and why. */
export interface UnheardPod {
  readonly namespace: string;
  readonly pod: string;
  readonly why: string;
}

/** A caller, and whom it called. */
export interface ObservedCaller {
  /** `shop/deployment/api`; `shop/pod/api-0` where nothing owns it. */
  readonly server: string;
  readonly pod: Pod;
  readonly entry: CallerEntry;
}

/**
 * What all pods have told, the callers of one workload together: their counts are added where nothing else tells them apart. Calls
 * of a pod to itself are left out, and pods that are gone.
 */
export function observedCallers(state: MeshState, pods: readonly ObservedPod[]): ObservedCaller[] {
  const found = new Map<string, ObservedCaller>();
  for (const { namespace, pod: name, page } of pods) {
    const pod = state.cluster.get('Pod', namespace, name);
    if (!pod) continue;
    const server = workloadName(state, pod);
    for (const entry of page.callers) {
      if (entry.isLocal) continue;
      const { count, refused, last, ...way } = entry;
      const key = `${server} ${JSON.stringify(way)}`;
      const known = found.get(key)?.entry;
      const sum = known
        ? {
            ...way,
            count: known.count + count,
            refused: known.refused + refused,
            last: [known.last, last].sort()[1]!,
          }
        : entry;
      found.set(key, { server, pod, entry: sum });
    }
  }
  return [...found.values()].sort(
    (a, b) => compareText(a.server, b.server) || a.entry.port - b.entry.port || b.entry.count - a.entry.count,
  );
}

/** `shop/deployment/api`. */
export function workloadName(state: MeshState, pod: Pod): string {
  const owner = workloadOf(state.cluster, pod);
  return owner ? `${pod.namespace}/${owner.kind.toLowerCase()}/${owner.name}` : `${pod.namespace}/pod/${pod.name}`;
}

/** Who a caller is, in a word: its account, or the pod or address that it comes from in the clear. */
export function callerName(state: MeshState, { spiffe, identity, address }: CallerEntry): string {
  if (identity !== '') return spiffe === '' ? identity : spiffe;
  const pod = state.cluster.podByAddress(address);
  return pod ? workloadName(state, pod) : address;
}
