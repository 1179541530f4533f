import type { Deployment } from '../../destination/objects/kubernetes/deployment.ts';
import { isFinished, type Pod } from '../../destination/objects/kubernetes/pod.ts';
import type { Service } from '../../destination/objects/kubernetes/service.ts';
import { clusterServiceOf } from '../../destination/objects/mesh-domain.ts';
import { compareText, isSelected } from '../../destination/objects/meta.ts';
import { workloadOf } from '../../destination/translate/pod-endpoint.ts';
import { claimsOn } from '../../destination/translate/pod-protocol.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { rawOf, templateOf } from '../state/workload.ts';
import type { PodPort } from './pod-port.ts';

/**
 * What would be behind a port of a Service that has no endpoints, as manifests without a cluster have none: the pods that
 * it selects, and of a Deployment without pods the one that its template makes.
 *
 * @param name FQDN of the Service
 */
export function standInsOf(state: MeshState, name: string, port: number): PodPort[] {
  const { cluster, objects, domain } = state;
  const { namespace = '', name: short = '' } = clusterServiceOf(name, domain) ?? {};
  const service = cluster.get('Service', namespace, short);
  if (!service) return [];
  const pods = [...objects.list('Pod')]
    .filter((pod) => pod.namespace === namespace && isSelected(pod.labels, service.selector) && !isFinished(pod))
    .sort((a, b) => compareText(a.name, b.name));
  const templates = cluster
    .deploymentsBehind(service)
    .filter((deployment) => !pods.some((pod) => isOf(state, pod, deployment)))
    .flatMap((deployment) => templateOf(state, deployment) ?? []);
  return [...pods.map((pod) => ({ pod, deployment: null, raw: rawOf(state, pod) })), ...templates].flatMap((each) => {
    const target = targetOf(state, each.pod, service, port);
    return target === null ? [] : [{ ...each, port: target }];
  });
}

function isOf({ cluster }: MeshState, pod: Pod, deployment: Deployment): boolean {
  const workload = workloadOf(cluster, pod);
  return workload?.kind === 'Deployment' && workload.name === deployment.name;
}

function targetOf({ cluster }: MeshState, pod: Pod, service: Service, port: number): number | null {
  const claim = claimsOn(cluster, pod).find((each) => each.service === service && each.port.port === port);
  return claim?.target ?? null;
}
