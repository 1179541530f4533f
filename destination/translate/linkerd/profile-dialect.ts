import type { Route, WeightedBackend } from '../../../api/routing.ts';
import type { BackendRefs } from '../backends.ts';
import type { ObjectRef } from '../complain.ts';
import { compareText } from '../kinds/meta.ts';
import type { Candidate, RoutingQuestion, ServiceRoutes } from '../service-routes.ts';
import type { ChosenProfile } from './profile-choice.ts';

/** The profile of a Service as a candidate; none where it says nothing of requests. */
export function profileCandidate(question: RoutingQuestion, chosen: ChosenProfile | null): readonly Candidate[] {
  if (!chosen || (chosen.profile.routes.length === 0 && chosen.profile.overrides.length === 0)) return [];
  return [{ object: objectOf(chosen), translate: () => profileRoutes(question, chosen) }];
}

/** The profile's routes with its split on each; a split also takes the requests that no route takes. */
function profileRoutes({ service, port, refs }: RoutingQuestion, chosen: ChosenProfile): ServiceRoutes {
  const split = splitOf(chosen, service.namespace, port.port, refs);
  const { routes } = chosen.profile;
  if (split.length === 0) return { routes };
  const rest: Route = {
    name: '',
    when: { all: [] },
    split,
    timeouts: {},
    retry: null,
    classes: [],
    origin: chosen.origin,
  };
  return { routes: [...routes.map((route) => ({ ...route, split })), rest] };
}

/** The backends of `dstOverrides`; a Service that is not there has no endpoints, and its share fails visibly. */
function splitOf(chosen: ChosenProfile, namespace: string, ownPort: number, refs: BackendRefs): WeightedBackend[] {
  const weights = new Map<string, number>();
  for (const { host, port, weight } of chosen.profile.overrides) {
    const ref = { host, namespace, port: port ?? ownPort, subset: '' };
    const key = refs.add(ref, { object: objectOf(chosen), path: 'dstOverrides' });
    weights.set(key, (weights.get(key) ?? 0) + weight);
  }
  return [...weights]
    .map(([backend, weight]) => ({ backend, weight }))
    .sort((a, b) => compareText(a.backend, b.backend));
}

function objectOf(chosen: ChosenProfile): ObjectRef {
  const [kind, namespace, name] = chosen.origin.split('/') as [string, string, string];
  return { kind, namespace, name };
}
