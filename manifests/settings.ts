import { CONTROL_NAMESPACE, DEFAULT_CLUSTER_DOMAIN, DEFAULT_TRUST_DOMAIN } from '../api/names.ts';

/** What an installation is rendered from. */
export interface InstallSettings {
  readonly namespace: string;
  /** Image of every program, with tag. */
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Replicas of each component; 3 spreads them and adds disruption budgets that matter. */
  readonly replicas: number;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  /** Lifetime of workload certificates, `24h`. */
  readonly issuanceLifetime: string;
  readonly version: string;
  /** Other meshes whose labels and annotations are followed beside Weft's own. */
  readonly families: { readonly istio: boolean; readonly linkerd: boolean };
  /** Whether the Prometheus operator is told what to scrape. */
  readonly podMonitors: boolean;
  /** Whether connections to the control plane are bounded to its ports. */
  readonly networkPolicies: boolean;
  /** Whether admission keeps the trust roots of namespaces from those who may write ConfigMaps there. Kubernetes 1.30. */
  readonly trustRootsPolicy: boolean;
}

export const DEFAULT_INSTALL_SETTINGS: InstallSettings = {
  namespace: CONTROL_NAMESPACE,
  image: 'localhost/weft/weft:0.1.0',
  imagePullPolicy: 'IfNotPresent',
  replicas: 1,
  trustDomain: DEFAULT_TRUST_DOMAIN,
  clusterDomain: DEFAULT_CLUSTER_DOMAIN,
  issuanceLifetime: '24h',
  version: '0.1.0',
  families: { istio: true, linkerd: true },
  podMonitors: false,
  networkPolicies: false,
  trustRootsPolicy: false,
};

/** A Kubernetes object to be applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Labels of every object of an installation (Kubernetes "Recommended Labels"). */
export function labels(settings: InstallSettings, component: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': component,
    'app.kubernetes.io/part-of': 'weft',
    'app.kubernetes.io/version': settings.version,
  };
}
