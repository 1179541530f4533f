import type { Protocol } from '../../../api/routing.ts';
import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import type { EntryHost } from '../../objects/host.ts';
import type { EntryEndpoint } from '../../objects/istio/service-entry.ts';
import type { ServicePort } from '../../objects/kubernetes/service-port.ts';
import type { Mesh } from '../inquiry.ts';
import type { PlacedEndpoint } from '../placed-endpoint.ts';
import { plainEndpoint, podEndpoint } from '../pod-endpoint.ts';

/**
 * Endpoints of a host outside the cluster. One that is a DNS name is resolved by the proxy, each time that it connects.
 * An address of a pod with a proxy is spoken to over mutual TLS.
 */
export function entryEndpoints(mesh: Mesh, host: EntryHost, port: ServicePort, protocol: Protocol): PlacedEndpoint[] {
  return endpointsOf(host).map(({ address, ports, labels, locality }) => {
    const number = ports[port.name] ?? Number(port.targetPort);
    const pod = canonicalIp(address) === null ? undefined : mesh.cluster.podByAddress(address);
    const endpoint = pod
      ? podEndpoint(mesh, pod, { address, port: number, protocol, zone: '' })
      : plainEndpoint(address, number, protocol);
    return { endpoint, labels, locality };
  });
}

function endpointsOf({ object, name, addresses: [dialled] }: EntryHost): readonly EntryEndpoint[] {
  if (object.endpoints.length > 0) return object.endpoints;
  if (object.resolution === 'static') return [];
  const address = object.resolution === 'none' ? (dialled ?? name) : name;
  return [{ address, ports: {}, labels: {}, locality: '' }];
}
