/**
 * A Pod, or the template of one, as raw JSON: typed clients drop fields that they do not know, and a patch must never
 * take away what somebody wrote. Only the fields that injection looks at are named.
 */
export interface PodTemplate {
  readonly metadata?: ObjectMetadata | null;
  readonly spec: PodSpec;
  readonly [field: string]: unknown;
}

/** Metadata of a pod or its template. Either map may be null: clients send that for an empty one. */
export interface ObjectMetadata {
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly annotations?: Readonly<Record<string, string>> | null;
  readonly [field: string]: unknown;
}

/**
 * What injection reads of a pod's spec, and adds to. Source:
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
 */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[] | null;
  readonly volumes?: readonly Volume[] | null;
  readonly hostNetwork?: boolean;
  readonly os?: { readonly name?: string } | null;
  readonly securityContext?: { readonly runAsUser?: number; readonly [field: string]: unknown } | null;
  readonly [field: string]: unknown;
}

/** A container, an init container or a sidecar, by what could be in the proxy's way: its name, ports and user. */
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly ContainerPort[] | null;
  readonly securityContext?: { readonly runAsUser?: number; readonly [field: string]: unknown } | null;
  readonly [field: string]: unknown;
}

/** A port that a container says it listens on. It may listen on others: Kubernetes takes this for information. */
export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

/** A volume by its name, which no other one of the pod may have. */
export interface Volume {
  readonly name: string;
  readonly [field: string]: unknown;
}

/**
 * Checks that raw JSON has the shape that injection relies on.
 *
 * @returns the same object, or a sentence that names the first field that is wrong
 */
export function readPodTemplate(object: unknown): PodTemplate | string {
  if (!isObject(object)) return 'the pod is no object';
  const { metadata, spec } = object;
  if (metadata !== undefined && metadata !== null && !isObject(metadata)) return 'metadata is no object';
  for (const field of ['labels', 'annotations'] as const) {
    const texts = (metadata as Record<string, unknown> | null | undefined)?.[field];
    if (texts === undefined || texts === null) continue;
    if (!isObject(texts)) return `metadata.${field} is no object`;
    let octets = 0;
    for (const name in texts) {
      const value = texts[name];
      if (typeof value !== 'string') return `metadata.${field}["${name}"] is no text`;
      octets += name.length + value.length;
      if (field === 'annotations' && octets > MOST_ANNOTATIONS)
        return `metadata.annotations have more than the ${MOST_ANNOTATIONS} octets that an object may have of them`;
    }
  }
  if (!isObject(spec)) return 'spec is missing or no object';
  if (!Array.isArray(spec.containers)) return 'spec.containers is missing or no list';
  for (const field of ['containers', 'initContainers', 'volumes'] as const) {
    const fault = faultOfList(spec[field], `spec.${field}`);
    if (fault) return fault;
  }
  return object as unknown as PodTemplate;
}

/** Source: k8s.io/apimachinery, TotalAnnotationSizeLimitB. The API server asks before it looks at it. */
const MOST_ANNOTATIONS = 256 * 1024;

/** Containers of both kinds, init containers first. */
export function containersOf(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function faultOfList(value: unknown, path: string): string | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return `${path} is no list`;
  for (const [at, item] of value.entries()) {
    if (!isObject(item)) return `${path}[${at}] is no object`;
    if (typeof item.name !== 'string' || item.name === '') return `${path}[${at}].name is missing or no text`;
    const { ports } = item;
    if (ports === undefined || ports === null) continue;
    if (!Array.isArray(ports)) return `${path}[${at}].ports is no list`;
    const wrong = ports.findIndex((port) => !isObject(port) || typeof port.containerPort !== 'number');
    if (wrong !== -1) return `${path}[${at}].ports[${wrong}].containerPort is no number`;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
