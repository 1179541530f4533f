import type { Route, WeightedBackend } from '../../../api/routing.ts';
import { compareText } from '../../objects/meta.ts';
import { formatRef } from '../../objects/object-ref.ts';
import type { BackendRefs } from '../backends.ts';
import { type Candidate, plainRoute, type RoutingQuestion, type ServiceRoutes } from '../service-routes.ts';
import type { ServiceSplit } from '../smi/split-dialect.ts';
import type { ChosenProfile } from './profile-choice.ts';

/**
 * The profile of a Service as a candidate; none where it says nothing of requests. A TrafficSplit takes the place of
 * `dstOverrides` that are not there, as Linkerd's SMI extension has it.
 */
export function profileCandidate(
  question: RoutingQuestion,
  chosen: ChosenProfile | null,
  split: (() => ServiceSplit) | null,
): readonly Candidate[] {
  if (!chosen || (chosen.profile.routes.length === 0 && chosen.profile.overrides.length === 0)) return [];
  return [{ object: chosen.object, translate: () => profileRoutes(question, chosen, split) }];
}

/** Whether a TrafficSplit of the Service shares out the profile's requests. */
export function takesSplit(chosen: ChosenProfile | null): boolean {
  return chosen !== null && chosen.profile.routes.length > 0 && chosen.profile.overrides.length === 0;
}

/** The profile's routes with its split on each; a split also takes the requests that no route takes. */
function profileRoutes(
  { host, port, refs }: RoutingQuestion,
  chosen: ChosenProfile,
  splitOfService: (() => ServiceSplit) | null,
): ServiceRoutes {
  const { routes } = chosen.profile;
  const split = takesSplit(chosen)
    ? splitOfService?.()
    : { alternatives: overrides(chosen, host.namespace, port.port, refs), when: ALWAYS, object: chosen.object };
  if (!split || split.alternatives.length === 0) return { routes };
  const { alternatives, when } = split;
  const rest = plainRoute(formatRef(split.object));
  const isAlways = 'all' in when && when.all.length === 0;
  return {
    routes: [...routes, rest].flatMap((route): Route[] => {
      if (isAlways) return [{ ...route, split: alternatives }];
      const matched: Route = { ...route, when: { all: [route.when, when] }, split: alternatives };
      return route === rest ? [matched] : [matched, route];
    }),
  };
}

const ALWAYS = { all: [] } as const;

/** The backends of `dstOverrides`; a Service that is not there has no endpoints, and its share fails visibly. */
function overrides(chosen: ChosenProfile, namespace: string, ownPort: number, refs: BackendRefs): WeightedBackend[] {
  const weights = new Map<string, number>();
  for (const { host, port, weight } of chosen.profile.overrides) {
    const ref = { host, namespace, port: port ?? ownPort, subset: '' };
    const key = refs.add(ref, { object: chosen.object, path: 'dstOverrides' });
    weights.set(key, (weights.get(key) ?? 0) + weight);
  }
  return [...weights]
    .map(([backend, weight]) => ({ backend, weight }))
    .sort((a, b) => compareText(a.backend, b.backend));
}
