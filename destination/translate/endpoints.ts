import type { Cluster } from '../objects/cluster.ts';
import type { Host, ServiceHost } from '../objects/host.ts';
import type { SliceAddress } from '../objects/kubernetes/endpoint-slice.ts';
import { isFinished, type Pod } from '../objects/kubernetes/pod.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { compareText } from '../objects/meta.ts';
import type { ClientInquiry, Mesh } from './inquiry.ts';
import { entryEndpoints } from './istio/entry-endpoints.ts';
import { serverOn } from './linkerd/pod-servers.ts';
import type { ChosenProfile } from './linkerd/profile-choice.ts';
import type { PlacedEndpoint } from './placed-endpoint.ts';
import { plainEndpoint, podEndpoint } from './pod-endpoint.ts';
import { decideProtocol } from './protocol.ts';
import { nearEndpoints, type Placed } from './topology.ts';

/**
 * Endpoints of a host's port that a client uses: one per pod, or per address where there is no pod, sorted by uid.
 *
 * Left out are addresses that are not ready (the EndpointSlice calls those of `publishNotReadyAddresses` ready) or
 * going, and those of a pod that is not known under its UID: without the pod it is not known whose identity to demand.
 */
export function endpointsOf(
  inquiry: ClientInquiry,
  host: Host,
  port: ServicePort,
  profile: ChosenProfile | null,
): PlacedEndpoint[] {
  if (host.kind === 'ServiceEntry') {
    const witnesses = { server: null, host: { host, port }, profile: null, pod: null, namespace: null };
    return entryEndpoints(inquiry, host, port, decideProtocol(witnesses).protocol);
  }
  const { cluster, client } = inquiry;
  const service = host.object;
  const found = new Map<string, Placed & PlacedEndpoint>();
  for (const slice of cluster.slicesOf(service.namespace, service.name)) {
    const target = slice.ports.find((each) => each.name === port.name)?.port;
    if (target === undefined) continue;
    for (const address of slice.addresses) {
      const placed = endpointOf(inquiry, { host, port, profile }, address, target);
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

/** @param port of the pod */
function endpointOf(
  mesh: Mesh,
  called: { readonly host: ServiceHost; readonly port: ServicePort; readonly profile: ChosenProfile | null },
  address: SliceAddress,
  port: number,
): Pick<PlacedEndpoint, 'endpoint' | 'labels'> | null {
  if (!address.isReady) return null;
  const { cluster } = mesh;
  const { namespace } = called.host;
  const witnesses = {
    host: called,
    profile: called.profile,
    namespace: cluster.get('Namespace', '', namespace) ?? null,
  };
  const pod = podOf(cluster, namespace, address);
  if (pod === null) return null;
  if (pod === 'none') {
    const { protocol } = decideProtocol({ ...witnesses, server: null, pod: null });
    const labels = { dst_namespace: namespace, ...(address.zone && { dst_zone: address.zone }) };
    return { endpoint: plainEndpoint(address.ip, port, protocol, labels), labels: null };
  }
  const { protocol } = decideProtocol({
    ...witnesses,
    server: serverOn(cluster, pod, port),
    pod: { object: pod, port },
  });
  const place = { address: address.ip, port, protocol, zone: address.zone };
  return { endpoint: podEndpoint(mesh, pod, place), labels: pod.labels };
}

/**
 * The pod behind an address of a slice: named by the slice or, where somebody has written it by hand, whoever has the address.
 * null: the slice names a pod that is not there. `none`: the address is no pod's.
 */
function podOf(cluster: Cluster, namespace: string, address: SliceAddress): Pod | 'none' | null {
  if (!address.pod) return cluster.podByAddress(address.ip) ?? 'none';
  const pod = cluster.get('Pod', namespace, address.pod.name);
  return pod && isLiving(pod, address) ? pod : null;
}

/** Whether the slice means this pod and not an earlier one of the same name or address, and has not yet to hear of its end. */
function isLiving(pod: Pod, address: SliceAddress): boolean {
  const isSame = address.pod!.uid === '' || pod.uid === '' || address.pod!.uid === pod.uid;
  const hasAddress = pod.ips.length === 0 || pod.ips.includes(address.ip);
  const goes = pod.isTerminating && !address.isTerminating;
  return isSame && hasAddress && !goes && !isFinished(pod);
}
