import type { OutboundTarget } from '../../api/routing.ts';
import { ClientView, type Facet, viewKey } from '../../destination/translate/client-view.ts';
import type { Complain, ObjectRef } from '../../destination/translate/complain.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import type { Service, ServicePort } from '../../destination/translate/kinds/service.ts';
import { serviceName } from '../../destination/translate/mesh-domain.ts';
import { outboundTarget } from '../../destination/translate/outbound-target.ts';
import { parseTarget } from '../../destination/translate/target.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { clientsOf } from './clients.ts';

/** What shows when everything is translated as the control plane would do it for its proxies. */
export interface Translation {
  readonly complaints: readonly Complaint[];
  /** Every target as some client sees it. */
  readonly targets: readonly OutboundTarget[];
  /** Everything that was looked up. */
  readonly topics: ReadonlySet<string>;
}

export interface Complaint {
  readonly object: ObjectRef;
  readonly path: string;
  readonly message: string;
}

/** Translates each port of each Service for every client whose view may differ, and what each pod's proxy enforces. */
export function translateAll(state: MeshState): Translation {
  const { cluster, objects, domain } = state;
  const complaints = new Map<string, Complaint>();
  const complain: Complain = (object, path, message) => {
    const complaint = { object, path, message };
    complaints.set(JSON.stringify(complaint), complaint);
  };
  const { value: targets, topics } = cluster.observe(() => {
    for (const pod of objects.list('Pod')) inboundConfig(cluster, pod, domain, complain);
    return [...objects.list('Service')].flatMap((service) =>
      service.ports.flatMap((port) => viewsOf(state, service, port, complain)),
    );
  });
  return { complaints: [...complaints.values()], targets, topics };
}

/** A port of a Service as its clients see it, once for all clients that differ in nothing that makes a difference. */
function viewsOf(state: MeshState, service: Service, { port }: ServicePort, complain: Complain): OutboundTarget[] {
  const address = parseTarget(`${serviceName(service, state.domain)}:${port}`);
  if (!address) return [];
  const targets: OutboundTarget[] = [];
  for (const places of clientsOf(state.objects).values()) {
    const seen: { readonly facets: ReadonlySet<Facet>; readonly key: string }[] = [];
    for (const place of places) {
      if (seen.some(({ facets, key }) => viewKey(place, facets) === key)) continue;
      const view = new ClientView(place);
      const target = outboundTarget(state.cluster, address, view, state.domain, complain);
      seen.push({ facets: view.facets, key: viewKey(place, view.facets) });
      if (target) targets.push(target);
    }
  }
  return targets;
}
