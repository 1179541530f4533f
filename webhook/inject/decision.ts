import { INIT_CONTAINER, INJECT, INJECTED_ANNOTATION, PROXY_CONTAINER, PROXY_UID } from '../../api/names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import { isNameable } from '../../api/workload-identity.ts';
import { askedTwice } from './foreign-injectors.ts';
import { faultsOfNames } from './known-names.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import { type PodOptions, readOptions } from './pod-options.ts';
import { type Container, containersOf, type ObjectMetadata, type PodSpec, type PodTemplate } from './pod-template.ts';
import { isProtected } from './protected-namespaces.ts';
import { containerOfProxyUser } from './proxy-user.ts';
import type { InjectSettings } from './settings.ts';
import { unheardAnnotations } from './unheard-annotations.ts';
import { OWN_VOLUMES } from './volumes.ts';
import { type Wish, wishOf } from './wish.ts';

/** Why a pod is left as it is. Tokens of log, metric, Event and test. */
export const SKIP_REASONS = [
  'namespace_protected',
  'injection_not_enabled',
  'injection_disabled',
  'invalid_inject_value',
  'host_network_enabled',
  'mirror_pod',
  'windows_pod',
  'sidecar_already_exists',
] as const;

/** The first of {@link SKIP_REASONS} that holds for a pod. */
export type SkipReason = (typeof SKIP_REASONS)[number];

/** Why a pod is refused: injecting it as asked is impossible, and leaving it out would not be what was asked. */
export const REFUSE_REASONS = [
  'invalid_inject_value',
  'annotation_invalid',
  'proxy_uid_in_use',
  'proxy_port_in_use',
  'proxy_name_in_use',
  'identity_name_invalid',
] as const;

/** The first of {@link REFUSE_REASONS} that was found. */
export type RefuseReason = (typeof REFUSE_REASONS)[number];

/** What becomes of a pod. `message` is a sentence for whoever wrote the pod. */
export type Decision =
  | { readonly outcome: 'inject'; readonly options: PodOptions; readonly warnings: readonly string[] }
  | Skip
  | {
      readonly outcome: 'refuse';
      readonly reason: RefuseReason;
      readonly message: string;
      readonly warnings: readonly string[];
    };

/** A pod that is admitted without a proxy, and why. */
export interface Skip {
  readonly outcome: 'skip';
  readonly reason: SkipReason;
  readonly message: string;
  readonly warnings: readonly string[];
}

/**
 * Decides about a pod from what it, its namespace and the operator say.
 *
 * Fails closed where Weft's own words are wrong: a pod that asks for the mesh in words nobody understands must not run
 * outside it. Another mesh's words are treated as that mesh treats them.
 */
export function decide(pod: PodTemplate, namespace: NamespaceFacts, settings: InjectSettings): Decision {
  if (isProtected(namespace.name, settings.controlNamespace)) {
    return skip('namespace_protected', `pods of the namespace ${namespace.name} are never injected`);
  }
  const wish = wishOf(pod.metadata, namespace, settings.families);
  const declined = declinedBy(wish);
  if (declined) return declined;

  const warnings = [
    ...faultsOfNames(pod.metadata),
    ...unheardAnnotations(pod.metadata, settings.families),
    ...unheardAnnotations(namespace, settings.families).map((each) => `namespace ${namespace.name}: ${each}`),
  ];
  if (pod.spec.hostNetwork === true) {
    return skip(
      'host_network_enabled',
      'the pod uses the network of its node, whose traffic a proxy must not redirect',
      warnings,
    );
  }
  if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    return skip('mirror_pod', 'the pod is the image of one that the node runs from a file', warnings);
  }
  if (pod.spec.os?.name === 'windows') return skip('windows_pod', 'the proxy runs on Linux', warnings);
  const sidecar = foreignSidecarOf(pod);
  if (sidecar) {
    return skip('sidecar_already_exists', `the container ${sidecar} is the proxy of another mesh`, warnings);
  }
  const read = readOptions(pod.metadata, namespace, settings.families);
  warnings.push(...read.warnings);
  if (read.problems.length > 0) return refuse('annotation_invalid', read.problems.join('; '), warnings);
  const conflict = conflictOf(pod) ?? unnameable(pod, namespace.name, settings);
  if (conflict) return refuse(conflict.reason, conflict.message, warnings);
  warnings.push(...askedTwice(pod.metadata, namespace, settings.injectors));
  const options = { ...read.options, isIngress: wish?.value === 'ingress' };
  return { outcome: 'inject', options, warnings };
}

function declinedBy(wish: Wish | null): Decision | null {
  if (!wish) return skip('injection_not_enabled', 'neither the pod nor its namespace asks for injection');
  if (wish.value === 'disabled') return skip('injection_disabled', `the ${wish.source} says "${wish.text}"`);
  if (wish.value !== 'invalid') return null;
  const message = `the ${wish.source} says "${wish.text}", which is none of its values`;
  const isOwn = wish.source.includes(INJECT) && wish.level === 'pod';
  return isOwn
    ? refuse('invalid_inject_value', `${message}: enabled, disabled, ingress`, [])
    : skip('invalid_inject_value', message, [message]);
}

/** A container that is another mesh's proxy or init program, by the names and images that those meshes look for. */
export function foreignSidecarOf(pod: PodTemplate): string | null {
  const found = containersOf(pod.spec).find(
    ({ name, image }) =>
      FOREIGN_CONTAINERS.includes(name) || FOREIGN_IMAGES.some((prefix) => image?.startsWith(prefix) === true),
  );
  return found?.name ?? null;
}

/** Something of the application's that would break the proxy, or break out of it. */
function conflictOf({ metadata, spec }: PodTemplate): { reason: RefuseReason; message: string } | null {
  const taken = hasInjectedAnnotation(metadata) ? undefined : takenName(spec);
  if (taken !== undefined) {
    return {
      reason: 'proxy_name_in_use',
      message: `${taken} has a name of the proxy's, and the pod has not been injected; use another`,
    };
  }
  const own = containersOf(spec).filter(({ name }) => !WEFT_CONTAINERS.includes(name));
  const sameUser = containerOfProxyUser(spec);
  if (sameUser) {
    return {
      reason: 'proxy_uid_in_use',
      message: `the container ${sameUser.name} runs as user ${PROXY_UID}, whose traffic bypasses the proxy; use another`,
    };
  }
  for (const container of own) {
    const port = proxyPortOf(container);
    if (port === null) continue;
    return {
      reason: 'proxy_port_in_use',
      message: `the container ${container.name} declares port ${port}, which the proxy listens on; use another`,
    };
  }
  return null;
}

/** The proxy of such a pod would wait for its certificate for ever. */
function unnameable(
  { spec }: PodTemplate,
  namespace: string,
  domain: InjectSettings,
): { reason: RefuseReason; message: string } | null {
  const { serviceAccountName } = spec;
  const serviceAccount = typeof serviceAccountName === 'string' && serviceAccountName ? serviceAccountName : 'default';
  if (isNameable({ namespace, serviceAccount }, domain)) return null;
  const message = `the service account ${serviceAccount} and the namespace ${namespace} make no DNS name of at most 253 characters and 63 a label, which is the pod's identity; use shorter names`;
  return { reason: 'identity_name_invalid', message };
}

/** Whether injection has given a pod its proxy, which is still there. */
export function isInjected({ metadata, spec }: PodTemplate): boolean {
  return hasInjectedAnnotation(metadata) && takenName(spec) !== undefined;
}

function hasInjectedAnnotation(metadata: ObjectMetadata | null | undefined): boolean {
  return metadata?.annotations?.[INJECTED_ANNOTATION] !== undefined;
}

/** What is called as only injection calls it. */
function takenName(spec: PodSpec): string | undefined {
  const container = containersOf(spec).find(({ name }) => WEFT_CONTAINERS.includes(name));
  if (container) return `the container ${container.name}`;
  const volume = spec.volumes?.find(({ name }) => OWN_VOLUMES.includes(name));
  return volume && `the volume ${volume.name}`;
}

function proxyPortOf({ ports }: Container): number | null {
  const tcp = (ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  return tcp.find(({ containerPort }) => PROXY_PORTS.includes(containerPort))?.containerPort ?? null;
}

function skip(reason: SkipReason, message: string, warnings: readonly string[] = []): Skip {
  return { outcome: 'skip', reason, message, warnings };
}

function refuse(reason: RefuseReason, message: string, warnings: readonly string[]): Decision {
  return { outcome: 'refuse', reason, message, warnings };
}

const WEFT_CONTAINERS: readonly string[] = [PROXY_CONTAINER, INIT_CONTAINER];
const PROXY_PORTS: readonly number[] = [PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT, PROXY_ADMIN_PORT];

/** Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-config-mirror */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Source: linkerd2 `pkg/healthcheck/sidecar.go`. */
const FOREIGN_CONTAINERS: readonly string[] = ['linkerd-proxy', 'linkerd-init', 'istio-proxy', 'istio-init'];
const FOREIGN_IMAGES = [
  'cr.l5d.io/linkerd/proxy:',
  'cr.l5d.io/linkerd/proxy-init:',
  'gcr.io/istio-release/proxyv2:',
  'gcr.io/istio-release/proxy_init:',
];
