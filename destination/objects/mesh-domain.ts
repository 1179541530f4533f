import type { DefaultInboundPolicy } from '../../api/names.ts';
import type { IdentityDomain } from '../../api/workload-identity.ts';

/** What a whole mesh has in common, from the settings of its control plane. */
export interface MeshDomain extends IdentityDomain {
  /** Suffix of Service names, `cluster.local`. */
  readonly clusterDomain: string;
  /** CIDRs that count as the cluster for the `cluster-*` policies. */
  readonly clusterNetworks: readonly string[];
  /** Policy of pods that neither they nor their namespace give one. */
  readonly defaultInboundPolicy: DefaultInboundPolicy;
}

/** `<service>.<namespace>.svc.<cluster domain>`. */
export function serviceName(
  service: { readonly namespace: string; readonly name: string },
  domain: MeshDomain,
): string {
  return `${service.name}.${service.namespace}.svc.${domain.clusterDomain}`;
}

/** The Service that such a name means; null: it is another name. */
export function clusterServiceOf(host: string, domain: MeshDomain): { namespace: string; name: string } | null {
  const suffix = `.svc.${domain.clusterDomain}`;
  const [name, namespace, ...rest] = host.endsWith(suffix) ? host.slice(0, -suffix.length).split('.') : [];
  return name && namespace && rest.length === 0 ? { namespace, name } : null;
}
