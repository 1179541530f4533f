import type { Filters, PathRewrite, Redirect } from '../../../api/filters.ts';
import type { Route, WeightedBackend } from '../../../api/routing.ts';
import type {
  MeshRoute,
  PathModifier,
  RouteMatch,
  RouteRule,
  RuleBackend,
  RuleFilters,
} from '../../objects/gateway-api/mesh-route.ts';
import { serviceName } from '../../objects/mesh-domain.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import { annotationsOf, type Candidate, type RoutingQuestion, type ServiceRoutes } from '../service-routes.ts';
import { bySpecificity } from './specificity.ts';

/**
 * Routes of Gateway API that are attached to a Service: GRPCRoutes before HTTPRoutes, each kind as one candidate in which
 * all its routes are merged by specificity.
 *
 * Routes of the client's own namespace (consumer routes) take the place of those of the Service's (producer routes); a
 * route anywhere else says nothing to this client.
 *
 * Source: GEP-1294 and GEP-1324.
 */
export function meshRoutes(question: RoutingQuestion): readonly Candidate[] {
  const { cluster, host, port, client } = question;
  if (host.kind !== 'Service') return [];
  const attached = cluster
    .meshRoutesOf(host.object)
    .filter(({ parents }) =>
      parents.some(
        (parent) =>
          parent.namespace === host.namespace &&
          parent.name === host.shortName &&
          (parent.port ?? port.port) === port.port &&
          (parent.sectionName || port.name) === port.name,
      ),
    )
    .sort(byAge);
  return (['GRPCRoute', 'HTTPRoute'] as const).flatMap((kind): Candidate[] => {
    const routes = attached.filter((route) => route.kind === kind);
    const consumer = routes.filter(({ namespace }) => namespace === client.namespace && namespace !== host.namespace);
    const producer = routes.filter(({ namespace }) => namespace === host.namespace);
    const chosen = consumer.length > 0 ? consumer : producer;
    const [first, ...others] = chosen.map((route) => refOf(route.kind, route));
    return first ? [{ object: first, others, translate: () => translate(question, chosen) }] : [];
  });
}

function translate(question: RoutingQuestion, routes: readonly MeshRoute[]): ServiceRoutes {
  return {
    routes: bySpecificity(routes).map(({ route, rule, match }) => compose(question, route, rule, match)),
    unmatched: 'not-found',
  };
}

function compose(question: RoutingQuestion, route: MeshRoute, rule: RouteRule, match: RouteMatch): Route {
  const annotations = route.annotations ?? annotationsOf(question.host);
  const filters = filtersOf(question, route, rule.filters, match);
  const index = route.rules.indexOf(rule);
  return {
    name: rule.name === '' ? `${route.name}[${index}]` : `${route.name}/${rule.name}`,
    when: match.when,
    split: splitOf(question, route, rule, match),
    // Linkerd's annotations, where there are any, and the rule's own timeout where they say none.
    timeouts: { ...rule.timeouts, ...annotations?.timeouts },
    retry: rule.retry ?? annotations?.retry ?? null,
    classes: [],
    ...(filters && { filters }),
    origin: formatRef(refOf(route.kind, route)),
    path: rule.path,
  };
}

function splitOf(question: RoutingQuestion, route: MeshRoute, rule: RouteRule, match: RouteMatch): WeightedBackend[] {
  if (rule.filters.redirect || rule.filters.isUnusable) return [];
  const alternatives = rule.backends
    .filter(({ weight }) => weight > 0)
    .map((backend): WeightedBackend => {
      const filters = filtersOf(question, route, backend.filters, match);
      return { backend: keyOf(question, route, backend), weight: backend.weight, ...(filters && { filters }) };
    });
  if (alternatives.length > 0) return alternatives;
  return [{ backend: question.refs.nothing(statusWithout(route)), weight: 1 }];
}

function keyOf({ refs, domain }: RoutingQuestion, route: MeshRoute, backend: RuleBackend): string {
  const { service: named } = backend;
  const reference = { object: refOf(route.kind, route), path: backend.path };
  if (!named) return refs.nothing(statusWithout(route));
  const host = serviceName(named, domain);
  const ref = { host, namespace: named.namespace, port: named.port, subset: '' };
  return refs.add(ref, { ...reference, whenEmpty: 503, whenUnknown: statusWithout(route) });
}

/** What the share of a backend gets that does not exist: 500, and UNAVAILABLE in gRPC. */
function statusWithout({ kind }: MeshRoute): 500 | 503 {
  return kind === 'GRPCRoute' ? 503 : 500;
}

function filtersOf(
  question: RoutingQuestion,
  route: MeshRoute,
  { fixed, rewrite, redirect, mirrors, isUnusable }: RuleFilters,
  match: RouteMatch,
): Filters | null {
  if (isUnusable) return { respond: { status: 500, body: '' } };
  const rewritten = rewrite && {
    ...(rewrite.host !== undefined && { authority: rewrite.host }),
    ...(rewrite.path && { path: pathRewrite(rewrite.path, match) }),
  };
  const { path, ...rest } = redirect ?? { status: 302 };
  const redirected: Redirect | null = redirect && { ...rest, ...(path && { path: pathRewrite(path, match) }) };
  const filters: Filters = {
    ...fixed,
    ...(rewritten && { rewrite: rewritten }),
    ...(redirected && { redirect: redirected }),
    ...(mirrors.length > 0 && {
      mirrors: mirrors.map(({ backend, fraction }) => ({ backend: keyOf(question, route, backend), fraction })),
    }),
  };
  return Object.keys(filters).length > 0 ? filters : null;
}

/** A prefix is replaced where the match is one; elsewhere there is none, and the path is replaced whole. */
function pathRewrite({ full, prefix }: PathModifier, match: RouteMatch): PathRewrite {
  if (full !== undefined) return { full };
  if (match.prefix === null) return { full: prefix! };
  return { prefix: { strip: match.prefix, replacement: prefix!, isSegments: true } };
}
