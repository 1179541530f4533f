import type { OutboundTarget } from '../../api/routing.ts';
import type { Cluster } from '../objects/cluster.ts';
import { serviceOfEntry } from '../objects/istio/service-of-entry.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { type MeshDomain, serviceName } from '../objects/mesh-domain.ts';
import type { ObjectFeed } from '../objects/object-feed.ts';
import { type Complain, type Complaint, Complaints } from '../objects/object-ref.ts';
import { type ClientPlace, ClientView, type Facet, viewKey } from './client-view.ts';
import { inboundConfig } from './inbound-config.ts';
import { outboundTarget } from './outbound-target.ts';
import { clientsOf } from './survey-clients.ts';
import { parseTarget } from './target.ts';

/** Everything that is known, for a look at all of it together. */
export interface Surveyed {
  readonly cluster: Cluster;
  readonly objects: ObjectFeed;
  readonly domain: MeshDomain;
}

/** What shows when everything is translated as the control plane would do it for its proxies. */
export interface Survey {
  readonly complaints: readonly Complaint[];
  /** Every target as some client sees it. */
  readonly targets: readonly OutboundTarget[];
  /** Everything that was looked up. */
  readonly topics: ReadonlySet<string>;
}

/** Translates each port of each Service for every client whose view may differ, and what each pod's proxy enforces. */
export function surveyAll(surveyed: Surveyed): Survey {
  const { cluster, objects, domain } = surveyed;
  const complaints = new Complaints();
  const clients = clientsOf(objects);
  const { value: targets, topics } = cluster.observe(() => {
    for (const pod of objects.list('Pod')) inboundConfig(cluster, pod, domain, complaints.add);
    return servicesOf(objects).flatMap((service) => surveyService(surveyed, service, clients, complaints.add));
  });
  return { complaints: complaints.all, targets, topics };
}

/** Services, and hosts of ServiceEntries in their shape. Hosts below a wildcard are known when they are asked for. */
export function servicesOf(objects: ObjectFeed): Service[] {
  const hosts = [...objects.list('ServiceEntry')].flatMap((object) =>
    object.hosts.filter((host) => !host.startsWith('*')).map((host) => serviceOfEntry({ object, host, dialled: null })),
  );
  return [...objects.list('Service'), ...hosts];
}

/** Each port of a Service as its clients see it; complains of what they are told is wrong with it. @param clients of {@link clientsOf} */
export function surveyService(
  surveyed: Surveyed,
  service: Service,
  clients: ReadonlyMap<string, readonly ClientPlace[]>,
  complain: Complain,
): OutboundTarget[] {
  return service.ports.flatMap((port) => viewsOfPort(surveyed, service, port, clients, complain));
}

/** A port of a Service as its clients see it, once for all clients that differ in nothing that makes a difference. */
function viewsOfPort(
  { cluster, domain }: Surveyed,
  service: Service,
  { port }: ServicePort,
  clients: ReadonlyMap<string, readonly ClientPlace[]>,
  complain: Complain,
): OutboundTarget[] {
  const address = parseTarget(`${serviceName(service, domain)}:${port}`);
  if (!address) return [];
  const targets: OutboundTarget[] = [];
  for (const places of clients.values()) {
    const seen: { readonly facets: ReadonlySet<Facet>; readonly key: string }[] = [];
    for (const place of places) {
      if (seen.some(({ facets, key }) => viewKey(place, facets) === key)) continue;
      const view = new ClientView(place);
      const target = outboundTarget(cluster, address, view, domain, complain);
      seen.push({ facets: view.facets, key: viewKey(place, view.facets) });
      if (target) targets.push(target);
    }
  }
  return targets;
}
