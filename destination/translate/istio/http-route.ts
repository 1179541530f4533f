import type { Filters, PathRewrite, Redirect } from '../../../api/filters.ts';
import type { Route, WeightedBackend } from '../../../api/routing.ts';
import { expandHost } from '../../objects/istio/host.ts';
import type {
  Destination,
  HttpMatch,
  HttpRule,
  RouteDestination,
  VirtualService,
} from '../../objects/istio/virtual-service.ts';
import { clusterServiceOf } from '../../objects/mesh-domain.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import { annotationsOf, type RoutingQuestion } from '../service-routes.ts';

/** The route that a match of a rule is. What the Service's annotations say of timeouts and retries holds where it is silent. */
export function composeRoute(
  question: RoutingQuestion,
  object: VirtualService,
  rule: HttpRule,
  index: number,
  match: HttpMatch,
): Route {
  const { timeouts = {}, retry = null } = annotationsOf(question.host) ?? {};
  const filters = filtersOf(question, object, rule, match);
  const ruleName = rule.name === '' ? `${object.name}[${index}]` : rule.name;
  return {
    name: match.statPrefix || (match.name === '' ? ruleName : `${ruleName}.${match.name}`),
    when: match.when,
    split: rule.isDelegated
      ? [{ backend: question.refs.nothing(503), weight: 1 }]
      : splitOf(question, object, rule.destinations),
    timeouts: rule.timeoutMs > 0 ? { ...timeouts, requestMs: rule.timeoutMs } : timeouts,
    retry: rule.retries ? rule.retries.policy : retry,
    classes: [],
    ...(filters && { filters }),
    origin: formatRef(refOf('VirtualService', object)),
    path: rule.path,
  };
}

/** The alternatives of a rule; what its own `headers` say for one of them comes after those of the rule. */
export function splitOf(
  question: RoutingQuestion,
  object: VirtualService,
  destinations: readonly RouteDestination[],
): WeightedBackend[] {
  return destinations.map(({ destination, weight, headers }) => {
    const filters: Filters = {
      ...(headers.request && { requestHeaders: headers.request }),
      ...(headers.response && { responseHeaders: headers.response }),
      ...(headers.authority !== null && { rewrite: { authority: headers.authority } }),
    };
    const backend = backendOf(question, object, destination);
    return { backend, weight, ...(Object.keys(filters).length > 0 && { filters }) };
  });
}

/** A destination without a port means the only one of its host, or that of the request. */
function backendOf(question: RoutingQuestion, object: VirtualService, destination: Destination): string {
  const { cluster, domain, refs, port } = question;
  const host = expandHost(destination.host, object.namespace, domain);
  const named = clusterServiceOf(host, domain);
  const ports = named ? (cluster.get('Service', named.namespace, named.name)?.ports ?? []) : [];
  const number = destination.port ?? (ports.length === 1 ? ports[0]!.port : port.port);
  const ref = { host, namespace: object.namespace, port: number, subset: destination.subset };
  return refs.add(ref, { object: refOf('VirtualService', object), path: destination.path, whenEmpty: 503 });
}

function filtersOf(
  question: RoutingQuestion,
  object: VirtualService,
  rule: HttpRule,
  match: HttpMatch,
): Filters | null {
  const { headers, respond, cors, fault, mirrors } = rule;
  const rewrite = rewriteOf(rule, match);
  const redirect = redirectOf(rule, match);
  const filters: Filters = {
    ...(headers.request && { requestHeaders: headers.request }),
    ...(headers.response && { responseHeaders: headers.response }),
    ...(rewrite && { rewrite }),
    ...(redirect && { redirect }),
    ...(respond && { respond }),
    ...(cors && { cors }),
    ...(fault && { fault }),
    ...(mirrors.length > 0 && {
      mirrors: mirrors.map(({ destination, fraction }) => ({
        backend: backendOf(question, object, destination),
        fraction,
      })),
    }),
  };
  return Object.keys(filters).length > 0 ? filters : null;
}

function rewriteOf({ rewrite, headers }: HttpRule, match: HttpMatch): Filters['rewrite'] | null {
  const authority = rewrite?.authority ?? headers.authority;
  const uri = rewrite?.uri ?? null;
  const path: PathRewrite | null = uri === null ? null : inPlaceOfPrefix(uri, match);
  const regex = rewrite?.regex;
  if (authority === null && !path && !regex) return null;
  return { ...(authority !== null && { authority }), ...(path && { path }), ...(regex && { path: { regex } }) };
}

function redirectOf({ redirect }: HttpRule, match: HttpMatch): Redirect | null {
  if (!redirect) return null;
  const { uri, prefixRewrite, ...rest } = redirect;
  const path = uri !== null ? { full: uri } : prefixRewrite !== null ? inPlaceOfPrefix(prefixRewrite, match) : null;
  return { ...rest, ...(path && { path }) };
}

/** Where the match is no prefix, the whole path is replaced. */
function inPlaceOfPrefix(replacement: string, { prefix }: HttpMatch): PathRewrite {
  return prefix === null ? { full: replacement } : { prefix: { strip: prefix, replacement, isSegments: false } };
}
