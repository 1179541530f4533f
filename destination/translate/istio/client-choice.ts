import type { ClientSelector, VirtualService } from '../../objects/istio/virtual-service.ts';
import type { RoutingQuestion } from '../service-routes.ts';

/** Whether a match counts for a client and a port. One with gateways of its own is not asked for labels, as in Istio. */
export function selects(selector: ClientSelector, object: VirtualService, { client, port }: RoutingQuestion): boolean {
  if (!(selector.isForMesh ?? object.isForMesh)) return false;
  if (selector.port !== null && selector.port !== port.port) return false;
  if (selector.sourceNamespace !== '' && selector.sourceNamespace !== client.namespace) return false;
  return selector.isForMesh !== null || client.hasLabels(selector.sourceLabels);
}
