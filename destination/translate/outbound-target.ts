import {
  DEFAULT_RETRY_BUDGET,
  type Endpoint,
  type OutboundTarget,
  OWN_BACKEND,
  type Route,
} from '../../api/routing.ts';
import type { Cluster } from '../objects/cluster.ts';
import type { EntryHost } from '../objects/istio/service-entry.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { type MeshDomain, serviceName } from '../objects/mesh-domain.ts';
import { type Complain, formatRef, type ObjectRef, refOf } from '../objects/object-ref.ts';
import { BackendRefs } from './backends.ts';
import type { ClientView } from './client-view.ts';
import { meshRoutes } from './gateway-api/route-dialect.ts';
import { virtualServices } from './istio/virtual-service-dialect.ts';
import { type ChosenProfile, profileOf } from './linkerd/profile-choice.ts';
import { profileCandidate, takesSplit } from './linkerd/profile-dialect.ts';
import { plainEndpoint, podEndpoint } from './pod-endpoint.ts';
import { podProtocol } from './pod-protocol.ts';
import { serviceProtocol } from './service-protocol.ts';
import {
  type Candidate,
  type Dialect,
  plainRoute,
  type RoutingQuestion,
  type ServiceRoutes,
} from './service-routes.ts';
import { splitCandidates } from './smi/split-dialect.ts';
import { entriesOfHost, resolveTarget, type TargetAddress } from './target.ts';

/** What a client may know of a target; null when the target is unknown. Complains of faults. */
export function outboundTarget(
  cluster: Cluster,
  target: TargetAddress,
  client: ClientView,
  domain: MeshDomain,
  complain: Complain,
): OutboundTarget | null {
  const found = resolveTarget(cluster, target, client.namespace, domain);
  if (!found) return null;
  if (found.kind === 'stranger') return strangerTarget(found);
  if (found.kind === 'service' && found.service.entry)
    complainOfRivals(cluster, found.service.entry, target, client.namespace, complain);
  return found.kind === 'pod'
    ? podTarget(cluster, found, domain)
    : serviceTarget(
        cluster,
        found.service,
        found.port,
        profileOf(cluster, found.service, client.namespace, domain, complain),
        client,
        domain,
        complain,
      );
}

/** Other entries of the same host have no effect. */
function complainOfRivals(
  cluster: Cluster,
  { object, host }: EntryHost,
  { port }: TargetAddress,
  clientNamespace: string,
  complain: Complain,
): void {
  for (const other of entriesOfHost(cluster, host, port, clientNamespace))
    if (other !== object && other.hosts.includes(host))
      complain(
        refOf('ServiceEntry', other),
        'spec.hosts',
        `has no effect on ${host}:${port}: ${formatRef(refOf('ServiceEntry', object))} says where it is`,
      );
}

/** An address that nobody knows; requests to it are looked at for a host that is known. */
function strangerTarget({ address, port }: { readonly address: string; readonly port: number }): OutboundTarget {
  return { ...addressTarget(plainEndpoint(address, port, 'detect'), {}), byHost: true };
}

/** A pod that is dialled by its own address: no balancing, no routes (linkerd2 gives it an endpoint profile too). */
function podTarget(
  cluster: Cluster,
  { pod, address, port }: { readonly pod: Pod; readonly address: string; readonly port: number },
  domain: MeshDomain,
): OutboundTarget {
  const { protocol } = podProtocol(cluster, pod, port, domain);
  const endpoint = podEndpoint(cluster, pod, { address, port, protocol, zone: '' }, domain);
  return addressTarget(endpoint, { dst_namespace: pod.namespace });
}

/** One address, dialled directly. */
function addressTarget(endpoint: Endpoint, labels: OutboundTarget['labels']): OutboundTarget {
  const { address, port, protocol } = endpoint;
  return {
    name: address,
    kind: 'pod',
    port,
    protocol,
    labels,
    routes: [],
    retryBudget: DEFAULT_RETRY_BUDGET,
    backends: { [OWN_BACKEND]: { service: address, port, endpoints: [endpoint] } },
  };
}

function serviceTarget(
  cluster: Cluster,
  service: Service,
  port: ServicePort,
  chosen: ChosenProfile | null,
  client: ClientView,
  domain: MeshDomain,
  complain: Complain,
): OutboundTarget {
  const namespace = cluster.get('Namespace', '', service.namespace);
  const { protocol } = serviceProtocol(cluster, service, port, chosen);
  const profile = chosen?.profile ?? null;
  const refs = new BackendRefs({ service, port, profile, cluster, client, domain, complain });
  const question: RoutingQuestion = { cluster, service, port, client, domain, complain, refs };
  const { retryBudget = refs.ownPolicy.retryBudget ?? profile?.retryBudget ?? DEFAULT_RETRY_BUDGET, ...routes } =
    decide(question, chosen);
  return {
    name: serviceName(service, domain),
    kind: 'service',
    port: port.port,
    protocol,
    labels: { dst_service: service.name, dst_namespace: service.namespace },
    ...routes,
    retryBudget,
    ...((service.settings.requestOverrides ?? namespace?.settings.requestOverrides) && {
      requestOverrides: 'allowed' as const,
    }),
    backends: refs.all,
  };
}

/**
 * The routes of the first object that says something of this port to this client; whoever else would have is told so.
 * Order (docs/reference/precedence.md): ServiceProfile, the dialects below, TrafficSplit.
 */
function decide(question: RoutingQuestion, chosen: ChosenProfile | null): ServiceRoutes {
  const splits = splitCandidates(question);
  const candidates: readonly Candidate[] = [
    ...profileCandidate(question, chosen, splits[0]?.split ?? null),
    ...DIALECTS.flatMap((dialect) => dialect(question)),
    // A profile that takes the split decides together with it.
    ...(takesSplit(chosen) ? splits.slice(1) : splits),
  ];
  let winner: { readonly object: ObjectRef; readonly routes: ServiceRoutes } | null = null;
  for (const candidate of candidates) {
    if (winner) {
      const name = serviceName(question.service, question.domain);
      const message = `has no effect on requests to ${name}:${question.port.port}: ${formatRef(winner.object)} decides them`;
      for (const object of [candidate.object, ...(candidate.others ?? [])]) question.complain(object, '', message);
      continue;
    }
    const routes = candidate.translate();
    if (routes) winner = { object: candidate.object, routes };
  }
  return winner?.routes ?? { routes: annotatedRoute(question.service) };
}

/** A Service that only its own annotations describe has one route without a name. */
function annotatedRoute(service: Service): readonly Route[] {
  const { routeAnnotations } = service;
  if (!routeAnnotations) return [];
  const origin = formatRef({ kind: 'Service', namespace: service.namespace, name: service.name });
  return [{ ...plainRoute(origin), ...routeAnnotations }];
}

/** Ways to write routes, besides the profile, best first. */
const DIALECTS: readonly Dialect[] = [meshRoutes, virtualServices];
