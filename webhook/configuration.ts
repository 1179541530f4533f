import {
  CONTROL_NAMESPACE,
  INJECT,
  ISTIO_INJECTION,
  ISTIO_REVISION,
  ISTIO_SIDECAR_INJECT,
  LINKERD_INJECT,
  NAMESPACE_ANNOTATION_LABEL,
  ROUTE_PROFILE_ANNOTATION,
  WEBHOOK_SERVICE_ACCOUNT,
} from '../api/names.ts';
import { WEBHOOK_SERVICE_PORT } from '../api/ports.ts';
import { ofNoService } from './inject/misplaced-annotations.ts';
import { protectedNamespaces } from './inject/protected-namespaces.ts';
import { VALIDATED_KINDS } from './validate/kinds.ts';

/** Paths that reviews go to. */
export const INJECT_PATH = '/inject';
export const VALIDATE_PATH = '/validate';

/** The two objects that register the webhook, and where the API server keeps them. */
export const INJECTOR_NAME = 'weft-injector';
export const VALIDATOR_NAME = 'weft-validator';
const ADMISSION_API = '/apis/admissionregistration.k8s.io/v1';
export const REGISTRATIONS = [
  { name: INJECTOR_NAME, path: `${ADMISSION_API}/mutatingwebhookconfigurations` },
  { name: VALIDATOR_NAME, path: `${ADMISSION_API}/validatingwebhookconfigurations` },
] as const;

/** What differs in the registration from cluster to cluster. */
export interface RegistrationSettings {
  /** Namespace of the control plane. */
  readonly namespace: string;
  /** Other meshes whose labels are followed. Where such a mesh runs itself, its entries only add a dependency. */
  readonly families?: { readonly istio: boolean; readonly linkerd: boolean };
}

/**
 * An object that registers a webhook. Source:
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
export interface RegistrationObject {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly webhooks: readonly object[];
}

/**
 * The registration of the webhook, without `caBundle`, which the webhook writes itself.
 *
 * The terms of a selector can only be combined with AND, so that each family of labels and each level has an entry of
 * its own. An entry that selects by label fails closed: only pods that ask for the mesh wait for the webhook. The one
 * that is asked about annotations would be asked about every pod, so it looks at them in the API server and fails open;
 * what slips through is reported. No entry can select a pod of kube-system or of Weft's own namespace.
 */
export function webhookConfigurations(settings: RegistrationSettings): RegistrationObject[] {
  const { namespace, families = { istio: true, linkerd: true } } = settings;
  const entries = [
    ...WEFT_ENTRIES,
    ...(families.linkerd ? LINKERD_ENTRIES : []),
    ...(families.istio ? ISTIO_ENTRIES : []),
  ];
  const labels = { 'app.kubernetes.io/name': WEBHOOK_SERVICE_ACCOUNT, 'app.kubernetes.io/part-of': 'weft' };
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: INJECTOR_NAME, labels },
      webhooks: [
        ...entries.map((entry) => labelEntry(entry, namespace, families)),
        annotationEntry(namespace, families),
      ],
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: VALIDATOR_NAME, labels },
      webhooks: [
        serviceProfileEntry(namespace),
        policyEntry(namespace),
        routeProfileEntry(namespace),
        serviceEntry(namespace),
        ...entries.filter(({ object }) => object === NOT_DECLINED).map((entry) => workloadEntry(entry, namespace)),
        askingTemplateEntry(namespace, families),
      ],
    },
  ];
}

interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

interface LabelEntry {
  readonly name: string;
  readonly namespace: readonly Expression[];
  readonly object: readonly Expression[];
}

const isIn = (key: string, ...values: string[]): Expression => ({ key, operator: 'In', values });
const isNotIn = (key: string, ...values: string[]): Expression => ({ key, operator: 'NotIn', values });
const exists = (key: string): Expression => ({ key, operator: 'Exists' });
const isAbsent = (key: string): Expression => ({ key, operator: 'DoesNotExist' });

/** A pod that opts out needs no webhook to do so. */
const NOT_DECLINED = [
  isNotIn(INJECT, 'disabled'),
  isNotIn(LINKERD_INJECT, 'disabled'),
  isNotIn(ISTIO_SIDECAR_INJECT, 'false'),
];

/** A misspelt value is selected too, so that somebody hears of it. */
const WEFT_ENTRIES: readonly LabelEntry[] = [
  { name: 'namespace', namespace: [exists(INJECT), isNotIn(INJECT, 'disabled')], object: NOT_DECLINED },
  {
    name: 'pod',
    namespace: [isNotIn(INJECT, 'enabled', 'ingress')],
    object: [exists(INJECT), isNotIn(INJECT, 'disabled')],
  },
  // A namespace that asks by annotation gets this label from the webhook, because selectors see labels alone.
  {
    name: 'annotated-namespace',
    namespace: [exists(NAMESPACE_ANNOTATION_LABEL), isAbsent(INJECT)],
    object: NOT_DECLINED,
  },
];
const LINKERD_ENTRIES: readonly LabelEntry[] = [
  { name: 'linkerd-namespace', namespace: [isIn(LINKERD_INJECT, 'enabled', 'ingress')], object: NOT_DECLINED },
  {
    name: 'linkerd-pod',
    namespace: [isNotIn(LINKERD_INJECT, 'enabled', 'ingress')],
    object: [isIn(LINKERD_INJECT, 'enabled', 'ingress')],
  },
];
const ISTIO_ENTRIES: readonly LabelEntry[] = [
  { name: 'istio-namespace', namespace: [isIn(ISTIO_INJECTION, 'enabled')], object: NOT_DECLINED },
  {
    name: 'istio-revision-namespace',
    namespace: [isAbsent(ISTIO_INJECTION), exists(ISTIO_REVISION)],
    object: NOT_DECLINED,
  },
  {
    name: 'istio-pod',
    namespace: [isAbsent(ISTIO_INJECTION), isAbsent(ISTIO_REVISION)],
    object: [isIn(ISTIO_SIDECAR_INJECT, 'true')],
  },
  {
    name: 'istio-revision-pod',
    namespace: [isAbsent(ISTIO_INJECTION), isAbsent(ISTIO_REVISION)],
    object: [exists(ISTIO_REVISION), isNotIn(ISTIO_SIDECAR_INJECT, 'true', 'false')],
  },
];

type Families = NonNullable<RegistrationSettings['families']>;

function labelEntry({ name, namespace, object }: LabelEntry, controlNamespace: string, families: Families): object {
  // A label that is not followed keeps no pod out either.
  const ignored = [families.linkerd ? '' : LINKERD_INJECT, families.istio ? '' : ISTIO_SIDECAR_INJECT];
  return {
    ...injectEntry(`${name}.inject.weft.dev`, 'Fail', controlNamespace),
    namespaceSelector: { matchExpressions: [notProtected(controlNamespace), ...namespace] },
    objectSelector: { matchExpressions: object.filter(({ key }) => !ignored.includes(key)) },
  };
}

/** Pods that ask by annotation. Namespaces' annotations cannot be seen here. */
function annotationEntry(controlNamespace: string, families: Families): object {
  const asks = namesOfAsking(families).map(
    (name) =>
      `('${name}' in object.metadata.annotations && !(object.metadata.annotations['${name}'] in ['disabled', 'false']))`,
  );
  return {
    ...injectEntry('annotated-pod.inject.weft.dev', 'Ignore', controlNamespace),
    namespaceSelector: { matchExpressions: [notProtected(controlNamespace)] },
    matchConditions: [{ name: 'asks', expression: `has(object.metadata.annotations) && (${asks.join(' || ')})` }],
  };
}

/** Names by which a pod asks. */
function namesOfAsking(families: Families): string[] {
  return [INJECT, ...(families.linkerd ? [LINKERD_INJECT] : []), ...(families.istio ? [ISTIO_SIDECAR_INJECT] : [])];
}

function injectEntry(name: string, failurePolicy: 'Fail' | 'Ignore', controlNamespace: string): object {
  return {
    name,
    clientConfig: { service: serviceOf(controlNamespace, INJECT_PATH) },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' }],
    failurePolicy,
    matchPolicy: 'Equivalent',
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: 5,
    admissionReviewVersions: ['v1'],
  };
}

/** Fails open: destination reports what is wrong with a profile too, and applies what is right in it. */
function serviceProfileEntry(controlNamespace: string): object {
  const rule = { apiGroups: ['linkerd.io'], apiVersions: ['v1alpha1', 'v1alpha2'], resources: ['serviceprofiles'] };
  return validateEntry('service-profile.validate.weft.dev', [rule], controlNamespace);
}

/** Fails open, since destination keeps the last good version of what it cannot honour, and says so. */
function policyEntry(controlNamespace: string): object {
  const rules = VALIDATED_KINDS.filter(({ isShared }) => isShared).map(({ group, versions, resource }) => ({
    apiGroups: [group],
    apiVersions: versions,
    resources: [resource],
  }));
  return validateEntry('policy.validate.weft.dev', rules, controlNamespace);
}

/** Objects that have a route profile as an annotation; no other Deployment or pod waits for the webhook. */
function routeProfileEntry(controlNamespace: string): object {
  const has = (metadata: string) =>
    `has(${metadata}.annotations) && '${ROUTE_PROFILE_ANNOTATION}' in ${metadata}.annotations`;
  const template = 'object.spec.template';
  const rule = (apiGroup: string, resource: string) => ({
    apiGroups: [apiGroup],
    apiVersions: ['v1'],
    resources: [resource],
  });
  const rules = [
    rule('apps', 'deployments'),
    rule('apps', 'statefulsets'),
    rule('apps', 'daemonsets'),
    rule('', 'pods'),
  ];
  return {
    ...validateEntry('route-profile.validate.weft.dev', rules, controlNamespace),
    matchConditions: [
      {
        name: 'annotated',
        expression: `(${has('object.metadata')}) || (has(${template}) && has(${template}.metadata) && ${has(`${template}.metadata`)})`,
      },
    ],
  };
}

/** Services with an annotation that is looked at on pods alone; no other Service waits for the webhook. */
function serviceEntry(controlNamespace: string): object {
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['services'] };
  const has = ofNoService().map((name) => `'${name}' in object.metadata.annotations`);
  const expression = `has(object.metadata.annotations) && (${has.join(' || ')})`;
  return {
    ...validateEntry('service.validate.weft.dev', [rule], controlNamespace),
    matchConditions: [{ name: 'annotated', expression }],
  };
}

/** Workloads whose pods a namespace has injected: whoever applies one hears what their pods will meet. It refuses nothing. */
function workloadEntry({ name, namespace }: LabelEntry, controlNamespace: string): object {
  return {
    ...validateEntry(`${name}.workload.validate.weft.dev`, [...WORKLOAD_RULES, CRON_JOB_RULE], controlNamespace),
    namespaceSelector: { matchExpressions: [notProtected(controlNamespace), ...namespace] },
    matchConditions: [CHANGED],
  };
}

/** Workloads whose pods ask for injection themselves; others in namespaces that do not ask wait for nobody. */
function askingTemplateEntry(controlNamespace: string, families: Families): object {
  const metadata = 'object.spec.template.metadata';
  const asks = (field: string) => {
    const any = namesOfAsking(families).map((name) => `'${name}' in ${metadata}.${field}`);
    return `(has(${metadata}.${field}) && (${any.join(' || ')}))`;
  };
  const expression = `has(object.spec.template.metadata) && (${asks('labels')} || ${asks('annotations')})`;
  return {
    ...validateEntry('asking-template.workload.validate.weft.dev', WORKLOAD_RULES, controlNamespace),
    matchConditions: [CHANGED, { name: 'asks', expression }],
  };
}

function validateEntry(name: string, rules: readonly object[], controlNamespace: string): object {
  return {
    name,
    clientConfig: { service: serviceOf(controlNamespace, VALIDATE_PATH) },
    rules: rules.map((rule) => ({ operations: ['CREATE', 'UPDATE'], ...rule, scope: 'Namespaced' })),
    namespaceSelector: { matchExpressions: [notProtected(controlNamespace)] },
    failurePolicy: 'Ignore',
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    timeoutSeconds: 5,
    admissionReviewVersions: ['v1'],
  };
}

function serviceOf(namespace: string, path: string): object {
  return { name: WEBHOOK_SERVICE_ACCOUNT, namespace, path, port: WEBHOOK_SERVICE_PORT };
}

/** What makes pods of a template in `spec.template`. */
const WORKLOAD_RULES: readonly object[] = [
  { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments', 'statefulsets', 'daemonsets'] },
  { apiGroups: ['batch'], apiVersions: ['v1'], resources: ['jobs'] },
];
const CRON_JOB_RULE = { apiGroups: ['batch'], apiVersions: ['v1'], resources: ['cronjobs'] };

/** A controller that counts revisions changes no pod. */
const CHANGED = { name: 'changed', expression: 'oldObject == null || object.spec != oldObject.spec' };

/** Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name */
function notProtected(controlNamespace: string = CONTROL_NAMESPACE): Expression {
  return isNotIn('kubernetes.io/metadata.name', ...protectedNamespaces(controlNamespace));
}
