import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import type { ObjectRef } from '../../destination/objects/object-ref.ts';
import { inject } from '../../webhook/inject/inject.ts';
import { misplacedAnnotations } from '../../webhook/inject/misplaced-annotations.ts';
import { askingNamespace, type NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from '../../webhook/inject/settings.ts';
import { NO_FAMILIES } from '../../webhook/inject/wish.ts';
import { type Json, valueAt } from '../../webhook/inject/workloads.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { rawOf } from '../state/workload.ts';
import type { Finding } from './finding.ts';
import { type Workload, type Written, workloadsOf, writtenOf } from './workloads.ts';

/**
 * What is wrong with what namespaces and workloads ask of injection: the decision is the webhook's, so that nothing is told
 * here that it would not do. Workloads of a namespace that is not among the objects are judged as if it asked.
 */
export function injectionFaults(state: MeshState): Finding[] {
  const workloads = workloadsOf(state);
  const services = writtenOf(state, 'Service');
  const settings = settingsOf(state);
  return [
    ...writtenOf(state, 'Namespace').flatMap((namespace) => ofNamespace(namespace, settings)),
    ...workloads.flatMap((workload) => ofWorkload(state, workload, settings)),
    ...[...workloads, ...services].flatMap(misplaced),
  ];
}

/** Why the webhook gave a pod no proxy, in a sentence. */
export function whyNotInjected(state: MeshState, pod: Pod): string {
  const namespace = state.written({ kind: 'Namespace', namespace: '', name: pod.namespace });
  if (!namespace) return 'its namespace is not known';
  const found = inject(rawOf(state, pod), factsOf(pod.namespace, namespace.raw), settingsOf(state));
  return found.outcome === 'inject' ? 'it is older than the wish for one: restart it' : found.message;
}

function ofNamespace({ object, raw, place }: Written, settings: InjectSettings): Finding[] {
  const { refusal, warnings } = judge(PLAIN_POD, factsOf(object.name, raw), settings);
  return [
    ...(refusal === null ? [] : [finding('error', object, place, `no pod of it is admitted: ${refusal}`)]),
    ...warnings.map((message) => finding(severityOf(message), object, place, message)),
  ];
}

/** What is said of its pods, but for what is said of every pod of the namespace. */
function ofWorkload(state: MeshState, { object, raw, place, path }: Workload, told: InjectSettings): Finding[] {
  const namespace = state.written({ kind: 'Namespace', namespace: '', name: object.namespace });
  const facts = namespace ? factsOf(object.namespace, namespace.raw) : askingNamespace(object.namespace);
  // That a namespace asks is assumed here, and says nothing of what else it asks for.
  const settings = namespace || told.injectors ? told : { ...told, injectors: NO_FAMILIES };
  const { refusal, warnings } = judge(valueAt(raw, path), facts, settings);
  const ofAll = judge(PLAIN_POD, facts, settings);
  const field = path.join('.');
  const refused = namespace ? 'its pods are refused' : 'its pods are refused where they are injected';
  return [
    ...(refusal === null || refusal === ofAll.refusal
      ? []
      : [finding('error', object, place, `${refused}: ${refusal}`, field)]),
    ...warnings
      .filter((message) => !ofAll.warnings.includes(message))
      .map((message) => finding(severityOf(message), object, place, message, field)),
  ];
}

/** What the webhook says of a pod. `refusal` is null where it is admitted. */
function judge(
  pod: unknown,
  facts: NamespaceFacts,
  settings: InjectSettings,
): { readonly refusal: string | null; readonly warnings: readonly string[] } {
  const found = inject(pod, facts, settings);
  return { refusal: found.outcome === 'refuse' ? found.message : null, warnings: found.warnings };
}

/** What is written where nobody looks. */
function misplaced({ object, raw, place }: Written): Finding[] {
  return misplacedAnnotations(object.kind, (valueAt(raw, ['metadata', 'annotations']) ?? {}) as Json).map(
    ({ name, message, isSecurity }) =>
      finding(isSecurity ? 'error' : 'warning', object, place, message, `metadata.annotations["${name}"]`),
  );
}

function factsOf(name: string, raw: unknown): NamespaceFacts {
  const textsAt = (field: string) => (valueAt(raw, ['metadata', field]) ?? {}) as Record<string, string>;
  return { name, labels: textsAt('labels'), annotations: textsAt('annotations') };
}

function finding(
  severity: Finding['severity'],
  object: ObjectRef,
  place: string,
  message: string,
  field = '',
): Finding {
  return { severity, check: 'injection', object, place, field, message };
}

function severityOf(message: string): Finding['severity'] {
  return message.includes('IS NOT ENFORCED') ? 'error' : 'warning';
}

/** The words of a mesh that has an injector here are not followed, unless an operator says so. */
function settingsOf({ injectors }: MeshState): InjectSettings {
  const families = injectors
    ? { istio: !injectors.istio, linkerd: !injectors.linkerd }
    : DEFAULT_INJECT_SETTINGS.families;
  return { ...DEFAULT_INJECT_SETTINGS, image: 'weft', families, injectors };
}

const PLAIN_POD = { metadata: {}, spec: { containers: [{ name: 'any' }] } };
