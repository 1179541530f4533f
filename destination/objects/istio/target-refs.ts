import type { FieldReader } from '../field-reader.ts';

/**
 * Reads `targetRef` and `targetRefs` of a security object of Istio.
 *
 * @returns whether it is attached to something. A Service is one only to waypoints, and a Gateway to its own proxies
 */
export function readTargetRefs(reader: FieldReader): boolean {
  const single = reader.nested('targetRef');
  const targets = [...(single ? [single] : []), ...reader.nestedList('targetRefs')];
  if (targets.length > MAX_TARGETS) reader.problem('targetRefs', `has ${targets.length}, ${MAX_TARGETS} at most`);
  for (const target of targets) {
    target.allow(['group', 'kind', 'name', 'namespace']);
    target.text('name');
    if (target.has('namespace'))
      target.problem('namespace', 'is not allowed: targets are of the policy’s own namespace');
    const kind = target.text('kind');
    if (kind !== null && !TARGETS.includes(kind)) target.problem('kind', `"${kind}" is none of ${TARGETS.join(', ')}`);
  }
  if (targets.length > 0)
    reader.warning(
      single ? 'targetRef' : 'targetRefs',
      'has no effect on workloads: as in Istio, sidecars follow policies with a selector, or without either',
    );
  return targets.length > 0;
}

const TARGETS: readonly string[] = ['Gateway', 'GatewayClass', 'Service', 'ServiceEntry'];
const MAX_TARGETS = 16;
