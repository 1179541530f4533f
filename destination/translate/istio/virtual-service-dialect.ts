import type { ConnectionRoute, Route } from '../../../api/routing.ts';
import { IpNetworks } from '../../../core/config/ip-networks.ts';
import { keysCovering } from '../../objects/istio/host.ts';
import { takesEverything } from '../../objects/istio/read-http-match.ts';
import type { ConnectionMatch, VirtualService } from '../../objects/istio/virtual-service.ts';
import { visibility } from '../../objects/istio/visibility.ts';
import { compareText } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Candidate, RoutingQuestion, ServiceRoutes } from '../service-routes.ts';
import { selects } from './client-choice.ts';
import { composeRoute, splitOf } from './http-route.ts';

/**
 * VirtualServices that name a host and are for workloads, in the order in which Istio's sidecars prefer them: the most
 * specific host; then those for the client's namespace alone, for some namespaces, for all; the oldest; by name.
 *
 * The first that says something decides alone: what none of its rules takes is answered with 404.
 *
 * Source: istio.io "VirtualService"; `pilot/pkg/model/push_context.go`, `virtualServiceIndex`.
 */
export function virtualServices(question: RoutingQuestion): readonly Candidate[] {
  const { host, cluster, client } = question;
  return keysCovering(host).flatMap((keys) =>
    [...new Set(keys.flatMap((key) => cluster.virtualServicesOf(key)))]
      .filter(({ isForMesh }) => isForMesh)
      .map((object) => ({ object, group: visibility(object, client.namespace) }))
      .filter(({ group }) => group !== null)
      .sort((a, b) => a.group! - b.group! || byAgeThenName(a.object, b.object))
      .map(({ object }) => ({ object: refOf('VirtualService', object), translate: () => translate(question, object) })),
  );
}

/** null: for this client and port nothing is left of it. */
function translate(question: RoutingQuestion, object: VirtualService): ServiceRoutes | null {
  const routes = routesOf(question, object);
  const connectionRoutes = connectionRoutesOf(question, object);
  if (routes.length === 0 && connectionRoutes.length === 0) return null;
  return {
    routes,
    ...(routes.length > 0 && { unmatched: 'not-found' as const }),
    ...(connectionRoutes.length > 0 && { connectionRoutes }),
  };
}

/** A route for each match of each rule, up to the first that takes everything. */
function routesOf(question: RoutingQuestion, object: VirtualService): Route[] {
  const routes: Route[] = [];
  for (const [at, rule] of object.http.entries())
    for (const match of rule.matches) {
      if (!selects(match.selector, object, question)) continue;
      routes.push(composeRoute(question, object, rule, at, match));
      if (takesEverything(match)) return routes;
    }
  return routes;
}

function connectionRoutesOf(question: RoutingQuestion, object: VirtualService): ConnectionRoute[] {
  return object.connections.flatMap((rule) =>
    rule.matches
      .filter((match) => selects(match.selector, object, question) && isDialled(match, question.host.addresses))
      .map(({ sni }) => ({
        ...(sni && { sni }),
        split: splitOf(question, object, rule.destinations),
        origin: formatRef(refOf('VirtualService', object)),
        path: rule.path,
      })),
  );
}

/** Clients dial the host's own addresses. */
function isDialled({ destinationSubnets }: ConnectionMatch, addresses: readonly string[]): boolean {
  if (destinationSubnets.length === 0) return true;
  const networks = new IpNetworks(destinationSubnets);
  return addresses.some((ip) => networks.has(ip));
}

function byAgeThenName(a: VirtualService, b: VirtualService): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.name, b.name) || compareText(a.namespace, b.namespace);
}
