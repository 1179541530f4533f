import type { AccessLayer } from '../../api/access-policy.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { Mesh } from './inquiry.ts';

/**
 * What refuses clients without an identity on the ports that an annotation of the pod, or else of its namespace, names. null:
 * neither names any. What cannot be read of it counts for every port.
 *
 * Source: Linkerd, `config.linkerd.io/proxy-require-identity-inbound-ports`.
 */
export function identityLayer({ cluster }: Mesh, pod: Pod): AccessLayer | null {
  const namespace = cluster.get('Namespace', '', pod.namespace);
  const setting = pod.settings.requireIdentityPorts ?? namespace?.settings.requireIdentityPorts;
  if (!setting) return null;
  const named = pod.ports.filter(({ name }) => setting.names.includes(name)).map(({ port }) => [port, port] as const);
  // A name that a pod's own annotation has and no container may be any port; a namespace's is for those pods that have it.
  const isOwn = pod.settings.requireIdentityPorts !== null;
  const isMissing = setting.names.some((name) => !pod.ports.some((port) => port.name === name));
  const portRanges = isOwn && isMissing ? ([[1, 65_535]] as const) : [...setting.ranges, ...named];
  if (portRanges.length === 0) return null;
  const origin = isOwn ? `annotation/pod/${pod.namespace}/${pod.name}` : `annotation/namespace/${pod.namespace}`;
  const when = { all: [{ portRanges }, { not: { client: 'identity' as const, value: { present: true as const } } }] };
  return { deny: [{ when, origin, path: `metadata.annotations["${setting.annotation}"]` }], allow: null, origin };
}
