import { INJECT, LINKERD_INJECT } from '../../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../../api/pod-annotations.ts';

/** An annotation of pods where nobody looks for it. */
export interface MisplacedAnnotation {
  readonly name: string;
  /** What becomes of it, and where it is looked for. */
  readonly message: string;
  /** Its author relies on somebody being refused, and nobody is. */
  readonly isSecurity: boolean;
}

/** Annotations of pods on what makes them, or on the Service before them. @param kind of the object that has them */
export function misplacedAnnotations(kind: string, annotations: object): MisplacedAnnotation[] {
  if (kind === 'Pod') return [];
  const isService = kind === 'Service';
  return Object.keys(annotations)
    .filter((name) => OF_PODS.has(name) && !(isService && OF_SERVICES.has(name)))
    .map((name) => {
      const isSecurity = POLICIES.has(name);
      const where = isService ? 'the pods behind it' : 'spec.template.metadata';
      const message = `${isSecurity ? 'IS NOT ENFORCED' : 'has no effect'}: it is looked at on ${where} and on namespaces alone`;
      return { name, message, isSecurity };
    });
}

/** Weft's own annotations of pods that do nothing on a Service. */
export function ofNoService(): string[] {
  return Object.values<PodAnnotation>(POD_ANNOTATIONS).flatMap(({ weft }) => (OF_SERVICES.has(weft) ? [] : weft));
}

/** What is said of each, as whoever applies the object reads it. */
export function misplacedWarnings(kind: string, annotations: object): string[] {
  return misplacedAnnotations(kind, annotations).map(
    ({ name, message }) => `metadata.annotations["${name}"]: ${message}`,
  );
}

const namesOf = ({ weft, linkerd, istio }: PodAnnotation) => [weft, linkerd ?? weft, istio ?? weft];
const OF_PODS: ReadonlySet<string> = new Set([
  ...Object.values<PodAnnotation>(POD_ANNOTATIONS).flatMap(namesOf),
  INJECT,
  LINKERD_INJECT,
]);
const OF_SERVICES: ReadonlySet<string> = new Set(namesOf(POD_ANNOTATIONS.opaquePorts));
const POLICIES: ReadonlySet<string> = new Set([
  ...namesOf(POD_ANNOTATIONS.defaultInboundPolicy),
  ...namesOf(POD_ANNOTATIONS.requireIdentityPorts),
]);
