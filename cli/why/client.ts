import type { ClientPlace } from '../../destination/translate/client-view.ts';
import { workloadOf } from '../../destination/translate/endpoints.ts';
import type { Pod } from '../../destination/translate/kinds/pod.ts';
import { UsageError } from '../command.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Workload } from './question.ts';

/**
 * Where a workload's requests come from: its first pod, else the template of its Deployment.
 *
 * @throws UsageError when there is neither
 */
export function clientOf({ objects, cluster }: MeshState, { namespace, kind, name }: Workload): ClientPlace {
  const nowhere = { namespace, node: '', zone: '', locality: '', labels: {} };
  if (kind === null) return nowhere;
  const pods = [...objects.list('Pod')].filter((pod) => pod.namespace === namespace);
  const owns = (pod: Pod) => {
    if (kind === 'pod') return pod.name === name;
    const owner = workloadOf(cluster, pod);
    return owner?.kind.toLowerCase() === kind && owner.name === name;
  };
  const pod = pods.filter(owns).sort((a, b) => (a.name < b.name ? -1 : 1))[0];
  if (pod) {
    const { zone = '', locality = '' } = cluster.get('Node', '', pod.node) ?? {};
    return { namespace, node: pod.node, zone, locality, labels: pod.labels };
  }
  const deployment = kind === 'deployment' ? cluster.get('Deployment', namespace, name) : undefined;
  if (deployment) return { ...nowhere, labels: deployment.templateLabels };
  const known = kind === 'pod' ? pods.map((each) => each.name) : deploymentsOf(objects, namespace);
  const hint = known.length > 0 ? `there are ${known.slice(0, 10).join(', ')}` : `namespace ${namespace} has none`;
  throw new UsageError(`--from: there is no ${kind} ${name} in namespace ${namespace}`, hint);
}

function deploymentsOf(objects: MeshState['objects'], namespace: string): string[] {
  return [...objects.list('Deployment')].filter((each) => each.namespace === namespace).map(({ name }) => name);
}
