import { TRUST_ROOTS_CONFIG_MAP } from '../../api/names.ts';
import type { ApiClient, Json } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';
import { labelSelector, listPages } from '../../core/kubernetes/list-pages.ts';

/** Label of everything that an installation and its programs write. */
export const PART_OF = 'app.kubernetes.io/part-of=weft';

/** Objects of an installation that do not lie in the namespace of the control plane. */
interface InstalledKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Of the collection, in all namespaces. */
  readonly path: string;
  /** Which names an installation gives; whatever else has the label is somebody else's. */
  readonly names: RegExp;
  /** Kubernetes 1.29 has no such resource. Absent: every version has. */
  readonly isOptional?: true;
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const ADMISSION = 'admissionregistration.k8s.io/v1';
const OWN = /^weft(-|$)/;

/**
 * In the order in which they can be taken away: registrations first, so that no pod waits for a webhook that has gone,
 * and rights before what is written with them.
 */
const INSTALLED_KINDS: readonly InstalledKind[] = [
  {
    apiVersion: ADMISSION,
    kind: 'MutatingWebhookConfiguration',
    path: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    names: OWN,
  },
  {
    apiVersion: ADMISSION,
    kind: 'ValidatingWebhookConfiguration',
    path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    names: OWN,
  },
  {
    apiVersion: ADMISSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
    names: OWN,
    isOptional: true,
  },
  {
    apiVersion: ADMISSION,
    kind: 'ValidatingAdmissionPolicy',
    path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
    names: OWN,
    isOptional: true,
  },
  {
    apiVersion: RBAC,
    kind: 'ClusterRoleBinding',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    names: OWN,
  },
  { apiVersion: RBAC, kind: 'ClusterRole', path: '/apis/rbac.authorization.k8s.io/v1/clusterroles', names: OWN },
  // Identity keeps one in every injected namespace.
  { apiVersion: 'v1', kind: 'ConfigMap', path: '/api/v1/configmaps', names: new RegExp(`^${TRUST_ROOTS_CONFIG_MAP}$`) },
  { apiVersion: 'v1', kind: 'Namespace', path: '/api/v1/namespaces', names: /^weft$/ },
];

/**
 * Every object outside of the control plane's namespace that has the label of installations, in the order in which they can be
 * taken away.
 *
 * @throws ApiError when something may not be listed: what is not seen would be left behind
 */
export async function* installedObjects(
  api: Pick<ApiClient, 'get'>,
): AsyncGenerator<InstalledKind & { readonly metadata: Json }, void, undefined> {
  for (const kind of INSTALLED_KINDS) {
    try {
      for await (const { metadata } of listPages(api, kind.path, labelSelector(PART_OF))) yield { ...kind, metadata };
    } catch (error) {
      if (!kind.isOptional || !(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }
}
