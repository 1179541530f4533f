import {
  DESTINATION_SERVICE_ACCOUNT,
  IDENTITY_SERVICE_ACCOUNT,
  ISSUER_SECRET,
  TRUST_ROOTS_CONFIG_MAP,
  WEBHOOK_SERVICE_ACCOUNT,
  WEBHOOK_TLS_SECRET,
} from '../api/names.ts';
import { REVOCATIONS_CONFIG_MAP } from '../api/revocations.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

/**
 * A rule of a role: these verbs on these resources. Source:
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What a component may do in the whole cluster and in its own namespace. */
export interface Role {
  readonly cluster: readonly Rule[];
  readonly own: readonly Rule[];
}

const FOLLOW = ['list', 'watch'];

/** Routes and policies are followed, and told in their status what is made of them. */
function policies(group: string, ...resources: readonly string[]): readonly Rule[] {
  return [
    { apiGroups: [group], resources, verbs: ['get', ...FOLLOW] },
    { apiGroups: [group], resources: resources.map((resource) => `${resource}/status`), verbs: ['patch'] },
  ];
}

/** What each component may do: no wildcard, no Secret outside its own namespace, nothing that it does not use. */
export const ROLES: Readonly<Record<string, Role>> = {
  [IDENTITY_SERVICE_ACCOUNT]: {
    cluster: [
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      // The trust roots are kept in every namespace that has injected pods.
      { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: FOLLOW },
      // "create" cannot be limited to a name (Kubernetes RBAC, "Referring to resources").
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [TRUST_ROOTS_CONFIG_MAP], verbs: ['get', 'patch'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
    ],
    own: [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: [ISSUER_SECRET], verbs: ['get'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [REVOCATIONS_CONFIG_MAP], verbs: ['get'] },
    ],
  },
  [DESTINATION_SERVICE_ACCOUNT]: {
    cluster: [
      { apiGroups: [''], resources: ['namespaces', 'nodes', 'pods', 'services'], verbs: FOLLOW },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: FOLLOW },
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: FOLLOW },
      ...policies('linkerd.io', 'serviceprofiles'),
      ...policies(
        'policy.linkerd.io',
        'httproutes',
        'servers',
        'httplocalratelimitpolicies',
        'authorizationpolicies',
        'meshtlsauthentications',
        'networkauthentications',
        'serverauthorizations',
      ),
      ...policies('gateway.networking.k8s.io', 'httproutes', 'grpcroutes'),
      ...policies('networking.istio.io', 'virtualservices', 'destinationrules', 'serviceentries'),
      ...policies('security.istio.io', 'peerauthentications', 'authorizationpolicies', 'requestauthentications'),
      ...policies('split.smi-spec.io', 'trafficsplits'),
      ...policies('specs.smi-spec.io', 'httproutegroups', 'tcproutes'),
      ...policies('access.smi-spec.io', 'traffictargets'),
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [REVOCATIONS_CONFIG_MAP], verbs: FOLLOW },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
    ],
    own: [],
  },
  [WEBHOOK_SERVICE_ACCOUNT]: {
    cluster: [
      // Namespaces are patched only to mirror the annotation of an older mesh into a label.
      { apiGroups: [''], resources: ['namespaces'], verbs: ['get', ...FOLLOW, 'patch'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      // Workloads are patched only where their namespace asks that those without a proxy are restarted.
      { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get', 'patch'] },
      // Whoever names a ServiceProfile that is not there is warned.
      { apiGroups: ['linkerd.io'], resources: ['serviceprofiles'], verbs: ['get'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
      // Other meshes' registrations say whether their labels are theirs.
      { apiGroups: ['admissionregistration.k8s.io'], resources: ['mutatingwebhookconfigurations'], verbs: FOLLOW },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: ['weft-injector'],
        verbs: ['get', 'patch'],
      },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['validatingwebhookconfigurations'],
        resourceNames: ['weft-validator'],
        verbs: ['get', 'patch'],
      },
    ],
    own: [
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: [WEBHOOK_TLS_SECRET], verbs: ['get', 'update'] },
    ],
  },
};

/** Service accounts, roles and bindings of every component. */
export function rbac(settings: InstallSettings): Manifest[] {
  const { namespace } = settings;
  return Object.entries(ROLES).flatMap(([component, { cluster, own }]) => {
    const common = labels(settings, component);
    const subjects = [{ kind: 'ServiceAccount', name: component, namespace }];
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: component, namespace, labels: common } },
      ...clusterRights(settings, component, component, cluster),
      ...(own.length === 0
        ? []
        : [
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
          ]),
    ];
  });
}

/** A cluster role, and its binding to a service account of the control plane. */
export function clusterRights(
  settings: InstallSettings,
  name: string,
  serviceAccount: string,
  rules: readonly Rule[],
): Manifest[] {
  const metadata = { name, labels: labels(settings, name) };
  return [
    { apiVersion: RBAC, kind: 'ClusterRole', metadata, rules },
    {
      apiVersion: RBAC,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: settings.namespace }],
    },
  ];
}

const RBAC = 'rbac.authorization.k8s.io/v1';
