import { INJECT } from '../../api/names.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { ObjectMetadata } from './pod-template.ts';
import type { ForeignFamilies } from './settings.ts';
import { asks, NO_FAMILIES, wishOf, wishOfMesh } from './wish.ts';

/** Which other meshes have an injector of their own, by the names of the registered mutating webhooks. */
export function foreignInjectors(registrations: Iterable<string>): ForeignFamilies {
  const names = [...registrations];
  return {
    istio: names.some((name) => INJECTORS.istio.test(name)),
    linkerd: names.some((name) => INJECTORS.linkerd.test(name)),
  };
}

/**
 * A sentence for each other mesh that a pod asks for too: two injectors that each think that a pod is theirs.
 *
 * @param injectors which of them are there; null: not known, and told only of a pod that asks for Weft in Weft's own words
 */
export function askedTwice(
  pod: ObjectMetadata | null | undefined,
  namespace: NamespaceFacts,
  injectors: ForeignFamilies | null,
): string[] {
  if (injectors === null && !asks(wishOf(pod, namespace, NO_FAMILIES))) return [];
  return MESHES.filter(({ key }) => injectors?.[key] !== false).flatMap(({ key, title }) => {
    const wish = wishOfMesh(key, pod, namespace);
    if (!wish || !asks(wish)) return [];
    const injector = injectors ? `the injector of ${title}, which is installed here,` : `an injector of ${title}`;
    return `${injector} takes this pod for its own too, by the ${wish.source}, and a pod bears one proxy: take that away, or say ${INJECT}: disabled`;
  });
}

const MESHES = [
  { key: 'istio', title: 'Istio' },
  { key: 'linkerd', title: 'Linkerd' },
] as const;

/** Names of the registrations: `istio-sidecar-injector[-<revision>]`, `istio-revision-tag-<tag>`. */
const INJECTORS: Readonly<Record<keyof ForeignFamilies, RegExp>> = {
  istio: /^istio-(sidecar-injector|revision-tag-)/,
  linkerd: /^linkerd-proxy-injector-webhook-config$/,
};
