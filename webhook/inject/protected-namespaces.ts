/** Namespaces that a cluster cannot do without. Weft's own is protected as they are. */
const CLUSTER_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/** Namespaces that the mesh never touches, whatever their labels say (one list for registration, injection and restarts). */
export function protectedNamespaces(controlNamespace: string): readonly string[] {
  return [...CLUSTER_NAMESPACES, controlNamespace];
}

/** Whether the mesh never touches a namespace. */
export function isProtected(namespace: string, controlNamespace: string): boolean {
  return namespace === controlNamespace || CLUSTER_NAMESPACES.includes(namespace);
}
