import type { OutboundTarget } from '../../api/routing.ts';
import { entryHost, type Host, serviceHost } from '../objects/host.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { ObjectFeed } from '../objects/object-feed.ts';
import { type Complaint, Complaints } from '../objects/object-ref.ts';
import { type ClientPlace, ClientView, type Facet, viewKey } from './client-view.ts';
import { inboundConfig } from './inbound-config.ts';
import type { Inquiry, Mesh } from './inquiry.ts';
import { outboundTarget } from './outbound-target.ts';
import { clientsOf } from './survey-clients.ts';
import { parseTarget } from './target.ts';

/** Everything that is known, for a look at all of it together. */
export interface Surveyed extends Mesh {
  readonly objects: ObjectFeed;
}

/** What shows when everything is translated as the control plane would do it for its proxies. */
export interface Survey {
  readonly complaints: readonly Complaint[];
  /** Every target as some client sees it. */
  readonly targets: readonly OutboundTarget[];
  /** Everything that was looked up. */
  readonly topics: ReadonlySet<string>;
}

/**
 * Translates each port of each host for every client whose view may differ, and what each pod's proxy enforces.
 *
 * @param expected pods that are not there yet
 */
export function surveyAll(surveyed: Surveyed, expected: readonly Pod[] = []): Survey {
  const { cluster, objects, domain } = surveyed;
  const complaints = new Complaints();
  const clients = clientsOf(objects, expected);
  const inquiry: Inquiry = { cluster, domain, complain: complaints.add };
  const { value: targets, topics } = cluster.observe(() => {
    for (const pod of [...objects.list('Pod'), ...expected]) inboundConfig(inquiry, pod);
    return hostsOf(surveyed).flatMap((host) => surveyHost(inquiry, host, clients));
  });
  return { complaints: complaints.all, targets, topics };
}

/** Services, and hosts of ServiceEntries. Hosts below a wildcard are known when they are asked for. */
export function hostsOf({ objects, domain }: Surveyed): Host[] {
  const services = [...objects.list('Service')].map((service) => serviceHost(service, domain));
  const entries = [...objects.list('ServiceEntry')].flatMap((object) =>
    object.hosts.filter((name) => !name.startsWith('*')).map((name) => entryHost(object, name, null)),
  );
  return [...services, ...entries];
}

/** Each port of a host as its clients see it; complains of what they are told is wrong with it. @param clients of {@link clientsOf} */
export function surveyHost(
  inquiry: Inquiry,
  host: Host,
  clients: ReadonlyMap<string, readonly ClientPlace[]>,
): OutboundTarget[] {
  return host.ports.flatMap((port) => viewsOfPort(inquiry, host, port, clients));
}

/** A port of a host as its clients see it, once for all clients that differ in nothing that makes a difference. */
function viewsOfPort(
  inquiry: Inquiry,
  { name }: Host,
  { port }: ServicePort,
  clients: ReadonlyMap<string, readonly ClientPlace[]>,
): OutboundTarget[] {
  const address = parseTarget(`${name}:${port}`);
  if (!address) return [];
  const targets: OutboundTarget[] = [];
  for (const places of clients.values()) {
    const seen: { readonly facets: ReadonlySet<Facet>; readonly key: string }[] = [];
    for (const place of places) {
      if (seen.some(({ facets, key }) => viewKey(place, facets) === key)) continue;
      const client = new ClientView(place);
      const target = outboundTarget({ ...inquiry, client }, address);
      seen.push({ facets: client.facets, key: viewKey(place, client.facets) });
      if (target) targets.push(target);
    }
  }
  return targets;
}
