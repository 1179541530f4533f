import type { AccessRule } from '../../api/access-policy.ts';
import { PROXY_CONTAINER } from '../../api/names.ts';
import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { InboundConfig, InboundPolicy, InboundPort, Protocol, RateLimit } from '../../api/routing.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import { annotationPath } from '../../destination/objects/kubernetes/settings.ts';
import type { Complain } from '../../destination/objects/object-ref.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { Access } from '../../proxy/access/access.ts';
import { attributesOf } from '../../proxy/access/client-attributes.ts';
import type { AccessFacts } from '../../proxy/access/condition.ts';
import type { Judged } from '../../proxy/access/layer.ts';
import { normalTarget } from '../../proxy/access/path-readings.ts';
import { PortAccess } from '../../proxy/access/port-access.ts';
import type { TokenFault } from '../../proxy/access/token-fault.ts';
import { afterToken, REASON_OF_REFUSAL, type Verdict, verdictOf } from '../../proxy/access/verdict.ts';
import { carriageOf, type HttpRules, passesTls } from '../../proxy/routing/carriage.ts';
import { PortRoutes, serviceNamed } from '../../proxy/routing/port-routes.ts';
import type { RequestView } from '../../proxy/routing/predicate.ts';
import { isProbe, type ProbePaths } from '../../proxy/routing/probe.ts';
import { overridesByClient } from '../../proxy/routing/rate-override.ts';
import { DEFAULT_ROUTE } from '../../proxy/routing/route-table.ts';
import { RequestAuthenticator } from '../../proxy/tokens/request-authenticator.ts';
import { containersOf, readPodTemplate } from '../../webhook/inject/pod-template.ts';
import { probePathsOf } from '../../webhook/inject/probe-paths.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Client } from './client.ts';
import { type NearestRule, nearestRule } from './nearest-rule.ts';
import type { PodPort } from './pod-port.ts';
import { nameOf, placeOf, type RouteName } from './route-name.ts';

/** What the proxies of some pods do with a request that arrives; pods that decide alike stand together. */
export interface ExplainedInbound {
  /** `default/api-0`; `Deployment/default/api`: those that its template makes. */
  readonly pods: readonly string[];
  /** Port of the pods that it arrives at. */
  readonly port: number;
  readonly protocol: Protocol;
  /** What it is counted under; null: no route takes it, or it passes as octets. */
  readonly route: RouteName | null;
  readonly policy: ExplainedPolicy;
  /** null: none, or none that holds for it. */
  readonly rateLimit: ExplainedRateLimit | null;
  /** Why it never reaches the application; null: it does, but for the rate limit. */
  readonly refused: ProxyErrorReason | null;
}

/** What says who is let in, and whether the client is. */
export interface ExplainedPolicy extends InboundPolicy {
  /** Empty: no field of an object. */
  readonly field: string;
  readonly place: string;
  /** `unknown`: it depends on who the client is, or where. `probe`: the policy is not asked, because the kubelet asks the same. */
  readonly verdict: 'allowed' | 'denied' | 'unknown' | 'probe';
  /** The object that decided, where that was not the policy itself; null: it was, or no rule of any. */
  readonly rule: { readonly origin: string; readonly field: string; readonly place: string } | null;
  /** Why it is refused, in a sentence; empty: it is not, or by the policy itself. */
  readonly why: string;
  /** Of the rules that might have let it in, the one that lacks least; null: it is let in, or there is none. */
  readonly nearest: NearestRule | null;
}

/** A bound on requests a second, by each pod's proxy alone. */
export interface ExplainedRateLimit extends RateLimit {
  readonly place: string;
  /** What holds for the client besides the total; null: nothing, or it is not known who the client is. */
  readonly client: { readonly perSecond: number; readonly by: 'override' | 'identity' } | null;
}

/** A request as it comes to the proxy of an endpoint. */
export interface Arrival {
  readonly client: Client;
  readonly request: RequestView;
  /** FQDN of the Service that the client's proxy names; null: it names none. */
  readonly service: string | null;
  /** The client's proxy passes octets on. */
  readonly isOctets: boolean;
}

/** Who may use a port of a pod, and what says so. */
export function policyOf({ cluster, domain }: MeshState, { pod, port }: PodPort): InboundPolicy {
  const { mode, origin } = rulesOf(inboundConfig({ cluster, domain, complain: () => {} }, pod), port).policy;
  return { mode, origin };
}

/** What the proxies of pods do with a request, those that do the same together, in the order of the pods. */
export function explainInbound(
  state: MeshState,
  places: readonly PodPort[],
  arrival: Arrival,
  complain: Complain,
): ExplainedInbound[] {
  const groups = new Map<string, ExplainedInbound & { readonly pods: string[] }>();
  for (const place of places) {
    const decided = decide(state, place, arrival, complain);
    const { namespace, name } = place.pod;
    const own = `${namespace}/${name}`;
    const key = JSON.stringify(decided, (field, value) => (isOf(field, value, own) ? '' : value));
    const called = place.deployment === null ? own : `Deployment/${own}`;
    const group = groups.get(key);
    if (group) group.pods.push(called);
    else groups.set(key, { pods: [called], ...decided });
  }
  return [...groups.values()];
}

/** What names the pod itself, as an annotation of its template does, makes it no different from its like. */
function isOf(field: string, value: unknown, pod: string): boolean {
  return field === 'place' || (field === 'origin' && String(value).endsWith(`/${pod}`));
}

function decide(
  state: MeshState,
  place: PodPort,
  arrival: Arrival,
  complain: Complain,
): Omit<ExplainedInbound, 'pods'> {
  const { cluster, domain } = state;
  const { pod, port } = place;
  const config = inboundConfig({ cluster, domain, complain }, pod);
  const rules = rulesOf(config, port);
  const routes = new PortRoutes(rules.routes);
  const seen = seenAs(arrival, {
    protocol: rules.protocol,
    hasRoutes: !routes.isEmpty || rules.accessRoutes !== undefined,
    hasRateLimit: rules.rateLimit !== undefined,
  });
  const isExempt = seen === 'http' && isProbe(probesOf(place), port, arrival.request);
  const tokens = tokensOf(config, arrival);
  const facts = { ...factsOf(rules, arrival), ...tokens.facts };
  const byRules = judgedBy(config, rules, arrival.client, facts, seen === 'http' ? 'requests' : 'octets');
  const judged = afterToken(byRules, seen === 'http' ? tokens.fault : null);
  const verdict = isExempt ? 'probe' : judged.verdict;
  return {
    port,
    protocol: rules.protocol,
    route: seen === 'http' ? routeOf(state, routes, arrival) : null,
    policy: {
      ...explainPolicy(state, place, rules.policy, verdict),
      ...ruleOf(state, isExempt ? null : judged),
      nearest: verdict === 'denied' ? nearestRule(state, permissionsFor(config, rules, judged), facts) : null,
    },
    rateLimit: seen === 'http' && !isExempt ? explainRateLimit(state, rules.rateLimit, arrival.client) : null,
    refused:
      seen === 'neither' ? 'opaque_on_http_port' : verdict === 'denied' ? REASON_OF_REFUSAL[judged.refusal] : null,
  };
}

function rulesOf({ ports, defaultPolicy }: InboundConfig, port: number): InboundPort {
  return ports.find((each) => each.port === port) ?? { port, protocol: 'detect', policy: defaultPolicy, routes: {} };
}

/** What the pod's proxy takes a request for; `neither`: octets where only HTTP may be. TLS of the application is no HTTP. */
function seenAs({ isOctets, request }: Arrival, port: HttpRules): 'http' | 'octets' | 'neither' {
  if (!isOctets) return 'http';
  if (request.scheme === 'https') return passesTls(port) ? 'octets' : 'neither';
  return carriageOf(port) === 'octets' ? 'octets' : 'http';
}

function routeOf(state: MeshState, routes: PortRoutes, { service, request }: Arrival): RouteName | null {
  const found = routes.find(service ?? serviceNamed(request.authority, state.domain.clusterDomain), request);
  return found === DEFAULT_ROUTE ? null : nameOf(state, found.route);
}

/** What is made of the request's tokens. Keys that the control plane fetches are not known here: then it depends on the token. */
function tokensOf(
  { tokenRules }: InboundConfig,
  { request }: Arrival,
): { readonly facts: Pick<AccessFacts, 'token'>; readonly fault: TokenFault | null } {
  if (!tokenRules) return { facts: { token: null }, fault: null };
  const { token, fault } = new RequestAuthenticator(tokenRules).authenticate(request, Date.now());
  return fault?.kind === 'keys-unknown' ? { facts: {}, fault: null } : { facts: { token }, fault };
}

/** What the proxy of the pod knows of it. */
function factsOf({ port }: InboundPort, { client, request }: Arrival): AccessFacts {
  const { identity, spiffe, address } = client;
  return {
    client: identity === null ? null : attributesOf({ identity, spiffe }),
    address,
    port,
    serverName: '',
    request: { ...request, path: normalTarget(request.path) ?? request.path },
  };
}

/** What the proxy of the pod says of the client, as it says it. */
function judgedBy(
  config: InboundConfig,
  rules: InboundPort,
  { identity }: Client,
  facts: AccessFacts,
  judged: Judged,
): Verdict {
  const demands = {
    policy: rules.policy,
    port: new PortAccess(rules),
    pod: new Access(config.access),
    networks: new IpNetworks(config.clusterNetworks),
  };
  // Between proxies the client always proves an identity, also where it is not known which.
  return verdictOf(demands, { identity: identity ?? SOMEBODY, isLocal: false, facts }, judged);
}

/** The rules any of which would have let in who was refused, by layer. */
function permissionsFor(
  { access }: InboundConfig,
  { authorizations = [], accessRoutes = [] }: InboundPort,
  { decider }: Verdict,
): (readonly AccessRule[])[] {
  if (decider.kind === 'object') return [];
  if (decider.kind === 'no-rule') return (access?.layers ?? []).map(({ allow }) => allow ?? []);
  return [[...authorizations, ...accessRoutes.flatMap((route) => route.authorizations)]];
}

/** What decided besides the policy of the port. */
function ruleOf(state: MeshState, judged: Verdict | null): Pick<ExplainedPolicy, 'rule' | 'why'> {
  if (!judged || judged.decider.kind === 'policy') return { rule: null, why: '' };
  const why = judged.verdict === 'denied' ? judged.why : '';
  if (judged.decider.kind === 'no-rule') return { rule: null, why };
  const { origin, path = '' } = judged.decider;
  return { rule: { origin, field: path, place: placeOf(state, origin) }, why };
}

function explainPolicy(
  state: MeshState,
  place: PodPort,
  policy: InboundPolicy,
  verdict: ExplainedPolicy['verdict'],
): Omit<ExplainedPolicy, 'rule' | 'why' | 'nearest'> {
  const { deployment } = place;
  const origin = deployment === null ? policy.origin : policy.origin.replace(/^annotation\/pod\//, OF_TEMPLATE);
  return {
    mode: policy.mode,
    origin,
    field: policyField(state, place, origin),
    place: placeOf(state, origin),
    verdict,
  };
}

function policyField({ cluster }: MeshState, { pod }: PodPort, origin: string): string {
  if (origin.startsWith('Server/')) return 'spec.accessPolicy';
  if (!origin.startsWith('annotation/')) return '';
  const isOfNamespace = origin.startsWith('annotation/namespace/');
  const owner = isOfNamespace ? cluster.get('Namespace', '', pod.namespace) : pod;
  const { annotation = '' } = owner?.settings.inboundPolicy ?? {};
  const metadata = origin.startsWith(OF_TEMPLATE) ? 'spec.template.metadata' : 'metadata';
  return annotation && annotationPath(annotation, metadata);
}

function explainRateLimit(
  state: MeshState,
  limit: RateLimit | undefined,
  { identity }: Client,
): ExplainedRateLimit | null {
  if (!limit) return null;
  const override = identity === null ? undefined : overridesByClient(limit).get(identity);
  const ofIdentity = identity === null ? undefined : limit.identityPerSecond;
  const own = override
    ? ({ perSecond: override.perSecond, by: 'override' } as const)
    : ofIdentity !== undefined
      ? ({ perSecond: ofIdentity, by: 'identity' } as const)
      : null;
  return { ...limit, place: placeOf(state, limit.origin), client: own };
}

/** The probes of the pod's own containers, as injection tells its proxy. */
function probesOf({ raw }: PodPort): ProbePaths {
  const template = readPodTemplate(raw);
  if (typeof template === 'string') return {};
  return probePathsOf(containersOf(template.spec).filter((each) => each.name !== PROXY_CONTAINER));
}

/** Where an annotation stands that pods would have of their template. */
const OF_TEMPLATE = 'annotation/Deployment/';
/** Stands for an identity of which only is known that there is one. */
const SOMEBODY = '?';
