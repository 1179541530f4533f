import { dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import type { ClientPlace } from '../../destination/translate/client-view.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { podsOf, type WorkloadPod } from '../state/workload.ts';
import type { Question } from './question.ts';

/** Who sends a request. It has a proxy: without one there is nothing to explain. */
export interface Client {
  readonly place: ClientPlace;
  /** DNS identity that its proxy proves; null: some identity, not known which. */
  readonly identity: string | null;
  /** SPIFFE URI that goes with it; empty: not known. */
  readonly spiffe: string;
  /** null: not known. */
  readonly address: string | null;
}

/**
 * Where a workload's requests come from: its first pod, else the template of its Deployment.
 *
 * @throws UsageError when there is neither
 */
export function clientOf(state: MeshState, from: Question['from']): Client {
  const { cluster, domain } = state;
  const { namespace } = from;
  const nowhere = { namespace, node: '', zone: '', locality: '', labels: {} };
  if (from.kind === null) return { place: nowhere, identity: null, spiffe: '', address: null };
  const [{ pod, deployment }] = podsOf(state, from, '--from') as [WorkloadPod];
  const { serviceAccount } = pod;
  const names = {
    identity: dnsIdentity({ namespace, serviceAccount }, domain),
    spiffe: spiffeIdentity({ namespace, serviceAccount }, domain),
  };
  if (deployment !== null) return { place: { ...nowhere, labels: pod.labels }, ...names, address: null };
  const { zone = '', locality = '' } = cluster.get('Node', '', pod.node) ?? {};
  const place = { namespace, node: pod.node, zone, locality, labels: pod.labels };
  return { place, ...names, address: pod.ips[0] ?? null };
}
