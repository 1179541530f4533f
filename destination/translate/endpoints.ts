import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import type { Endpoint, EndpointTls, Protocol } from '../../api/routing.ts';
import { dnsIdentity } from '../../api/workload-identity.ts';
import type { ClientView } from './client-view.ts';
import type { Cluster } from './cluster.ts';
import { entryEndpoints } from './istio/entry-endpoints.ts';
import type { SliceAddress } from './kinds/endpoint-slice.ts';
import { compareText, type Owner } from './kinds/meta.ts';
import { isFinished, type Pod } from './kinds/pod.ts';
import type { Service, ServicePort } from './kinds/service.ts';
import { coversPort } from './kinds/settings.ts';
import { serverOn } from './linkerd/pod-servers.ts';
import type { Profile } from './linkerd/service-profile.ts';
import type { MeshDomain } from './mesh-domain.ts';
import { decideProtocol } from './protocol.ts';
import { nearEndpoints, type Placed } from './topology.ts';

/** An endpoint, and what decides how near it is and which subsets it is in. */
export interface PlacedEndpoint {
  readonly endpoint: Endpoint;
  /** Of its pod, or of the entry that names it; null: it has none, and is in no subset. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** `region/zone/subzone`, unknown parts empty. */
  readonly locality: string;
}

/**
 * Endpoints of a Service's port that a client uses: one per pod, or per address where there is no pod, sorted by uid.
 *
 * Left out are addresses that are not ready (the EndpointSlice calls those of `publishNotReadyAddresses` ready) or
 * going, and those of a pod that is not known under its UID: without the pod it is not known whose identity to demand.
 */
export function endpointsOf(
  cluster: Cluster,
  service: Service,
  port: ServicePort,
  profile: Profile | null,
  client: ClientView,
  domain: MeshDomain,
): PlacedEndpoint[] {
  if (service.entry) {
    const { protocol } = decideProtocol({
      server: null,
      service: { object: service, port },
      profile: null,
      pod: null,
      namespace: null,
    });
    return entryEndpoints(cluster, service.entry, port, protocol, domain);
  }
  const found = new Map<string, Placed & PlacedEndpoint>();
  for (const slice of cluster.slicesOf(service.namespace, service.name)) {
    const target = slice.ports.find((each) => each.name === port.name)?.port;
    if (target === undefined) continue;
    for (const address of slice.addresses) {
      const placed = endpointOf(cluster, service, port, profile, address, target, domain);
      // A dual-stack pod stands in a slice of each family; its IPv4 address is used.
      if (!placed || (found.has(placed.endpoint.uid) && placed.endpoint.address.includes(':'))) continue;
      const { node, zone, hintedZones } = address;
      const locality = cluster.get('Node', '', node)?.locality ?? `/${zone}/`;
      found.set(placed.endpoint.uid, { ...placed, locality, node, hintedZones });
    }
  }
  return nearEndpoints(service, [...found.values()], client)
    .map(({ endpoint, labels, locality }) => ({ endpoint, labels, locality }))
    .sort((a, b) => compareText(a.endpoint.uid, b.endpoint.uid));
}

/** The endpoint that one address of a pod is, on a port of its containers. */
export function podEndpoint(
  cluster: Cluster,
  pod: Pod,
  place: { readonly address: string; readonly port: number; readonly protocol: Protocol; readonly zone: string },
  domain: MeshDomain,
): Endpoint {
  return {
    uid: pod.uid || `${pod.namespace}/${pod.name}`,
    address: place.address,
    port: place.port,
    tls: tlsOf(cluster, pod, place.port, domain),
    protocol: place.protocol,
    labels: labelsOf(cluster, pod, place.zone),
  };
}

function endpointOf(
  cluster: Cluster,
  service: Service,
  servicePort: ServicePort,
  profile: Profile | null,
  address: SliceAddress,
  port: number,
  domain: MeshDomain,
): Pick<PlacedEndpoint, 'endpoint' | 'labels'> | null {
  if (!address.isReady || address.isTerminating) return null;
  const namespace = cluster.get('Namespace', '', service.namespace) ?? null;
  const witnesses = {
    service: { object: service, port: servicePort },
    profile: profile && { ...profile, origin: '' },
    namespace,
  };
  if (!address.pod) {
    const { protocol } = decideProtocol({ ...witnesses, server: null, pod: null });
    const labels = { dst_namespace: service.namespace, ...(address.zone && { dst_zone: address.zone }) };
    const endpoint = { uid: `${address.ip}:${port}`, address: address.ip, port, tls: null, protocol, labels };
    return { endpoint, labels: null };
  }
  const pod = cluster.get('Pod', service.namespace, address.pod.name);
  if (!pod || !isLiving(pod, address)) return null;
  const { protocol } = decideProtocol({
    ...witnesses,
    server: serverOn(cluster, pod, port),
    pod: { object: pod, port },
  });
  const place = { address: address.ip, port, protocol, zone: address.zone };
  return { endpoint: podEndpoint(cluster, pod, place, domain), labels: pod.labels };
}

/** Whether the slice means this pod and not an earlier one of the same name or address. */
function isLiving(pod: Pod, address: SliceAddress): boolean {
  const isSame = address.pod!.uid === '' || pod.uid === '' || address.pod!.uid === pod.uid;
  const hasAddress = pod.ips.length === 0 || pod.ips.includes(address.ip);
  return isSame && hasAddress && !pod.isTerminating && !isFinished(pod);
}

/** null where the connection would not reach the pod's proxy: it has none of ours, or the port goes past it. */
function tlsOf(cluster: Cluster, pod: Pod, port: number, domain: MeshDomain): EndpointTls | null {
  if (pod.controlNamespace !== domain.controlNamespace || PROXY_PORTS.includes(port)) return null;
  const skipped =
    pod.settings.skipInboundPorts ?? cluster.get('Namespace', '', pod.namespace)?.settings.skipInboundPorts ?? null;
  const names = pod.ports.filter((each) => each.port === port).map((each) => each.name);
  if (skipped && coversPort(skipped, port, names)) return null;
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
    ...(owner && { [`dst_${owner.kind.toLowerCase()}`]: owner.name }),
    ...(pod.labels['pod-template-hash'] && { dst_pod_template_hash: pod.labels['pod-template-hash'] }),
    ...(pod.controlNamespace && { dst_control_plane_ns: pod.controlNamespace }),
    ...(zone && { dst_zone: zone }),
  };
}

/** What keeps the pod running: its controller, or the Deployment above its ReplicaSet. */
export function workloadOf(cluster: Cluster, pod: Pod): Owner | null {
  if (pod.owner?.kind !== 'ReplicaSet') return pod.owner;
  return cluster.get('ReplicaSet', pod.namespace, pod.owner.name)?.owner ?? pod.owner;
}

/** The proxy's own listeners, which the redirect rules leave alone. */
const PROXY_PORTS: readonly number[] = [PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT, PROXY_ADMIN_PORT];
