import {
  DESTINATION_SERVICE_ACCOUNT,
  IDENTITY_SERVICE_ACCOUNT,
  ISSUER_SECRET,
  TRUST_ROOTS_CONFIG_MAP,
  WEBHOOK_SERVICE_ACCOUNT,
  WEBHOOK_TLS_SECRET,
} from '../api/names.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const READ = ['get', 'list', 'watch'];

/** What each component may do: no wildcard, no Secret outside its own namespace. */
const RULES: Readonly<Record<string, { readonly cluster: readonly Rule[]; readonly own: readonly Rule[] }>> = {
  [IDENTITY_SERVICE_ACCOUNT]: {
    cluster: [
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      // The trust roots are kept in every namespace that has injected pods.
      { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: READ },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [TRUST_ROOTS_CONFIG_MAP],
        verbs: ['get', 'update', 'patch'],
      },
    ],
    own: [
      // "create" cannot be limited to a name (Kubernetes RBAC, "Referring to resources").
      { apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: [ISSUER_SECRET], verbs: ['get'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [TRUST_ROOTS_CONFIG_MAP],
        verbs: ['get', 'update', 'patch'],
      },
    ],
  },
  [DESTINATION_SERVICE_ACCOUNT]: {
    cluster: [
      { apiGroups: [''], resources: ['namespaces', 'pods', 'services', 'serviceaccounts'], verbs: READ },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], verbs: READ },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: READ },
      { apiGroups: ['linkerd.io'], resources: ['serviceprofiles'], verbs: READ },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
    ],
    own: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [TRUST_ROOTS_CONFIG_MAP], verbs: ['get'] }],
  },
  [WEBHOOK_SERVICE_ACCOUNT]: {
    cluster: [
      // Namespaces are patched only to mirror the annotation of an older mesh into a label.
      { apiGroups: [''], resources: ['namespaces'], verbs: [...READ, 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
      // Other meshes' registrations say whether their labels are theirs.
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        verbs: READ,
      },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: ['weft-injector'],
        verbs: ['patch', 'update'],
      },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['validatingwebhookconfigurations'],
        resourceNames: ['weft-validator'],
        verbs: ['get', 'patch', 'update'],
      },
    ],
    own: [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: [WEBHOOK_TLS_SECRET],
        verbs: ['get', 'update', 'patch'],
      },
    ],
  },
};

/** Service accounts, roles and bindings of every component. */
export function rbac(settings: InstallSettings): Manifest[] {
  const { namespace } = settings;
  return Object.entries(RULES).flatMap(([component, { cluster, own }]) => {
    const common = labels(settings, component);
    const subjects = [{ kind: 'ServiceAccount', name: component, namespace }];
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: component, namespace, labels: common } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: component, labels: common },
        rules: cluster,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: component, labels: common },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: component },
        subjects,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: component, namespace, labels: common },
        rules: own,
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: component, namespace, labels: common },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: component },
        subjects,
      },
    ];
  });
}
