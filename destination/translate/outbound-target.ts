import {
  DEFAULT_RETRY_BUDGET,
  type Endpoint,
  type OutboundTarget,
  OWN_BACKEND,
  type Route,
} from '../../api/routing.ts';
import type { EntryHost, Host } from '../objects/host.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { formatRef, type ObjectRef, refOf } from '../objects/object-ref.ts';
import { BackendRefs } from './backends.ts';
import { meshRoutes } from './gateway-api/route-dialect.ts';
import { hostProtocol } from './host-protocol.ts';
import type { ClientInquiry, Mesh } from './inquiry.ts';
import { virtualServices } from './istio/virtual-service-dialect.ts';
import { type ChosenProfile, profileOf } from './linkerd/profile-choice.ts';
import { profileCandidate, takesSplit } from './linkerd/profile-dialect.ts';
import { plainEndpoint, podEndpoint } from './pod-endpoint.ts';
import { podProtocol } from './pod-protocol.ts';
import {
  annotationsOf,
  type Candidate,
  type Dialect,
  plainRoute,
  type RoutingQuestion,
  type ServiceRoutes,
} from './service-routes.ts';
import { splitCandidates } from './smi/split-dialect.ts';
import { entriesOfHost, resolveTarget, type TargetAddress } from './target.ts';

/** What a client may know of a target; null when the target is unknown. Complains of faults. */
export function outboundTarget(inquiry: ClientInquiry, target: TargetAddress): OutboundTarget | null {
  const found = resolveTarget(inquiry, target, inquiry.client.namespace);
  if (!found) return null;
  if (found.kind === 'stranger') return strangerTarget(found);
  if (found.kind === 'pod') return podTarget(inquiry, found);
  if (found.host.kind === 'ServiceEntry') complainOfRivals(inquiry, found.host, target.port);
  return hostTarget(inquiry, found.host, found.port);
}

/** Other entries of the same host have no effect. */
function complainOfRivals(
  { cluster, client, complain }: ClientInquiry,
  { object, name }: EntryHost,
  port: number,
): void {
  for (const other of entriesOfHost(cluster, name, port, client.namespace))
    if (other !== object && other.hosts.includes(name))
      complain(
        refOf('ServiceEntry', other),
        'spec.hosts',
        `has no effect on ${name}:${port}: ${formatRef(refOf('ServiceEntry', object))} says where it is`,
      );
}

/** An address that nobody knows; requests to it are looked at for a host that is known. */
function strangerTarget({ address, port }: { readonly address: string; readonly port: number }): OutboundTarget {
  return { ...addressTarget(plainEndpoint(address, port, 'detect'), {}), byHost: true };
}

/** A pod that is dialled by its own address: no balancing, no routes (linkerd2 gives it an endpoint profile too). */
function podTarget(
  mesh: Mesh,
  { pod, address, port }: { readonly pod: Pod; readonly address: string; readonly port: number },
): OutboundTarget {
  const { protocol } = podProtocol(mesh, pod, port);
  const endpoint = podEndpoint(mesh, pod, { address, port, protocol, zone: '' });
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

function hostTarget(inquiry: ClientInquiry, host: Host, port: ServicePort): OutboundTarget {
  const chosen = profileOf(inquiry, host, inquiry.client.namespace);
  const { protocol } = hostProtocol(inquiry, host, port, chosen);
  const refs = new BackendRefs(inquiry, host, port, chosen);
  const { retryBudget, ...routes } = decide({ ...inquiry, host, port, refs }, chosen);
  return {
    name: host.name,
    kind: 'service',
    port: port.port,
    protocol,
    labels: { dst_service: host.shortName, dst_namespace: host.namespace },
    ...routes,
    retryBudget: retryBudget ?? refs.ownPolicy.retryBudget ?? chosen?.profile.retryBudget ?? DEFAULT_RETRY_BUDGET,
    ...(allowsOverrides(inquiry, host) && { requestOverrides: 'allowed' as const }),
    backends: refs.all,
  };
}

/** Whether requests may say how long they may take and how often they are tried: the nearest annotation decides. */
function allowsOverrides({ cluster }: Mesh, { kind, namespace, object }: Host): boolean {
  const own = kind === 'Service' ? object.settings.requestOverrides : null;
  return own ?? cluster.get('Namespace', '', namespace)?.settings.requestOverrides ?? false;
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
      const message = `has no effect on requests to ${question.host.name}:${question.port.port}: ${formatRef(winner.object)} decides them`;
      for (const object of [candidate.object, ...(candidate.others ?? [])]) question.complain(object, '', message);
      continue;
    }
    const routes = candidate.translate();
    if (routes) winner = { object: candidate.object, routes };
  }
  return winner?.routes ?? { routes: annotatedRoute(question.host) };
}

/** A Service that only its own annotations describe has one route without a name. */
function annotatedRoute(host: Host): readonly Route[] {
  const annotations = annotationsOf(host);
  return annotations ? [{ ...plainRoute(formatRef(refOf(host.kind, host.object))), ...annotations }] : [];
}

/** Ways to write routes, besides the profile, best first. */
const DIALECTS: readonly Dialect[] = [meshRoutes, virtualServices];
