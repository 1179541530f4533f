import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import type { Endpoint, EndpointTls, Protocol } from '../../api/routing.ts';
import { dnsIdentity } from '../../api/workload-identity.ts';
import type { Cluster } from '../objects/cluster.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import { coversPort } from '../objects/kubernetes/settings.ts';
import type { Owner } from '../objects/meta.ts';
import type { Mesh } from './inquiry.ts';
import { isMutualTlsOff } from './istio/mutual-tls-mode.ts';

/** The endpoint that one address of a pod is, on a port of its containers. */
export function podEndpoint(
  mesh: Mesh,
  pod: Pod,
  place: { readonly address: string; readonly port: number; readonly protocol: Protocol; readonly zone: string },
): Endpoint {
  return {
    uid: pod.uid || `${pod.namespace}/${pod.name}`,
    address: place.address,
    port: place.port,
    tls: tlsOf(mesh, pod, place.port),
    protocol: place.protocol,
    labels: labelsOf(mesh.cluster, pod, place.zone),
  };
}

/** An endpoint that is no pod, spoken to in the clear. @param address or the DNS name of one */
export function plainEndpoint(
  address: string,
  port: number,
  protocol: Protocol,
  labels: Endpoint['labels'] = {},
): Endpoint {
  return { uid: `${address}:${port}`, address, port, tls: null, protocol, labels };
}

/** null where the connection would not reach the pod's proxy, which is none of ours or is passed by, or is to go there in the clear. */
function tlsOf(mesh: Mesh, pod: Pod, port: number): EndpointTls | null {
  const { cluster, domain } = mesh;
  if (pod.controlNamespace !== domain.controlNamespace || PROXY_PORTS.includes(port)) return null;
  const skipped =
    pod.settings.skipInboundPorts ?? cluster.get('Namespace', '', pod.namespace)?.settings.skipInboundPorts ?? null;
  const names = pod.ports.filter((each) => each.port === port).map((each) => each.name);
  if (skipped && coversPort(skipped, port, names)) return null;
  if (isMutualTlsOff(mesh, pod, port)) return null;
  return {
    identity: dnsIdentity({ namespace: pod.namespace, serviceAccount: pod.serviceAccount }, domain),
    mesh: 'weft',
    mode: pod.isUncaptured ? 'direct' : 'transparent',
    inboundPort: PROXY_INBOUND_PORT,
  };
}

/** Linkerd's metric labels of an endpoint (linkerd2 `controller/api/destination`). */
function labelsOf(cluster: Cluster, pod: Pod, zone: string): Record<string, string> {
  const owner = workloadOf(cluster, pod);
  return {
    dst_namespace: pod.namespace,
    dst_pod: pod.name,
    dst_serviceaccount: pod.serviceAccount,
    ...(owner && ownerLabel(owner, pod)),
    ...(pod.labels['pod-template-hash'] && { dst_pod_template_hash: pod.labels['pod-template-hash'] }),
    ...(pod.controlNamespace && { dst_control_plane_ns: pod.controlNamespace }),
    ...(zone && { dst_zone: zone }),
  };
}

/** Linkerd's, but that each run of a CronJob, which is a Job of its own, is counted under the CronJob. */
function ownerLabel({ kind, name }: Owner, { createdAt }: Pod): Record<string, string> {
  if (kind !== 'Job') return { [`dst_${kind.toLowerCase()}`]: name };
  const cronJob = cronJobOf(name, createdAt);
  return cronJob === null ? { dst_k8s_job: name } : { dst_cronjob: cronJob };
}

/**
 * The CronJob that a Job is a run of, by its name and the minute that it was due (kubernetes `pkg/controller/cronjob`,
 * `getJobName`); null: of none. Jobs themselves are not watched.
 */
function cronJobOf(job: string, createdAt: string): string | null {
  const [, name, minute] = /^(.+)-(\d{8})$/.exec(job) ?? [];
  if (name === undefined) return null;
  return Math.abs(Date.parse(createdAt) - Number(minute) * 60_000) < MAX_DELAY_MS ? name : null;
}

/** A run may begin late, and its pod be made again. */
const MAX_DELAY_MS = 7 * 86_400_000;

/** What keeps the pod running: its controller, or the Deployment above its ReplicaSet. */
export function workloadOf(cluster: Cluster, pod: Pod): Owner | null {
  if (pod.owner?.kind !== 'ReplicaSet') return pod.owner;
  return cluster.get('ReplicaSet', pod.namespace, pod.owner.name)?.owner ?? pod.owner;
}

/** The proxy's own listeners, which the redirect rules leave alone. */
const PROXY_PORTS: readonly number[] = [PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT, PROXY_ADMIN_PORT];
