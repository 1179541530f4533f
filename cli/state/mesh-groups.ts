/** API groups of meshes: what an object of them asks for and does not get is worth a finding. */
export const MESH_GROUPS: readonly string[] = [
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'linkerd.io',
  'policy.linkerd.io',
  'workload.linkerd.io',
  'multicluster.linkerd.io',
  'split.smi-spec.io',
  'specs.smi-spec.io',
  'access.smi-spec.io',
  'gateway.networking.k8s.io',
  'gateway.networking.x-k8s.io',
];
