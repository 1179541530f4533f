import type { TargetKey } from '../../api/watch.ts';
import { canonicalIp } from '../../core/kubernetes/ip-address.ts';
import type { Cluster } from './cluster.ts';
import type { Pod } from './kinds/pod.ts';
import type { Service, ServicePort } from './kinds/service.ts';
import type { MeshDomain } from './mesh-domain.ts';

/** What a proxy asks about. */
export interface TargetAddress {
  /** A canonical IP literal, or a DNS name in lower case without a dot at the end. */
  readonly host: string;
  readonly isAddress: boolean;
  readonly port: number;
}

/** What a target turns out to be. */
export type Resolution =
  | { readonly kind: 'service'; readonly service: Service; readonly port: ServicePort }
  | { readonly kind: 'pod'; readonly pod: Pod; readonly address: string; readonly port: number };

/** Reads `10.0.0.1:80`, `[fd00::1]:80` or `api.default:80`; null when the text is none of them. */
export function parseTarget(key: TargetKey): TargetAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^:[\]\s]{1,254})):(\d{1,5})$/.exec(key);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) return null;
  const ip = canonicalIp(match[1] ?? match[2]!);
  if (ip !== null) return { host: ip, isAddress: true, port };
  const name = match[2]?.toLowerCase().replace(/\.$/, '');
  return name !== undefined && HOST_NAME.test(name) ? { host: name, isAddress: false, port } : null;
}

/**
 * Finds what an address or a name is for a client of `clientNamespace`; null when it is nothing known, which includes
 * a port that the Service does not have.
 */
export function resolveTarget(
  cluster: Cluster,
  target: TargetAddress,
  clientNamespace: string,
  domain: MeshDomain,
): Resolution | null {
  return target.isAddress ? resolveAddress(cluster, target) : resolveName(cluster, target, clientNamespace, domain);
}

function resolveAddress(cluster: Cluster, { host, port }: TargetAddress): Resolution | null {
  const service = cluster.serviceByAddress(host);
  if (service) return onPort(service, port);
  const pod = cluster.podByAddress(host);
  if (pod) return { kind: 'pod', pod, address: host, port };
  // Last, because whoever may write a Service can claim any address.
  const external = cluster.serviceByExternalAddress(host);
  return external ? onPort(external, port) : null;
}

/**
 * Tries the name with each suffix of a pod's DNS search list, in the resolver's order; the first that exists wins. A
 * Service that is another name (`ExternalName`) stands for what that name is here; a name outside the cluster is unknown.
 */
function resolveName(
  cluster: Cluster,
  { host, port }: TargetAddress,
  clientNamespace: string,
  domain: MeshDomain,
  aliases = 0,
): Resolution | null {
  const { clusterDomain } = domain;
  const searched = [`.${clientNamespace}.svc.${clusterDomain}`, `.svc.${clusterDomain}`, `.${clusterDomain}`, ''];
  for (const suffix of searched) {
    const name = host + suffix;
    if (!name.endsWith(`.svc.${clusterDomain}`)) continue;
    const labels = name.slice(0, -`.svc.${clusterDomain}`.length).split('.');
    const namespace = labels.at(-1)!;
    const service =
      labels.length === 2 || labels.length === 3 ? cluster.get('Service', namespace, labels.at(-2)!) : undefined;
    if (!service) continue;
    if (service.externalName !== '') {
      const alias = { host: service.externalName, isAddress: false, port };
      const isInside = alias.host.endsWith(`.svc.${clusterDomain}`) && aliases < MAX_ALIASES;
      return isInside && labels.length === 2 ? resolveName(cluster, alias, namespace, domain, aliases + 1) : null;
    }
    if (labels.length === 2) return onPort(service, port);
    const pod = podOfHostname(cluster, service, labels[0]!);
    if (pod) return { kind: 'pod', pod: pod.object, address: pod.address, port };
  }
  return null;
}

/** The pod that has a DNS name of its own under a headless Service, as those of a StatefulSet do. */
function podOfHostname(cluster: Cluster, service: Service, hostname: string): { object: Pod; address: string } | null {
  for (const slice of cluster.slicesOf(service.namespace, service.name)) {
    const found = slice.addresses.find((address) => address.hostname === hostname && address.isReady);
    const object = found?.pod && cluster.get('Pod', service.namespace, found.pod.name);
    if (found && object && (found.pod!.uid === '' || found.pod!.uid === object.uid))
      return { object, address: found.ip };
  }
  return null;
}

function onPort(service: Service, port: number): Resolution | null {
  const found = service.ports.find((each) => each.port === port);
  return found ? { kind: 'service', service, port: found } : null;
}

/** Names that one name leads to, as resolvers bound it; beyond it they go in a circle. */
const MAX_ALIASES = 8;

/** DNS name in lower case; underscores occur in practice. */
const HOST_NAME = /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*$/;
