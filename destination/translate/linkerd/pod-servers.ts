import type { RateLimit } from '../../../api/routing.ts';
import type { Cluster } from '../../objects/cluster.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import type { Service } from '../../objects/kubernetes/service.ts';
import type { ServicePort } from '../../objects/kubernetes/service-port.ts';
import { rateLimitOf } from '../../objects/linkerd/rate-limit-policy.ts';
import { portsOf, type Server } from '../../objects/linkerd/server.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry } from '../inquiry.ts';

/** The Server of a port, and the bound on its requests. */
export interface PodServer {
  readonly server: Server;
  readonly rateLimit: RateLimit | null;
}

/** The Servers of a pod by port: of several for one port the oldest, and of several bounds for one Server the oldest. */
export function serversOf(inquiry: Inquiry, pod: Pod): ReadonlyMap<number, PodServer> {
  const { cluster, complain } = inquiry;
  const servers = new Map<number, PodServer>();
  for (const server of [...cluster.serversOf(pod.namespace)].sort(byAge))
    for (const port of portsOf(server, pod)) {
      const first = servers.get(port)?.server;
      if (!first) servers.set(port, { server, rateLimit: rateLimitOn(inquiry, server) });
      else
        complain(
          refOf('Server', server),
          '',
          `has no effect on port ${port} of pods of ${formatRef(refOf('Server', first))}, which is older`,
        );
    }
  return servers;
}

/** The Server of a port of a pod; null: there is none. */
export function serverOn(cluster: Cluster, pod: Pod, port: number): Server | null {
  const servers = cluster.serversOf(pod.namespace).filter((server) => portsOf(server, pod).includes(port));
  return servers.sort(byAge)[0] ?? null;
}

/**
 * A Server that speaks for every pod behind a port of a Service, ready or not; null: some pod has none, or they do not
 * agree on what the port speaks.
 */
export function serverBehind(cluster: Cluster, service: Service, port: ServicePort): Server | null {
  if (cluster.serversOf(service.namespace).length === 0) return null;
  let first: Server | null = null;
  for (const slice of cluster.slicesOf(service.namespace, service.name)) {
    const target = slice.ports.find(({ name }) => name === port.name)?.port;
    if (target === undefined) continue;
    for (const { pod: ref } of slice.addresses) {
      const pod = ref && cluster.get('Pod', service.namespace, ref.name);
      // A pod that is not known yet is no endpoint yet.
      if (ref && !pod) continue;
      const server = pod ? serverOn(cluster, pod, target) : null;
      if (!server || (first && first.protocol !== server.protocol)) return null;
      first ??= server;
    }
  }
  return first;
}

function rateLimitOn({ cluster, domain, complain }: Inquiry, server: Server): RateLimit | null {
  const [first, ...others] = [...cluster.rateLimitsOf(server)].sort(byAge);
  for (const other of others)
    complain(
      refOf(KIND, other),
      '',
      `has no effect: ${formatRef(refOf(KIND, first!))}, which is older, bounds ${server.name}`,
    );
  return first ? rateLimitOf(first, domain) : null;
}

const KIND = 'HTTPLocalRateLimitPolicy';
