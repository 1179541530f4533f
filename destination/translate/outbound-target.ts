import {
  type Backend,
  DEFAULT_RETRY_BUDGET,
  type OutboundTarget,
  OWN_BACKEND,
  type Route,
  type WeightedBackend,
} from '../../api/routing.ts';
import type { ClientView } from './client-view.ts';
import type { Cluster } from './cluster.ts';
import { endpointsOf, podEndpoint } from './endpoints.ts';
import { compareText } from './kinds/meta.ts';
import type { Pod } from './kinds/pod.ts';
import type { Service, ServicePort } from './kinds/service.ts';
import { type MeshDomain, serviceName } from './mesh-domain.ts';
import { podProtocol } from './pod-protocol.ts';
import { type ChosenProfile, type Complain, profileOf } from './profile-choice.ts';
import { decideProtocol } from './protocol.ts';
import { resolveTarget, type TargetAddress } from './target.ts';

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

/** A pod that is dialled by its own address: no balancing, no routes (linkerd2 gives it an endpoint profile too). */
function podTarget(
  cluster: Cluster,
  { pod, address, port }: { readonly pod: Pod; readonly address: string; readonly port: number },
  domain: MeshDomain,
): OutboundTarget {
  const { protocol } = podProtocol(cluster, pod, port, domain);
  const endpoint = podEndpoint(cluster, pod, { address, port, protocol, zone: '' }, domain);
  return {
    name: address,
    kind: 'pod',
    port,
    protocol,
    labels: { dst_namespace: pod.namespace },
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
  const name = serviceName(service, domain);
  const namespace = cluster.get('Namespace', '', service.namespace) ?? null;
  const witness = chosen && { opaquePorts: chosen.profile.opaquePorts, origin: chosen.origin };
  const { protocol } = decideProtocol({ service: { object: service, port }, profile: witness, pod: null, namespace });
  const own: Backend = {
    service: name,
    port: port.port,
    endpoints: endpointsOf(cluster, service, port, chosen?.profile ?? null, client, domain),
  };
  const { split, backends } = splitOf(cluster, service, own, chosen, client, domain, complain);
  return {
    name,
    kind: 'service',
    port: port.port,
    protocol,
    labels: { dst_service: service.name, dst_namespace: service.namespace },
    routes: routesOf(chosen, split),
    retryBudget: chosen?.profile.retryBudget ?? DEFAULT_RETRY_BUDGET,
    backends,
  };
}

/** The profile's routes with its split on each; a split also takes the requests that no route takes. */
function routesOf(chosen: ChosenProfile | null, split: readonly WeightedBackend[]): readonly Route[] {
  if (!chosen || split.length === 0) return chosen?.profile.routes ?? [];
  const rest: Route = {
    name: '',
    when: { all: [] },
    split,
    timeouts: { requestMs: 0 },
    retry: null,
    classes: [],
    origin: chosen.origin,
  };
  return [...chosen.profile.routes.map((route) => ({ ...route, split })), rest];
}

/** The backends of `dstOverrides`; a Service that is not there has no endpoints, and its share fails visibly. */
function splitOf(
  cluster: Cluster,
  service: Service,
  own: Backend,
  chosen: ChosenProfile | null,
  client: ClientView,
  domain: MeshDomain,
  complain: Complain,
): { split: WeightedBackend[]; backends: Record<string, Backend> } {
  const weights = new Map<string, number>();
  const backends: Record<string, Backend> = { [OWN_BACKEND]: own };
  for (const { host, port, weight } of chosen?.profile.overrides ?? []) {
    const backend = overrideBackend(
      cluster,
      { host, isAddress: false, port: port ?? own.port },
      service,
      client,
      domain,
    );
    if (backend.endpoints === null)
      complainOf(chosen!, `${host}:${backend.port} is no port of a Service; its share of the requests fails`, complain);
    const isOwn = backend.service === own.service && backend.port === own.port;
    const key = isOwn ? OWN_BACKEND : `${backend.service}:${backend.port}`;
    if (!isOwn) backends[key] = { ...backend, endpoints: backend.endpoints ?? [] };
    weights.set(key, (weights.get(key) ?? 0) + weight);
  }
  const split = [...weights].map(([backend, weight]) => ({ backend, weight }));
  return { split: split.sort((a, b) => compareText(a.backend, b.backend)), backends };
}

/** Endpoints are null where the authority is no port of a Service. Short names are those of the Service's namespace. */
function overrideBackend(
  cluster: Cluster,
  target: TargetAddress,
  service: Service,
  client: ClientView,
  domain: MeshDomain,
): { service: string; port: number; endpoints: Backend['endpoints'] | null } {
  const found = resolveTarget(cluster, target, service.namespace, domain);
  if (found?.kind !== 'service') return { service: target.host, port: target.port, endpoints: null };
  const endpoints = endpointsOf(cluster, found.service, found.port, null, client, domain);
  return { service: serviceName(found.service, domain), port: found.port.port, endpoints };
}

function complainOf(chosen: ChosenProfile, message: string, complain: Complain): void {
  const [kind, namespace, name] = chosen.origin.split('/') as [string, string, string];
  complain({ kind, namespace, name }, 'dstOverrides', message);
}
