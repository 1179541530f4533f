import type { ForeignFamilies } from './settings.ts';

/** Which other meshes have an injector of their own, by the names of the registered mutating webhooks. */
export function foreignInjectors(registrations: Iterable<string>): ForeignFamilies {
  const names = [...registrations];
  return {
    istio: names.some((name) => INJECTORS.istio.test(name)),
    linkerd: names.some((name) => INJECTORS.linkerd.test(name)),
  };
}

/** Names of the registrations: `istio-sidecar-injector[-<revision>]`, `istio-revision-tag-<tag>`. */
const INJECTORS: Readonly<Record<keyof ForeignFamilies, RegExp>> = {
  istio: /^istio-(sidecar-injector|revision-tag-)/,
  linkerd: /^linkerd-proxy-injector-webhook-config$/,
};
