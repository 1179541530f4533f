import type { MeshDomain } from '../../objects/mesh-domain.ts';

/**
 * Namespaces whose security objects of Istio hold for the whole mesh: the one that Istio's users write them into, and that of
 * this mesh's own control plane.
 */
export function rootNamespaces({ controlNamespace }: MeshDomain): readonly string[] {
  return controlNamespace === ISTIO_ROOT ? [ISTIO_ROOT] : [ISTIO_ROOT, controlNamespace];
}

const ISTIO_ROOT = 'istio-system';
