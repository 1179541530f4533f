import { INJECT, INJECTED_ANNOTATION, LINKERD_INJECT } from '../../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../../api/pod-annotations.ts';
import { KINDS } from '../../destination/objects/kinds.ts';
import type { ObjectRef } from '../../destination/objects/object-ref.ts';
import { inject } from '../../webhook/inject/inject.ts';
import { askingNamespace, type NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS, type InjectSettings } from '../../webhook/inject/settings.ts';
import { type Json, templatePath, valueAt } from '../inject/workloads.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Finding } from './finding.ts';

/**
 * What is wrong with what namespaces and workloads ask of injection: the decision is the webhook's, so that nothing is told
 * here that it would not do. Workloads of a namespace that is not among the objects are judged as if it asked.
 */
export function injectionFaults(state: MeshState): Finding[] {
  const workloads = workloadsOf(state);
  return [
    ...namespacesOf(state).flatMap(ofNamespace),
    ...workloads.flatMap((workload) => ofWorkload(state, workload)),
    ...[...workloads, ...servicesOf(state)].flatMap(misplaced),
  ];
}

/** An object as it was written. */
interface Written {
  readonly object: ObjectRef;
  readonly raw: Json;
  readonly place: string;
}

function ofNamespace({ object, raw, place }: Written): Finding[] {
  const facts = factsOf(object.name, raw);
  const refusal = refusalOf(facts);
  const warnings = inject(PLAIN_POD, facts, SETTINGS).warnings.map((each) =>
    each.replace(`namespace ${object.name}: `, ''),
  );
  return [
    ...(refusal === null ? [] : [finding('error', object, place, `no pod of it is admitted: ${refusal}`)]),
    ...warnings.map((message) => finding(severityOf(message), object, place, message)),
  ];
}

/** Why a pod that says nothing is refused for what its namespace says; null: it is not. */
function refusalOf(facts: NamespaceFacts): string | null {
  const found = inject(PLAIN_POD, facts, SETTINGS);
  return found.outcome === 'refuse' ? found.message : null;
}

function ofWorkload(state: MeshState, { object, raw, place }: Written): Finding[] {
  const path = templatePath({ object: raw, kind: object.kind, path: [] });
  if (!path) return [];
  const namespace = state.written({ kind: 'Namespace', namespace: '', name: object.namespace });
  const facts = namespace ? factsOf(object.namespace, namespace.raw) : askingNamespace(object.namespace);
  const found = inject(valueAt(raw, path), facts, SETTINGS);
  // What is wrong with the namespace has been told of that.
  const isOfNamespace = found.outcome === 'refuse' && found.message === refusalOf(facts);
  const field = path.join('.');
  const refusal = namespace ? 'its pods are refused' : 'its pods are refused where they are injected';
  return [
    ...(found.outcome === 'refuse' && !isOfNamespace
      ? [finding('error', object, place, `${refusal}: ${found.message}`, field)]
      : []),
    ...found.warnings
      .filter((message) => !message.startsWith(`namespace ${object.namespace}: `))
      .map((message) => finding(severityOf(message), object, place, message, field)),
  ];
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

function namespacesOf(state: MeshState): Written[] {
  return [...state.objects.list('Namespace')].flatMap(({ name }) => written(state, 'Namespace', '', name));
}

function servicesOf(state: MeshState): Written[] {
  return [...state.objects.list('Service')].flatMap(({ namespace, name }) =>
    written(state, 'Service', namespace, name),
  );
}

/** What makes pods, and pods that nothing has made. */
function workloadsOf(state: MeshState): Written[] {
  const read = (['Deployment', 'Pod'] as const).flatMap((kind) =>
    [...state.objects.list(kind)].flatMap(({ namespace, name }) => written(state, KINDS[kind].name, namespace, name)),
  );
  const others = state.others.map(({ kind, raw, place }): Written => {
    const { namespace, name } = (raw.metadata ?? {}) as { namespace?: unknown; name?: unknown };
    return { object: { kind, namespace: String(namespace || 'default'), name: String(name ?? '') }, raw, place };
  });
  return [...read, ...others].filter(
    ({ object, raw }) =>
      templatePath({ object: raw, kind: object.kind, path: [] }) !== null &&
      valueAt(raw, ['metadata', 'ownerReferences']) === undefined &&
      valueAt(raw, ['metadata', 'annotations', INJECTED_ANNOTATION]) === undefined,
  );
}

function written(state: MeshState, kind: string, namespace: string, name: string): Written[] {
  const found = state.written({ kind, namespace, name });
  return found ? [{ object: { kind, namespace, name }, raw: found.raw as Json, place: found.place }] : [];
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
