import { dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import type { ClientPlace } from '../../destination/translate/client-view.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import { UsageError } from '../command.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Workload } from './question.ts';
import { templateOf } from './stand-ins.ts';

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
export function clientOf(state: MeshState, { namespace, kind, name }: Workload): Client {
  const { objects, cluster, domain } = state;
  const nowhere = { namespace, node: '', zone: '', locality: '', labels: {} };
  if (kind === null) return { place: nowhere, identity: null, spiffe: '', address: null };
  const pods = [...objects.list('Pod')].filter((pod) => pod.namespace === namespace);
  const owns = (pod: Pod) => {
    if (kind === 'pod') return pod.name === name;
    const owner = workloadOf(cluster, pod);
    return owner?.kind.toLowerCase() === kind && owner.name === name;
  };
  const namesOf = (serviceAccount: string) => {
    const workload = { namespace, serviceAccount };
    return { identity: dnsIdentity(workload, domain), spiffe: spiffeIdentity(workload, domain) };
  };
  const pod = pods.filter(owns).sort((a, b) => (a.name < b.name ? -1 : 1))[0];
  if (pod) {
    const { zone = '', locality = '' } = cluster.get('Node', '', pod.node) ?? {};
    const place = { namespace, node: pod.node, zone, locality, labels: pod.labels };
    return { place, ...namesOf(pod.serviceAccount), address: pod.ips[0] ?? null };
  }
  const deployment = kind === 'deployment' ? cluster.get('Deployment', namespace, name) : undefined;
  if (deployment) {
    const account = templateOf(state, deployment)?.pod.serviceAccount ?? 'default';
    const place = { ...nowhere, labels: deployment.templateLabels };
    return { place, ...namesOf(account), address: null };
  }
  const known = kind === 'pod' ? pods.map((each) => each.name) : deploymentsOf(objects, namespace);
  const hint = known.length > 0 ? `there are ${known.slice(0, 10).join(', ')}` : `namespace ${namespace} has none`;
  throw new UsageError(`--from: there is no ${kind} ${name} in namespace ${namespace}`, hint);
}

function deploymentsOf(objects: MeshState['objects'], namespace: string): string[] {
  return [...objects.list('Deployment')].filter((each) => each.namespace === namespace).map(({ name }) => name);
}
