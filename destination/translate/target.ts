import type { TargetKey } from '../../api/watch.ts';
import { canonicalIp } from '../../core/kubernetes/ip-address.ts';
import type { Cluster } from '../objects/cluster.ts';
import { entryHost, type Host, serviceHost } from '../objects/host.ts';
import { wildcardsCovering } from '../objects/istio/host.ts';
import type { ServiceEntry } from '../objects/istio/service-entry.ts';
import { visibility } from '../objects/istio/visibility.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { Mesh } from './inquiry.ts';

/** What a proxy asks about. */
export interface TargetAddress {
  /** A canonical IP literal, or a DNS name in lower case without a dot at the end. */
  readonly host: string;
  readonly isAddress: boolean;
  readonly port: number;
}

/** What a target turns out to be. */
export type Resolution =
  | { readonly kind: 'host'; readonly host: Host; readonly port: ServicePort }
  /** Of no known host, on a port that hosts of ServiceEntries have: each request says whose it is. */
  | { readonly kind: 'stranger'; readonly address: string; readonly port: number }
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
 * a port that the host does not have.
 */
export function resolveTarget(mesh: Mesh, target: TargetAddress, clientNamespace: string): Resolution | null {
  if (target.isAddress) return resolveAddress(mesh, target, clientNamespace);
  return resolveName(mesh, target, clientNamespace) ?? resolveEntryHost(mesh.cluster, target, clientNamespace);
}

function resolveAddress(
  { cluster, domain }: Mesh,
  { host, port }: TargetAddress,
  clientNamespace: string,
): Resolution | null {
  const service = cluster.serviceByAddress(host);
  if (service) return onPort(serviceHost(service, domain), port);
  const pod = cluster.podByAddress(host);
  if (pod) return { kind: 'pod', pod, address: host, port };
  // Last, because whoever may write a Service can claim any address.
  const external = cluster.serviceByExternalAddress(host);
  return external
    ? onPort(serviceHost(external, domain), port)
    : resolveEntryAddress(cluster, host, port, clientNamespace);
}

/** The entry that claims an address; else, where there are hosts that a request may name, a stranger. */
function resolveEntryAddress(
  cluster: Cluster,
  dialled: string,
  port: number,
  clientNamespace: string,
): Resolution | null {
  const entries = cluster.serviceEntriesOnPort(port).filter((entry) => visibility(entry, clientNamespace) !== null);
  const object = entries.find(({ networks }) => networks.has(dialled));
  if (object) return onPort(entryHost(object, object.hosts[0]!, dialled), port);
  return entries.length > 0 ? { kind: 'stranger', address: dialled, port } : null;
}

/** The host of a ServiceEntry: as it is written, or below one that is. */
function resolveEntryHost(cluster: Cluster, { host, port }: TargetAddress, clientNamespace: string): Resolution | null {
  const [object] = entriesOfHost(cluster, host, port, clientNamespace);
  return object ? onPort(entryHost(object, host, null), port) : null;
}

/** Entries that have a host on a port for clients of a namespace, the one that holds first. */
export function entriesOfHost(
  cluster: Cluster,
  host: string,
  port: number,
  clientNamespace: string,
): readonly ServiceEntry[] {
  return [host, ...wildcardsCovering(host)].flatMap((name) =>
    cluster
      .serviceEntriesOf(name)
      .filter((entry) => entry.ports.some((each) => each.port === port))
      .map((entry) => ({ entry, rank: visibility(entry, clientNamespace) }))
      .filter(({ rank }) => rank !== null)
      .sort((a, b) => a.rank! - b.rank!)
      .map(({ entry }) => entry),
  );
}

/**
 * Tries the name with each suffix of a pod's DNS search list, in the resolver's order; the first that exists wins. A
 * Service that is another name (`ExternalName`) stands for what that name is here; a name outside the cluster is unknown.
 */
function resolveName(
  mesh: Mesh,
  { host, port }: TargetAddress,
  clientNamespace: string,
  aliases = 0,
): Resolution | null {
  const { cluster, domain } = mesh;
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
      return isInside && labels.length === 2 ? resolveName(mesh, alias, namespace, aliases + 1) : null;
    }
    if (labels.length === 2) return onPort(serviceHost(service, domain), port);
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

function onPort(host: Host, port: number): Resolution | null {
  const found = host.ports.find((each) => each.port === port);
  return found ? { kind: 'host', host, port: found } : null;
}

/** Names that one name leads to, as resolvers bound it; beyond it they go in a circle. */
const MAX_ALIASES = 8;

/** DNS name in lower case; underscores occur in practice. */
const HOST_NAME = /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*$/;
