import type { PodAccess } from '../../api/access-policy.ts';
import type { InboundConfig, InboundPolicy, InboundPort, Route } from '../../api/routing.ts';
import { type ServiceHost, serviceHost } from '../objects/host.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import { formatRef, parseRef, refOf } from '../objects/object-ref.ts';
import { identityLayer } from './identity-ports.ts';
import type { Inquiry, Mesh } from './inquiry.ts';
import { istioLayer } from './istio/access-layer.ts';
import { mutualTlsOf } from './istio/mutual-tls-mode.ts';
import { tokenRulesOf, unreadableLayer } from './istio/token-rules.ts';
import { serverAccess } from './linkerd/authorizations.ts';
import { serversOf } from './linkerd/pod-servers.ts';
import { type ChosenProfile, explicitProfileOf, ownProfileOf } from './linkerd/profile-choice.ts';
import { type Claim, claimsOn, podProtocol } from './pod-protocol.ts';
import { smiLayer } from './smi/access-layer.ts';

/**
 * What the proxy of a pod enforces and counts: the default policy, and for each port that its containers declare or a
 * Service leads to or a Server names, what it speaks, who may use it, how often, and which routes it counts by.
 */
export function inboundConfig(inquiry: Inquiry, pod: Pod): InboundConfig {
  const { cluster, domain, complain } = inquiry;
  const policy = inboundPolicy(inquiry, pod);
  const own = ownProfileOf(inquiry, pod);
  const declared = new Map<number, Claim[]>(pod.ports.map(({ port }) => [port, []]));
  const servers = serversOf(inquiry, pod);
  for (const port of servers.keys()) if (!declared.has(port)) declared.set(port, []);
  for (const claim of claimsOn(cluster, pod)) {
    const port = claim.target;
    declared.set(port, [...(declared.get(port) ?? []), claim]);
  }
  const access = accessOf(inquiry, pod);
  const tokenRules = tokenRulesOf(inquiry, pod);
  const ports = [...declared].sort(([a], [b]) => a - b);
  return {
    defaultPolicy: policy,
    ports: ports.map(([port, claims]): InboundPort => {
      const routes = routesOf(
        own,
        claims.map(({ service }) => serviceHost(service, domain)),
        (host) => explicitProfileOf(inquiry, host, host.namespace),
      );
      const { server = null, rateLimit = null } = servers.get(port) ?? {};
      const { protocol, rule } = podProtocol(inquiry, pod, port);
      if (rateLimit && (protocol === 'opaque' || protocol === 'tls'))
        complain(
          parseRef(rateLimit.origin),
          'spec.targetRef',
          `bounds no request to port ${port} of some pods, which is ${protocol} by ${rule}`,
        );
      const granted = server && serverAccess(inquiry, server);
      return {
        port,
        protocol,
        policy: server ? { mode: server.accessPolicy, origin: formatRef(refOf('Server', server)) } : policy,
        routes,
        ...(granted && granted.authorizations.length > 0 && { authorizations: granted.authorizations }),
        ...(granted?.routes && { accessRoutes: granted.routes }),
        ...(rateLimit && { rateLimit }),
      };
    }),
    clusterNetworks: domain.clusterNetworks,
    ...(access && { access }),
    ...(tokenRules.length > 0 && { tokenRules }),
  };
}

/** What all ports of a pod demand of clients besides their own policies; null: nothing. */
function accessOf(inquiry: Inquiry, pod: Pod): PodAccess | null {
  const tls = mutualTlsOf(inquiry, pod);
  const layers = [
    identityLayer(inquiry, pod),
    unreadableLayer(inquiry, pod),
    istioLayer(inquiry, pod),
    smiLayer(inquiry, pod),
  ].filter((layer) => layer !== null);
  const isDefault = tls.mutualTls.origin === 'default' && !tls.mutualTlsPorts;
  return isDefault && layers.length === 0 ? null : { ...tls, layers };
}

/**
 * The routes that a port counts by: the pod's own under no name, those of each Service that leads to it under its name.
 * Where there are any, each of the Services is named, because a proxy counts requests under no name that clients make up.
 */
function routesOf(
  own: ChosenProfile | null,
  hosts: readonly ServiceHost[],
  explicitOf: (host: ServiceHost) => ChosenProfile | null,
): Record<string, readonly Route[]> {
  const ofPod = own ? { '': own.profile.routes.map(counting) } : {};
  const explicit = hosts.map((host) => explicitOf(host)?.profile.routes.map(counting));
  if (!own && explicit.every((each) => each === undefined)) return {};
  const fallback = ofPod[''] ?? [];
  return { ...ofPod, ...Object.fromEntries(hosts.map(({ name }, at) => [name, explicit[at] ?? fallback])) };
}

/** The policy of a pod's ports: from its own annotation, its namespace's, or the control plane's default. */
function inboundPolicy({ cluster, domain }: Mesh, pod: Pod): InboundPolicy {
  if (pod.settings.inboundPolicy) {
    return { mode: pod.settings.inboundPolicy.mode, origin: `annotation/pod/${pod.namespace}/${pod.name}` };
  }
  const namespace = cluster.get('Namespace', '', pod.namespace)?.settings.inboundPolicy;
  if (namespace) return { mode: namespace.mode, origin: `annotation/namespace/${pod.namespace}` };
  return { mode: domain.defaultInboundPolicy, origin: 'default' };
}

/** A route as the server's side needs it: to count and to classify. Timeouts and retries are the client's. */
function counting(route: Route): Route {
  return { ...route, split: [], timeouts: {}, retry: null };
}
