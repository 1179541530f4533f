import { CONTROL_NAMESPACE, CONTROL_NAMESPACE_LABEL, NAMESPACE_ANNOTATION_LABEL } from '../../api/names.ts';
import type { ApiClient, Json } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { labelSelector, listPages } from '../../core/kubernetes/list-pages.ts';
import type { Manifest } from '../../manifests/settings.ts';
import { installedObjects, PART_OF } from '../state/installed-kinds.ts';

/** What of Weft a cluster has. */
export interface Installation {
  /** What installations of any version have made, as far as a deletion needs it, in the order in which it can go. */
  readonly objects: readonly Manifest[];
  /** Pods that run with a proxy, `NAMESPACE/NAME`. */
  readonly injected: readonly string[];
  /** Pods in the control plane's namespace that are not the control plane's, `NAMESPACE/NAME`. */
  readonly strangers: readonly string[];
  /** Namespaces that the webhook has labelled, because their annotation asks for injection. */
  readonly labelled: readonly string[];
}

/**
 * Finds everything that installations have left in a cluster, by the labels that they give it.
 *
 * @throws ApiError when something may not be listed: what is not seen would be left behind
 */
export async function findInstallation(api: Pick<ApiClient, 'get'>): Promise<Installation> {
  const objects: Manifest[] = [];
  for await (const { apiVersion, kind, names, metadata } of installedObjects(api)) {
    const { name, namespace } = metadata as { name: string; namespace?: string };
    // What lies in the control plane's own namespace goes with it.
    if (names.test(name) && namespace !== CONTROL_NAMESPACE)
      objects.push({ apiVersion, kind, metadata: { name, ...(namespace && { namespace }) } });
  }
  return {
    objects,
    injected: await namesOf(api, '/api/v1/pods', `${CONTROL_NAMESPACE_LABEL}=${CONTROL_NAMESPACE}`, hasNotEnded),
    strangers: await namesOf(
      api,
      apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/pods`,
      PART_OF.replace('=', '!='),
      hasNotEnded,
    ),
    labelled: await namesOf(api, '/api/v1/namespaces', NAMESPACE_ANNOTATION_LABEL, () => true),
  };
}

async function namesOf(
  api: Pick<ApiClient, 'get'>,
  path: string,
  label: string,
  counts: (object: Json) => boolean,
): Promise<string[]> {
  const names: string[] = [];
  for await (const object of listPages(api, path, labelSelector(label))) {
    const { namespace, name } = object.metadata;
    if (counts(object)) names.push(namespace ? `${namespace}/${name}` : name);
  }
  return names;
}

/** Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase */
function hasNotEnded({ status }: Json): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
