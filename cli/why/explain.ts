import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { OutboundTarget, Route } from '../../api/routing.ts';
import { formatSocketAddress } from '../../core/config/socket-address.ts';
import { type Complaint, Complaints } from '../../destination/objects/object-ref.ts';
import { ClientView } from '../../destination/translate/client-view.ts';
import { hostProtocol } from '../../destination/translate/host-protocol.ts';
import { profileOf } from '../../destination/translate/linkerd/profile-choice.ts';
import { outboundTarget } from '../../destination/translate/outbound-target.ts';
import { podProtocol } from '../../destination/translate/pod-protocol.ts';
import { parseTarget, resolveTarget, type TargetAddress } from '../../destination/translate/target.ts';
import { compilePathRewrite } from '../../proxy/routing/path-rewrite.ts';
import { NOT_FOUND, RouteTable } from '../../proxy/routing/route-table.ts';
import { UsageError } from '../command.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { type ExplainedAlternative, explainAlternative, type Share, sharesOf } from './alternative.ts';
import { clientOf } from './client.ts';
import { type Carried, carriedAs, type ExplainedConnection, explainConnection } from './connection.ts';
import type { Arrival } from './inbound.ts';
import type { Question } from './question.ts';
import { nameOf, placeOf, type RouteName } from './route-name.ts';

/** Which objects decide what becomes of a request. */
export interface Explanation {
  readonly client: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    /** That its proxy proves; null: not known. */
    readonly identity: string | null;
    /** null: not known. */
    readonly address: string | null;
  };
  readonly target: ExplainedTarget;
  /** `octets`: what a request says decides nothing; see `connection`. */
  readonly carried: 'http' | 'octets';
  /** Why the client's own proxy refuses it whatever the routes are; null: it does not. */
  readonly refused: ProxyErrorReason | null;
  /** null: it is carried as HTTP. */
  readonly connection: ExplainedConnection | null;
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

/** What a request is for, and what says which protocol is spoken there. */
export interface ExplainedTarget extends Pick<OutboundTarget, 'name' | 'kind' | 'port' | 'protocol'> {
  /** `appProtocol/Service/default/api`; `default`: nothing says so. */
  readonly protocolRule: string;
  /** `path:line` of the object of that rule; empty: none. */
  readonly protocolPlace: string;
}

/** The route that takes the request, without what is said elsewhere. */
export interface ExplainedRoute extends RouteName, Pick<Route, 'timeouts' | 'retry' | 'filters'> {}

/**
 * Explains a request by the code of the control plane and of the proxy.
 *
 * @throws UsageError for a host or a workload that is not known
 */
export function explain(state: MeshState, question: Question): Explanation {
  const { cluster, domain } = state;
  const complaints = new Complaints();
  const inquiry = { cluster, domain, complain: complaints.add };
  const client = clientOf(state, question.from);
  const { place, identity, address: clientAddress } = client;
  const address = parseTarget(formatSocketAddress(question.host, question.port));
  const target = address && outboundTarget({ ...inquiry, client: new ClientView(place) }, address);
  if (!target) throw unknownHost(state, question);
  const carried = carriedAs(target.protocol, question.request);
  const { shares, ...decision } = decide(carried, state, target, question);
  const arrival: Arrival = {
    client,
    request: question.request,
    service: carried === 'http' && target.kind === 'service' ? target.name : null,
    isOctets: carried === 'octets',
  };
  return {
    client: { namespace: place.namespace, labels: place.labels, identity, address: clientAddress },
    target: explainTarget(state, target, address, place.namespace),
    carried: carried === 'octets' ? 'octets' : 'http',
    refused: carried === 'malformed' ? 'request_malformed' : null,
    ...decision,
    retryBudget: target.retryBudget,
    split: shares.map((share) =>
      explainAlternative(
        state,
        target.backends[share.backend]!,
        share,
        forwarded(arrival, decision.route, share),
        complaints.add,
      ),
    ),
    complaints: complaints.all,
  };
}

/** A request as filters send it on. */
function forwarded(arrival: Arrival, route: ExplainedRoute | null, { filters }: Share): Arrival {
  // As in the proxy's filter chain, the backend's own replaces the route's.
  const rewrite = filters?.rewrite ?? route?.filters?.rewrite;
  if (!rewrite) return arrival;
  const { request } = arrival;
  const { authority = request.authority } = rewrite;
  const path = rewrite.path ? compilePathRewrite(rewrite.path)(request.path) : request.path;
  return { ...arrival, request: { ...request, authority, path } };
}

/** What a request is decided by, besides the target as a whole. */
interface Decision extends Pick<Explanation, 'connection' | 'route' | 'unmatched' | 'passedOver'> {
  readonly shares: readonly Share[];
}

/** Decided by the routes of the target. */
function routed(state: MeshState, target: OutboundTarget, { request }: Question): Decision {
  const compiled = new RouteTable(target.routes, target).find(request);
  const at = target.routes.indexOf(compiled.route);
  const route = at < 0 ? null : compiled.route;
  const isAnswered = compiled === NOT_FOUND || route?.filters?.redirect || route?.filters?.respond;
  return {
    connection: null,
    route: route && {
      ...nameOf(state, route),
      timeouts: route.timeouts,
      retry: route.retry,
      ...(route.filters && { filters: route.filters }),
    },
    unmatched: target.unmatched === 'not-found' ? '404 route_not_found' : 'the Service itself',
    passedOver: target.routes.slice(0, at < 0 ? undefined : at).map((each) => nameOf(state, each)),
    shares: isAnswered ? [] : sharesOf(route?.split ?? []),
  };
}

/** Decided by the routes of the target's connections. */
function passedOn(state: MeshState, target: OutboundTarget, question: Question): Decision {
  const { connection, split } = explainConnection(state, target, question);
  return { connection, route: null, unmatched: 'the Service itself', passedOver: [], shares: sharesOf(split) };
}

/** Refused before any route is looked at. */
const REFUSED: Decision = {
  connection: null,
  route: null,
  unmatched: 'the Service itself',
  passedOver: [],
  shares: [],
};

function decide(carried: Carried, state: MeshState, target: OutboundTarget, question: Question): Decision {
  if (carried === 'malformed') return REFUSED;
  return carried === 'octets' ? passedOn(state, target, question) : routed(state, target, question);
}

function explainTarget(
  state: MeshState,
  { name, kind, port, protocol }: OutboundTarget,
  address: TargetAddress,
  clientNamespace: string,
): ExplainedTarget {
  const { cluster, domain } = state;
  const inquiry = { cluster, domain, complain: () => {} };
  const found = resolveTarget(inquiry, address, clientNamespace)!;
  const ruleOf = () => {
    if (found.kind === 'stranger') return 'default';
    if (found.kind === 'pod') return podProtocol(inquiry, found.pod, found.port).rule;
    const profile = profileOf(inquiry, found.host, clientNamespace);
    return hostProtocol(inquiry, found.host, found.port, profile).rule;
  };
  const rule = ruleOf();
  return { name, kind, port, protocol, protocolRule: rule, protocolPlace: placeOf(state, rule) };
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
