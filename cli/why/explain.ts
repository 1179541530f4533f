import { type Backend, type OutboundTarget, OWN_BACKEND, type RateLimit, type Route } from '../../api/routing.ts';
import { canonicalIp } from '../../core/kubernetes/ip-address.ts';
import { ClientView } from '../../destination/translate/client-view.ts';
import { parseRef } from '../../destination/translate/complain.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { outboundTarget } from '../../destination/translate/outbound-target.ts';
import type { Complaint } from '../../destination/translate/survey.ts';
import { NOT_FOUND, RouteTable } from '../../proxy/routing/route-table.ts';
import { UsageError } from '../command.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { clientOf } from './client.ts';
import type { Question } from './question.ts';

/** Which objects decide what becomes of a request. */
export interface Explanation {
  readonly client: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly target: Pick<OutboundTarget, 'name' | 'kind' | 'port' | 'protocol'>;
  /** null: no route takes it; see `unmatched`. */
  readonly route: ExplainedRoute | null;
  /** What a request gets that no route takes. */
  readonly unmatched: '404 route_not_found' | 'the Service itself';
  /** Routes before it that do not take the request, in order. */
  readonly passedOver: readonly RouteName[];
  readonly retryBudget: OutboundTarget['retryBudget'];
  /** Where it goes; empty where a filter answers in the backend's stead. */
  readonly split: readonly ExplainedAlternative[];
  /** Objects that say something of this target and do not decide it, or that name what is not there. */
  readonly complaints: readonly Complaint[];
}

/** Which object wrote a route, and where in it. */
export interface RouteName {
  /** Empty: the route has no name. */
  readonly name: string;
  readonly origin: string;
  /** Empty: the object as a whole. */
  readonly field: string;
  /** `path:line` of the object; empty where it came from an API server. */
  readonly place: string;
}

/** The route that takes the request, without what is said elsewhere. */
export interface ExplainedRoute extends RouteName, Pick<Route, 'timeouts' | 'retry' | 'filters'> {}

export interface ExplainedAlternative {
  /** `api.default.svc.cluster.local:80/v1`. */
  readonly backend: string;
  /** Of the requests, 0 to 1. */
  readonly share: number;
  readonly filters?: Route['filters'];
  readonly policy: Omit<Backend, 'service' | 'port' | 'subset' | 'endpoints'>;
  readonly endpoints: readonly ExplainedEndpoint[];
}

export interface ExplainedEndpoint {
  readonly address: string;
  /** Empty: it is no pod. */
  readonly pod: string;
  /** Identity that its certificate must carry; null: it is spoken to in the clear. */
  readonly identity: string | null;
  /** Name of its group of nearness; empty: there is one. */
  readonly locality: string;
  /** Who may call it, what says so, and how often; null: no proxy guards it. */
  readonly inbound: { readonly mode: string; readonly origin: string; readonly rateLimit: RateLimit | null } | null;
}

/**
 * Explains a request by the code of the control plane and of the proxy.
 *
 * @throws UsageError for a host or a workload that is not known
 */
export function explain(state: MeshState, question: Question): Explanation {
  const { cluster, domain } = state;
  const complaints = new Map<string, Complaint>();
  const place = clientOf(state, question.from);
  const ip = canonicalIp(question.host);
  const address = { host: ip ?? question.host, isAddress: ip !== null, port: question.port };
  const target = outboundTarget(cluster, address, new ClientView(place), domain, (object, path, message) => {
    const complaint = { object, path, message };
    complaints.set(JSON.stringify(complaint), complaint);
  });
  if (!target) throw unknownHost(state, question);
  const compiled = new RouteTable(target.routes, target).find(question.request);
  const at = target.routes.indexOf(compiled.route);
  const route = at < 0 ? null : compiled.route;
  return {
    client: { namespace: place.namespace, labels: place.labels },
    target: { name: target.name, kind: target.kind, port: target.port, protocol: target.protocol },
    route: route && {
      ...nameOf(state, route),
      timeouts: route.timeouts,
      retry: route.retry,
      ...(route.filters && { filters: route.filters }),
    },
    unmatched: target.unmatched === 'not-found' ? '404 route_not_found' : 'the Service itself',
    passedOver: target.routes.slice(0, at < 0 ? undefined : at).map((each) => nameOf(state, each)),
    retryBudget: target.retryBudget,
    split: compiled === NOT_FOUND || answersItself(route) ? [] : splitOf(state, target, route),
    complaints: [...complaints.values()],
  };
}

function nameOf(state: MeshState, { name, origin, path = '' }: Route): RouteName {
  return { name, origin, field: path, place: state.placeOf(parseRef(origin)) };
}

function answersItself(route: Route | null): boolean {
  return route?.filters?.redirect !== undefined || route?.filters?.respond !== undefined;
}

function splitOf(state: MeshState, target: OutboundTarget, route: Route | null): ExplainedAlternative[] {
  const weighted = (route?.split ?? []).filter(({ weight }) => weight > 0);
  const alternatives = weighted.length > 0 ? weighted : [{ backend: OWN_BACKEND, weight: 1 }];
  const total = alternatives.reduce((sum, { weight }) => sum + weight, 0);
  return alternatives.map(({ backend, weight, ...rest }) => {
    const { service, port, subset, endpoints, ...policy } = target.backends[backend]!;
    return {
      backend: `${service}:${port}${subset ? `/${subset}` : ''}`,
      share: weight / total,
      ...('filters' in rest && rest.filters && { filters: rest.filters }),
      policy,
      endpoints: endpoints.map((endpoint) => explainEndpoint(state, endpoint, policy)),
    };
  });
}

function explainEndpoint(
  { objects, cluster, domain }: MeshState,
  { address, port, tls, labels, locality = 0 }: Backend['endpoints'][number],
  { balancer }: Pick<Backend, 'balancer'>,
): ExplainedEndpoint {
  const { dst_pod: name = '', dst_namespace: namespace = '' } = labels;
  const pod = [...objects.list('Pod')].find((each) => each.name === name && each.namespace === namespace);
  const config = pod && tls ? inboundConfig(cluster, pod, domain, () => {}) : null;
  const { policy = config?.defaultPolicy, rateLimit = null } = config?.ports.find((each) => each.port === port) ?? {};
  return {
    address: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    pod: name && `${namespace}/${name}`,
    identity: tls?.identity ?? null,
    locality: balancer?.localities?.[locality]?.name ?? '',
    inbound: policy ? { mode: policy.mode, origin: policy.origin, rateLimit } : null,
  };
}

function unknownHost({ objects }: MeshState, { host, port }: Question): UsageError {
  const services = [...objects.list('Service')];
  const [name = ''] = host.split('.');
  const same = services.filter((service) => service.name === name);
  const ports = same.map((each) => `${each.name}.${each.namespace} has ${each.ports.map((p) => p.port).join(', ')}`);
  const names = services.map((service) => `${service.name}.${service.namespace}`).slice(0, 10);
  const hint = ports.length > 0 ? `ports: ${ports.join('; ')}` : `Services: ${names.join(', ') || 'none'}`;
  return new UsageError(`${host}:${port} is no port of a Service and no pod: it is forwarded untouched`, hint);
}
