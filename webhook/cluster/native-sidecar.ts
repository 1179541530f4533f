import type { ApiClient } from '../../core/kubernetes/api-client.ts';

/**
 * Whether the API server keeps `restartPolicy` of init containers: by default since Kubernetes 1.29. Before that it
 * drops the field, and the proxy would be an init container that never ends.
 *
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
export async function hasNativeSidecars(api: Pick<ApiClient, 'get'>): Promise<boolean> {
  const { major, minor } = await api.get('/version');
  const version = [major, minor].map((part) => Number.parseInt(String(part), 10));
  return version[0]! > 1 || (version[0] === 1 && version[1]! >= 29);
}
