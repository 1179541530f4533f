import { INJECT, LINKERD_INJECT } from '../../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../../api/pod-annotations.ts';
import type { ObjectRef } from '../../destination/objects/object-ref.ts';
import { inject } from '../../webhook/inject/inject.ts';
import { askingNamespace, type NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from '../../webhook/inject/settings.ts';
import { type Json, valueAt } from '../inject/workloads.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Finding } from './finding.ts';
import { type Workload, type Written, workloadsOf, writtenOf } from './workloads.ts';

/**
 * What is wrong with what namespaces and workloads ask of injection: the decision is the webhook's, so that nothing is told
 * here that it would not do. Workloads of a namespace that is not among the objects are judged as if it asked.
 */
export function injectionFaults(state: MeshState): Finding[] {
  const workloads = workloadsOf(state);
  const services = writtenOf(state, 'Service');
  return [
    ...writtenOf(state, 'Namespace').flatMap(ofNamespace),
    ...workloads.flatMap((workload) => ofWorkload(state, workload)),
    ...[...workloads, ...services].flatMap(misplaced),
  ];
}

function ofNamespace({ object, raw, place }: Written): Finding[] {
  const { refusal, warnings } = judge(PLAIN_POD, factsOf(object.name, raw));
  return [
    ...(refusal === null ? [] : [finding('error', object, place, `no pod of it is admitted: ${refusal}`)]),
    ...warnings.map((message) => finding(severityOf(message), object, place, message)),
  ];
}

/** What is said of its pods, but for what is said of every pod of the namespace. */
function ofWorkload(state: MeshState, { object, raw, place, path }: Workload): Finding[] {
  const namespace = state.written({ kind: 'Namespace', namespace: '', name: object.namespace });
  const facts = namespace ? factsOf(object.namespace, namespace.raw) : askingNamespace(object.namespace);
  const { refusal, warnings } = judge(valueAt(raw, path), facts);
  const ofAll = judge(PLAIN_POD, facts);
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
): { readonly refusal: string | null; readonly warnings: readonly string[] } {
  const found = inject(pod, facts, SETTINGS);
  return { refusal: found.outcome === 'refuse' ? found.message : null, warnings: found.warnings };
}

/** What is written where nobody looks: annotations of pods on what makes them, or on the Service before them. */
function misplaced({ object, raw, place }: Written): Finding[] {
  if (object.kind === 'Pod') return [];
  const isService = object.kind === 'Service';
  const annotations = (valueAt(raw, ['metadata', 'annotations']) ?? {}) as Json;
  return Object.keys(annotations)
    .filter((name) => OF_PODS.has(name) && !(isService && OF_SERVICES.has(name)))
    .map((name) => {
      const isPolicy = POLICIES.has(name);
      const where = isService ? 'the pods behind it' : 'spec.template.metadata';
      const message = `${isPolicy ? 'IS NOT ENFORCED' : 'has no effect'}: it is looked at on ${where} and on namespaces alone`;
      return finding(isPolicy ? 'error' : 'warning', object, place, message, `metadata.annotations["${name}"]`);
    });
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

const SETTINGS: InjectSettings = { ...DEFAULT_INJECT_SETTINGS, image: 'weft' };
const PLAIN_POD = { metadata: {}, spec: { containers: [{ name: 'any' }] } };

const namesOf = ({ weft, linkerd, istio }: PodAnnotation) => [weft, linkerd ?? weft, istio ?? weft];
const OF_PODS: ReadonlySet<string> = new Set([
  ...Object.values<PodAnnotation>(POD_ANNOTATIONS).flatMap(namesOf),
  INJECT,
  LINKERD_INJECT,
]);
const OF_SERVICES: ReadonlySet<string> = new Set(namesOf(POD_ANNOTATIONS.opaquePorts));
const POLICIES: ReadonlySet<string> = new Set(namesOf(POD_ANNOTATIONS.defaultInboundPolicy));
