import type { Predicate } from '../../../api/predicate.ts';
import type { WeightedBackend } from '../../../api/routing.ts';
import type { ServiceHost } from '../../objects/host.ts';
import { formatRef, type ObjectRef, refOf } from '../../objects/object-ref.ts';
import type { TrafficSplit } from '../../objects/smi/traffic-split.ts';
import { type Candidate, plainRoute, type RoutingQuestion, type ServiceRoutes } from '../service-routes.ts';

/** A split of a Service, ready to be put on routes. */
export interface ServiceSplit {
  readonly object: ObjectRef;
  readonly alternatives: readonly WeightedBackend[];
  /** Which requests are split; the others go to the Service itself. */
  readonly when: Predicate;
}

/** The TrafficSplits of a Service as candidates, the oldest first. */
export function splitCandidates(question: RoutingQuestion): readonly (Candidate & { split(): ServiceSplit })[] {
  const { cluster, host } = question;
  if (host.kind !== 'Service') return [];
  return cluster.trafficSplitsOf(host.object).map((split) => ({
    object: refOf('TrafficSplit', split),
    split: () => serviceSplit(question, split),
    translate: () => splitRoutes(host, serviceSplit(question, split)),
  }));
}

/** What the Service's own annotations say of retries and timeouts holds beside it. */
function splitRoutes({ object: service }: ServiceHost, { object, alternatives, when }: ServiceSplit): ServiceRoutes {
  if (alternatives.length === 0) return { routes: [] };
  return { routes: [{ ...plainRoute(formatRef(object)), when, split: alternatives, ...service.routeAnnotations }] };
}

/**
 * A backend that lacks the port of the Service is left out with its share, as the specification has it, and reported; a
 * backend that is the Service itself means its own endpoints.
 */
function serviceSplit(question: RoutingQuestion, split: TrafficSplit): ServiceSplit {
  const { cluster, port, refs, complain } = question;
  const object = refOf('TrafficSplit', split);
  const alternatives = split.backends.flatMap(({ service, weight }, at): WeightedBackend[] => {
    const path = `spec.backends[${at}].service`;
    const found = cluster.get('Service', split.namespace, service);
    if (!found?.ports.some((each) => each.port === port.port)) {
      const why = found ? `has no port ${port.port}` : 'does not exist';
      complain(object, path, `Service ${service} ${why}; its share goes to the others`);
      return [];
    }
    const ref = { host: service, namespace: split.namespace, port: port.port, subset: '' };
    return [{ backend: refs.add(ref, { object, path }), weight }];
  });
  return { object, alternatives, when: matchOf(question, split, object) };
}

function matchOf({ cluster, complain }: RoutingQuestion, split: TrafficSplit, object: ObjectRef): Predicate {
  if (!split.groups) return { all: [] };
  return {
    any: split.groups.flatMap((name, at) => {
      const group = cluster.get('HTTPRouteGroup', split.namespace, name);
      if (!group)
        complain(object, `spec.matches[${at}].name`, `there is no HTTPRouteGroup ${name}; it matches nothing`);
      return group?.matches.map(({ when }) => when) ?? [];
    }),
  };
}
