import type { InboundConfig, InboundPolicy, InboundPort, Route } from '../../api/routing.ts';
import type { Cluster } from './cluster.ts';
import type { Pod } from './kinds/pod.ts';
import type { Service, ServicePort } from './kinds/service.ts';
import { type MeshDomain, serviceName } from './mesh-domain.ts';
import { type Complain, ownProfileOf, profileOf } from './profile-choice.ts';
import { decideProtocol, type ProtocolDecision } from './protocol.ts';

/**
 * What the proxy of a pod enforces and counts: the default policy, and for each port that its containers declare or a
 * Service leads to, what it speaks and which routes it counts by.
 */
export function inboundConfig(cluster: Cluster, pod: Pod, domain: MeshDomain, complain: Complain): InboundConfig {
  const policy = inboundPolicy(cluster, pod, domain);
  const own = ownProfileOf(cluster, pod, complain);
  const declared = new Map<number, InboundClaim[]>(pod.ports.map(({ port }) => [port, []]));
  for (const claim of claimsOn(cluster, pod)) {
    const port = claim.target;
    declared.set(port, [...(declared.get(port) ?? []), claim]);
  }
  const ports = [...declared].sort(([a], [b]) => a - b);
  return {
    defaultPolicy: policy,
    ports: ports.map(([port, claims]): InboundPort => {
      const routes: Record<string, readonly Route[]> = {};
      if (own) routes[''] = own.profile.routes.map(counting);
      for (const { service } of claims) {
        const chosen = profileOf(cluster, service, service.namespace, domain, complain);
        if (chosen?.origin.startsWith('ServiceProfile/'))
          routes[serviceName(service, domain)] = chosen.profile.routes.map(counting);
      }
      return { port, protocol: protocolOf(cluster, pod, port, claims, domain, complain).protocol, policy, routes };
    }),
    clusterNetworks: domain.clusterNetworks,
  };
}

/** The policy of a pod's ports: from its own annotation, its namespace's, or the control plane's default. */
export function inboundPolicy(cluster: Cluster, pod: Pod, domain: MeshDomain): InboundPolicy {
  if (pod.settings.inboundPolicy) {
    return { mode: pod.settings.inboundPolicy.mode, origin: `annotation/pod/${pod.namespace}/${pod.name}` };
  }
  const namespace = cluster.get('Namespace', '', pod.namespace)?.settings.inboundPolicy;
  if (namespace) return { mode: namespace.mode, origin: `annotation/namespace/${pod.namespace}` };
  return { mode: domain.defaultInboundPolicy, origin: 'default' };
}

/** A Service that sends connections of one of its ports to a port of the pod. */
interface InboundClaim {
  readonly service: Service;
  readonly port: ServicePort;
  readonly target: number;
}

function claimsOn(cluster: Cluster, pod: Pod): InboundClaim[] {
  return cluster.servicesSelecting(pod).flatMap((service) =>
    service.ports.flatMap((port) => {
      const target =
        typeof port.targetPort === 'number'
          ? port.targetPort
          : pod.ports.find((each) => each.name === port.targetPort)?.port;
      return target === undefined ? [] : [{ service, port, target }];
    }),
  );
}

/** What all Services that lead to the port say of it; where they disagree it is detected. */
function protocolOf(
  cluster: Cluster,
  pod: Pod,
  port: number,
  claims: readonly InboundClaim[],
  domain: MeshDomain,
  complain: Complain,
): ProtocolDecision {
  const namespace = cluster.get('Namespace', '', pod.namespace) ?? null;
  const witness = { pod: { object: pod, port }, namespace };
  if (claims.length === 0) return decideProtocol({ ...witness, service: null, profile: null });
  const decisions = claims.map((claim) => {
    const chosen = profileOf(cluster, claim.service, claim.service.namespace, domain, complain);
    const profile = chosen && { opaquePorts: chosen.profile.opaquePorts, origin: chosen.origin };
    return decideProtocol({ ...witness, service: { object: claim.service, port: claim.port }, profile });
  });
  const agree = decisions.every(({ protocol }) => protocol === decisions[0]!.protocol);
  return agree ? decisions[0]! : { protocol: 'detect', rule: 'Services disagree' };
}

/** A route as the server's side needs it: to count and to classify. Timeouts and retries are the client's. */
function counting(route: Route): Route {
  return { ...route, split: [], timeouts: { requestMs: 0 }, retry: null };
}
