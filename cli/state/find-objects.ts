import { ApiClient } from '../../core/kubernetes/api-client.ts';
import type { FoundObjects } from './mesh-state.ts';
import { readCluster } from './read-cluster.ts';
import { readPaths } from './read-paths.ts';

/**
 * The objects of files and folders, or without any those of the cluster of KUBECONFIG.
 *
 * @throws UsageError for a path that is not there
 * @throws ApiError when the cluster cannot be asked
 */
export async function findObjects(paths: readonly string[]): Promise<FoundObjects> {
  if (paths.length > 0) return readPaths(paths);
  const api = await ApiClient.fromCluster();
  try {
    return await readCluster(api);
  } finally {
    api.close();
  }
}
