import type { Protocol } from '../../../api/routing.ts';
import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import type { Cluster } from '../../objects/cluster.ts';
import type { EntryEndpoint, EntryHost } from '../../objects/istio/service-entry.ts';
import type { ServicePort } from '../../objects/kubernetes/service-port.ts';
import type { MeshDomain } from '../../objects/mesh-domain.ts';
import type { PlacedEndpoint } from '../placed-endpoint.ts';
import { plainEndpoint, podEndpoint } from '../pod-endpoint.ts';

/**
 * Endpoints of a host outside the cluster. One that is a DNS name is resolved by the proxy, each time that it connects.
 * An address of a pod with a proxy is spoken to over mutual TLS.
 */
export function entryEndpoints(
  cluster: Cluster,
  entry: EntryHost,
  port: ServicePort,
  protocol: Protocol,
  domain: MeshDomain,
): PlacedEndpoint[] {
  return endpointsOf(entry).map(({ address, ports, labels, locality }) => {
    const number = ports[port.name] ?? Number(port.targetPort);
    const pod = canonicalIp(address) === null ? undefined : cluster.podByAddress(address);
    const endpoint = pod
      ? podEndpoint(cluster, pod, { address, port: number, protocol, zone: '' }, domain)
      : plainEndpoint(address, number, protocol);
    return { endpoint, labels, locality };
  });
}

function endpointsOf({ object, host, dialled }: EntryHost): readonly EntryEndpoint[] {
  if (object.endpoints.length > 0) return object.endpoints;
  if (object.resolution === 'static') return [];
  const address = object.resolution === 'none' && dialled !== null ? dialled : host;
  return [{ address, ports: {}, labels: {}, locality: '' }];
}
