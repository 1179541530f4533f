import { INJECT } from '../../api/names.ts';
import { nearestName } from '../../core/text/nearest-name.ts';
import { KINDS } from '../../destination/objects/kinds.ts';
import { type OtherManifest, refOfOther } from '../../destination/objects/manifest-file.ts';
import { MESH_GROUPS } from '../state/mesh-groups.ts';
import type { Finding } from './finding.ts';

/**
 * Findings about objects of mesh API groups whose kinds are not read: what each would have done, and what to do; and about
 * those whose API group is one that was hardly meant.
 */
export function kindsNotRead(others: readonly OtherManifest[]): Finding[] {
  return others.flatMap(({ group, kind, raw, place }): Finding[] => {
    const finding = (severity: Finding['severity'], field: string, message: string): Finding[] => [
      { severity, check: 'not_read', object: refOfOther({ kind, raw }), place, field, message },
    ];
    const known = NOT_READ.find((each) => each.group === group && each.kind === kind);
    if (known?.isSecurity) return finding('error', '', `IS NOT ENFORCED: ${known.text}`);
    if (known) return finding('warning', '', known.text);
    const meant = groupMeant(group, kind);
    if (meant !== null) return finding('warning', 'apiVersion', `${group} has no ${kind}; write ${meant}`);
    if (!MESH_GROUPS.includes(group)) return [];
    return finding('warning', '', `is a kind of ${group} that Weft does not read: what it asks for does not happen`);
  });
}

/** The group of a mesh that has a kind, where an object names one that is nobody's, or another mesh's; null: it may be right. */
function groupMeant(group: string, kind: string): string | null {
  const groups = [...Object.values(KINDS).map((each) => ({ group: each.group, kind: each.name })), ...NOT_READ]
    .filter((each) => each.kind === kind && each.group !== '')
    .map((each) => each.group);
  if (groups.length === 0 || groups.includes(group)) return null;
  if (MESH_GROUPS.includes(group) || !group.includes('.')) return groups[0]!;
  return nearestName(group, groups, { most: 3, swap: 1 });
}

interface KindNotRead {
  readonly group: string;
  readonly kind: string;
  /** What it would have done, and what to use instead. */
  readonly text: string;
  /** Its author relies on something being refused or encrypted, and it is not. */
  readonly isSecurity?: boolean;
}

/** A kind that becomes readable drops out of the findings by itself, whatever stands here. */
const NOT_READ: readonly KindNotRead[] = [
  {
    group: 'policy.linkerd.io',
    kind: 'EgressNetwork',
    isSecurity: true,
    text: 'it would govern what leaves the cluster, and all of it passes untouched; a NetworkPolicy can refuse it',
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'BackendTLSPolicy',
    isSecurity: true,
    text: 'it would have requests to a Service go in TLS with a checked certificate, and they go as the client sends them; between injected pods mutual TLS needs no object',
  },
  {
    group: 'networking.istio.io',
    kind: 'EnvoyFilter',
    text: 'would patch the configuration of Envoy, and there is no Envoy here; say it with a VirtualService, an HTTPRoute or in the application',
  },
  {
    group: 'networking.istio.io',
    kind: 'Sidecar',
    text: 'would bound what a proxy knows; a proxy of Weft asks only for the targets that its pod uses, so it can go, but as a limit of egress it limits nothing',
  },
  {
    group: 'networking.istio.io',
    kind: 'WorkloadEntry',
    text: 'would add an address outside the cluster to a Service; an EndpointSlice of a Service without a selector does that',
  },
  {
    group: 'networking.istio.io',
    kind: 'WorkloadGroup',
    text: 'would describe workloads outside the cluster; Weft has no proxies there, an EndpointSlice makes their addresses known',
  },
  {
    group: 'networking.istio.io',
    kind: 'ProxyConfig',
    text: 'would set up Envoy; the proxy of Weft is set by WEFT_PROXY_* variables (docs/reference/environment.md)',
  },
  {
    group: 'networking.istio.io',
    kind: 'Gateway',
    text: `would open a port of an ingress gateway, and Weft has none; inject any ingress controller with ${INJECT}: ingress`,
  },
  {
    group: 'telemetry.istio.io',
    kind: 'Telemetry',
    text: 'would choose metrics, logs and traces; the proxy of Weft has its metrics always (docs/reference/metrics.md)',
  },
  {
    group: 'extensions.istio.io',
    kind: 'WasmPlugin',
    text: 'would run WebAssembly in Envoy, and Weft runs none; whatever it checks is not checked',
  },
  {
    group: 'workload.linkerd.io',
    kind: 'ExternalWorkload',
    text: 'would make a machine outside the cluster an endpoint; an EndpointSlice of a Service without a selector does that, in the clear',
  },
  {
    group: 'multicluster.linkerd.io',
    kind: 'Link',
    text: "would mirror another cluster's Services here, and Weft joins no clusters",
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'TCPRoute',
    text: 'would route connections, and Weft routes none by it: they go to the Service that the client asked for',
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'TLSRoute',
    text: 'would route TLS connections by their server name, and Weft routes none by it: they go to the Service that the client asked for',
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'ReferenceGrant',
    text: 'would allow references across namespaces; Weft follows those of mesh routes without it, so it permits nothing and its absence forbids nothing',
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    text: `would open ports into the cluster, and Weft opens none; inject the implementation of the Gateway with ${INJECT}: ingress`,
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'GatewayClass',
    text: 'would name an implementation of gateways, and Weft is none',
  },
];
