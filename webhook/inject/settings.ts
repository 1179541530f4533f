import { CONTROL_NAMESPACE, DEFAULT_CLUSTER_DOMAIN, DEFAULT_TRUST_DOMAIN } from '../../api/names.ts';
import type { LogLevel } from '../../core/log/log.ts';

/** What injection is told by the operator; the same for every pod. */
export interface InjectSettings {
  /** Image of proxy and init program, with its tag. */
  readonly image: string;
  /** `Always`, `IfNotPresent` or `Never`. */
  readonly imagePullPolicy: string;
  readonly controlNamespace: string;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  /**
   * Whether the cluster runs init containers with `restartPolicy: Always` (by default since Kubernetes 1.29). Otherwise
   * the proxy is an ordinary container, started first and held until it is ready.
   */
  readonly nativeSidecar: boolean;
  /** Whose labels and annotations count besides Weft's own. */
  readonly families: ForeignFamilies;
  /** Which other meshes have an injector of their own here; null: not known. */
  readonly injectors: ForeignFamilies | null;
  readonly resources: ProxyResources;
  readonly logLevel: LogLevel;
}

/** Something of each other mesh: whether its labels and annotations count as Weft's own. */
export interface ForeignFamilies {
  readonly istio: boolean;
  readonly linkerd: boolean;
}

/** Kubernetes quantities; null: not set. */
export interface ProxyResources {
  readonly cpuRequest: string | null;
  readonly cpuLimit: string | null;
  readonly memoryRequest: string | null;
  readonly memoryLimit: string | null;
}

/**
 * Requests at what a proxy uses at a few hundred requests a second. No CPU limit: throttling a proxy stalls its
 * application (kubernetes issue 67577). The memory limit is a multiple of the published budget of 96 MiB.
 */
export const DEFAULT_PROXY_RESOURCES: ProxyResources = {
  cpuRequest: '50m',
  cpuLimit: null,
  memoryRequest: '64Mi',
  memoryLimit: '256Mi',
};

export const DEFAULT_INJECT_SETTINGS: Omit<InjectSettings, 'image'> = {
  imagePullPolicy: 'IfNotPresent',
  controlNamespace: CONTROL_NAMESPACE,
  trustDomain: DEFAULT_TRUST_DOMAIN,
  clusterDomain: DEFAULT_CLUSTER_DOMAIN,
  nativeSidecar: true,
  families: { istio: true, linkerd: true },
  injectors: null,
  resources: DEFAULT_PROXY_RESOURCES,
  logLevel: 'info',
};
