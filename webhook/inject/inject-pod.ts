import { CONTROL_NAMESPACE_LABEL, INIT_CONTAINER, INJECTED_ANNOTATION, PROXY_CONTAINER } from '../../api/names.ts';
import { initContainer } from './init-container.ts';
import { overlay } from './overlay.ts';
import type { PodOptions } from './pod-options.ts';
import type { Container, ObjectMetadata, PodSpec, PodTemplate } from './pod-template.ts';
import { proxyContainer, type SidecarKind } from './proxy-container.ts';
import type { InjectSettings } from './settings.ts';
import { fingerprintOf } from './settings-fingerprint.ts';
import { BUNDLE_VOLUME, INIT_RUN_VOLUME, OWN_VOLUMES, proxyVolumes } from './volumes.ts';

/**
 * A pod with its proxy. The pod that is given is not changed.
 *
 * Injecting again is harmless: what other webhooks have added meanwhile is covered, their changes to the proxy stay, and
 * where nothing was added the result equals its input.
 */
export function injectPod(pod: PodTemplate, options: PodOptions, settings: InjectSettings): PodTemplate {
  const { metadata, spec } = pod;
  const application = withoutOurs(spec);
  return {
    ...pod,
    metadata: injectMetadata(metadata, application, settings),
    spec: {
      ...spec,
      ...placeContainers(pod, application, options, settings),
      volumes: overlay(spec.volumes ?? [], proxyVolumes(options.capture !== 'none')) as PodSpec['volumes'] & {},
    },
  };
}

/**
 * An injected pod without its proxy: the opposite of {@link injectPod}, but for which container is the default. The pod that is
 * given is not changed.
 */
export function withdrawPod(pod: PodTemplate): PodTemplate {
  const { metadata, spec } = pod;
  const { [CONTROL_NAMESPACE_LABEL]: _, ...labels } = metadata?.labels ?? {};
  const { [INJECTED_ANNOTATION]: __, [SAFE_TO_EVICT_VOLUMES]: volumes, ...annotations } = metadata?.annotations ?? {};
  const theirs = (volumes ?? '').split(',').filter((name) => name !== '' && !OWN_VOLUMES.includes(name));
  const { initContainers, containers } = withoutOurs(spec);
  const evicted = theirs.length > 0 && { [SAFE_TO_EVICT_VOLUMES]: theirs.join(',') };
  return {
    ...pod,
    metadata: { ...metadata, ...(metadata?.labels && { labels }), annotations: { ...annotations, ...evicted } },
    spec: {
      ...spec,
      containers,
      ...(spec.initContainers && { initContainers }),
      ...(spec.volumes && { volumes: spec.volumes.filter(({ name }) => !OWN_VOLUMES.includes(name)) }),
    },
  };
}

/**
 * ```
 * native     initContainers: weft-init, weft-proxy, theirs...    containers: theirs...
 * ordinary   initContainers: theirs..., weft-init                containers: weft-proxy, theirs...
 * ```
 * An ordinary proxy does not run yet while init containers do, so they go before the redirect and past the mesh.
 */
function placeContainers(
  pod: PodTemplate,
  theirs: { readonly initContainers: readonly Container[]; readonly containers: readonly Container[] },
  options: PodOptions,
  settings: InjectSettings,
): Pick<PodSpec, 'containers' | 'initContainers'> {
  const isNative = options.nativeSidecar ? options.nativeSidecar === 'enabled' : settings.nativeSidecar;
  const kind: SidecarKind = isNative ? 'native' : 'ordinary';
  const { containers } = pod.spec;
  const initContainers = pod.spec.initContainers ?? [];
  const find = (list: readonly Container[], name: string) => list.find((container) => container.name === name);

  const bare = { ...pod, spec: { ...pod.spec, ...theirs } };
  const proxy = overlay(
    find(isNative ? initContainers : containers, PROXY_CONTAINER),
    proxyContainer(kind, bare, options, settings),
  ) as Container;
  const init = overlay(find(initContainers, INIT_CONTAINER), initContainer(options, settings)) as Container;
  const inits = options.capture === 'none' ? [] : [init];
  return isNative
    ? { initContainers: [...inits, proxy, ...theirs.initContainers], containers: theirs.containers }
    : { initContainers: [...theirs.initContainers, ...inits], containers: [proxy, ...theirs.containers] };
}

function injectMetadata(
  metadata: ObjectMetadata | null | undefined,
  { containers }: { readonly containers: readonly Container[] },
  settings: InjectSettings,
): ObjectMetadata {
  const annotations = metadata?.annotations ?? {};
  const first = containers[0]?.name;
  return {
    ...metadata,
    labels: { ...metadata?.labels, [CONTROL_NAMESPACE_LABEL]: settings.controlNamespace },
    annotations: {
      // Ordinary users of kubectl mean the application when they name a pod.
      ...(first !== undefined && { [DEFAULT_CONTAINER]: first, [DEFAULT_LOGS_CONTAINER]: first }),
      ...annotations,
      [SAFE_TO_EVICT_VOLUMES]: withEntries(annotations[SAFE_TO_EVICT_VOLUMES], [BUNDLE_VOLUME, INIT_RUN_VOLUME]),
      [INJECTED_ANNOTATION]: fingerprintOf(settings),
    },
  };
}

function withoutOurs({ initContainers, containers }: PodSpec) {
  const isTheirs = ({ name }: Container) => name !== PROXY_CONTAINER && name !== INIT_CONTAINER;
  return { initContainers: (initContainers ?? []).filter(isTheirs), containers: containers.filter(isTheirs) };
}

/** A comma list that holds all of `wanted`. */
function withEntries(list: string | undefined, wanted: readonly string[]): string {
  const entries = (list ?? '').split(',').filter((each) => each !== '');
  return [...new Set([...entries, ...wanted])].join(',');
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';
const DEFAULT_LOGS_CONTAINER = 'kubectl.kubernetes.io/default-logs-container';
/** A volume of ours must not keep the autoscaler from emptying a node. */
const SAFE_TO_EVICT_VOLUMES = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
