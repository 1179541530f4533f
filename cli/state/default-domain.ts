import * as env from '../../api/destination-environment.ts';
import { DEFAULT_CLUSTER_DOMAIN, DEFAULT_CLUSTER_NETWORKS, DEFAULT_INBOUND_POLICIES } from '../../api/names.ts';
import { DEFAULT_IDENTITY_DOMAIN } from '../../api/workload-identity.ts';
import type { MeshDomain } from '../../destination/objects/mesh-domain.ts';

/** What a control plane has that is told nothing else. */
export const DEFAULT_DOMAIN: MeshDomain = {
  ...DEFAULT_IDENTITY_DOMAIN,
  clusterDomain: DEFAULT_CLUSTER_DOMAIN,
  clusterNetworks: DEFAULT_CLUSTER_NETWORKS.split(','),
  defaultInboundPolicy: DEFAULT_INBOUND_POLICIES[0],
};

/** What a control plane has whose destination runs with this environment; of what it leaves out, the default. */
export function domainOf(variables: Readonly<Record<string, string | undefined>>): MeshDomain {
  const policy = DEFAULT_INBOUND_POLICIES.find((each) => each === variables[env.ENV_DEFAULT_INBOUND_POLICY]);
  const networks = variables[env.ENV_CLUSTER_NETWORKS] || DEFAULT_CLUSTER_NETWORKS;
  return {
    ...DEFAULT_DOMAIN,
    trustDomain: variables[env.ENV_TRUST_DOMAIN] || DEFAULT_DOMAIN.trustDomain,
    clusterDomain: variables[env.ENV_CLUSTER_DOMAIN] || DEFAULT_DOMAIN.clusterDomain,
    controlNamespace: variables[env.ENV_CONTROL_NAMESPACE] || DEFAULT_DOMAIN.controlNamespace,
    clusterNetworks: networks.split(',').map((network) => network.trim()),
    defaultInboundPolicy: policy ?? DEFAULT_DOMAIN.defaultInboundPolicy,
  };
}
