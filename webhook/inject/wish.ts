import { INJECT, ISTIO_INJECTION, ISTIO_REVISION, ISTIO_SIDECAR_INJECT, LINKERD_INJECT } from '../../api/names.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { ObjectMetadata } from './pod-template.ts';
import type { ForeignFamilies } from './settings.ts';

/** What somebody wrote about injection, and where. */
export interface Wish {
  readonly value: 'enabled' | 'ingress' | 'disabled' | 'invalid';
  readonly level: 'pod' | 'namespace';
  /** For sentences: `label weft.dev/inject of the pod`. */
  readonly source: string;
  /** The text as written. */
  readonly text: string;
}

/**
 * The wish that counts: the pod's before the namespace's; at one level Weft's own before Linkerd's before Istio's, and a
 * label before an annotation.
 *
 * One rule goes the other way: in a namespace with `istio-injection: disabled` a pod cannot opt in by Istio's labels.
 * Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
 */
export function wishOf(
  pod: ObjectMetadata | null | undefined,
  namespace: NamespaceFacts,
  families: ForeignFamilies,
): Wish | null {
  return (
    lookUp(pod ?? {}, 'pod', INJECT, WORDS) ??
    (families.linkerd ? lookUp(pod ?? {}, 'pod', LINKERD_INJECT, WORDS) : null) ??
    (families.istio ? istioWishOfPod(pod, namespace) : null) ??
    lookUp(namespace, 'namespace', INJECT, WORDS) ??
    (families.linkerd ? lookUp(namespace, 'namespace', LINKERD_INJECT, WORDS) : null) ??
    (families.istio ? istioWishOfNamespace(namespace) : null)
  );
}

/** Whether a wish is one for a proxy. */
export function asks(wish: Wish | null): boolean {
  return wish?.value === 'enabled' || wish?.value === 'ingress';
}

/** The wish that counts for another mesh's own injector. */
export function wishOfMesh(
  mesh: keyof ForeignFamilies,
  pod: ObjectMetadata | null | undefined,
  namespace: NamespaceFacts,
): Wish | null {
  return mesh === 'istio'
    ? (istioWishOfPod(pod, namespace) ?? istioWishOfNamespace(namespace))
    : (lookUp(pod ?? {}, 'pod', LINKERD_INJECT, WORDS) ?? lookUp(namespace, 'namespace', LINKERD_INJECT, WORDS));
}

/** Weft's own words alone. */
export const NO_FAMILIES: ForeignFamilies = { istio: false, linkerd: false };

/** The label `sidecar.istio.io/inject`, the annotation of that name, or a revision. */
function istioWishOfPod(pod: ObjectMetadata | null | undefined, namespace: NamespaceFacts): Wish | null {
  if (istioWishOfNamespace(namespace)?.value === 'disabled') return null;
  return lookUp(pod ?? {}, 'pod', ISTIO_SIDECAR_INJECT, BOOLEANS) ?? revisionOf(pod?.labels, 'pod');
}

/** The label `istio-injection`, which wins over a revision. */
function istioWishOfNamespace({ labels }: NamespaceFacts): Wish | null {
  return lookUp({ labels }, 'namespace', ISTIO_INJECTION, WORDS) ?? revisionOf(labels, 'namespace');
}

/** `istio.io/rev`: any revision means that injection is wanted. */
function revisionOf(labels: ObjectMetadata['labels'], level: Wish['level']): Wish | null {
  const text = labels?.[ISTIO_REVISION];
  return text ? { value: 'enabled', level, source: `label ${ISTIO_REVISION} of the ${level}`, text } : null;
}

function lookUp(
  { labels, annotations }: Marked,
  level: Wish['level'],
  name: string,
  values: Readonly<Record<string, Wish['value']>>,
): Wish | null {
  for (const [kind, texts] of [
    ['label', labels],
    ['annotation', annotations],
  ] as const) {
    const text = texts?.[name];
    if (text === undefined) continue;
    const value = Object.hasOwn(values, text) ? values[text]! : 'invalid';
    return { value, level, source: `${kind} ${name} of the ${level}`, text };
  }
  return null;
}

/** What both a pod's metadata and a namespace's facts have. */
interface Marked {
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

const WORDS = { enabled: 'enabled', ingress: 'ingress', disabled: 'disabled' } as const;
const BOOLEANS = { true: 'enabled', false: 'disabled' } as const;
