import type { MeshRoute, RouteMatch, RouteRule } from '../../objects/gateway-api/mesh-route.ts';

/** One match of a rule of a route. */
export interface OrderedMatch {
  readonly route: MeshRoute;
  readonly rule: RouteRule;
  readonly match: RouteMatch;
}

/** The matches of routes, the more specific first. Equals keep the order that they have: of the routes, of their rules. */
export function bySpecificity(routes: readonly MeshRoute[]): OrderedMatch[] {
  return routes
    .flatMap((route) => route.rules.map((rule) => ({ route, rule })))
    .flatMap(({ route, rule }) => rule.matches.map((match) => ({ route, rule, match })))
    .sort((a, b) => compareSpecificity(a.match, b.match));
}

/** More specific first. */
function compareSpecificity(a: RouteMatch, b: RouteMatch): number {
  for (let i = 0; i < a.specificity.length; i++) {
    const difference = (b.specificity[i] ?? 0) - a.specificity[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
