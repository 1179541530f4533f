import { CONTROL_NAMESPACE_LABEL } from '../api/names.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

/** A rule that gives a series a label of its pod. */
export interface Relabelling {
  readonly sourceLabels: readonly string[];
  readonly regex: string;
  readonly targetLabel: string;
}

const CONTROLLER = ['__meta_kubernetes_pod_controller_kind', '__meta_kubernetes_pod_controller_name'];
/** A Deployment's ReplicaSet has its name, a dash and a hash. */
const OF_DEPLOYMENT = 'ReplicaSet;(.+)-[^-]+';

/**
 * Labels of the workload that a pod belongs to: `workload`, and under Linkerd's names `deployment`, `statefulset`,
 * `daemonset` and `k8s_job`, so that its dashboards work. A pod of its own is its workload.
 *
 * Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
 */
export const WORKLOAD_LABELS: readonly Relabelling[] = [
  { sourceLabels: ['__meta_kubernetes_pod_name'], regex: '(.+)', targetLabel: 'workload' },
  { sourceLabels: CONTROLLER, regex: '[^;]+;(.+)', targetLabel: 'workload' },
  { sourceLabels: CONTROLLER, regex: OF_DEPLOYMENT, targetLabel: 'workload' },
  { sourceLabels: CONTROLLER, regex: OF_DEPLOYMENT, targetLabel: 'deployment' },
  { sourceLabels: CONTROLLER, regex: 'StatefulSet;(.+)', targetLabel: 'statefulset' },
  { sourceLabels: CONTROLLER, regex: 'DaemonSet;(.+)', targetLabel: 'daemonset' },
  { sourceLabels: CONTROLLER, regex: 'Job;(.+)', targetLabel: 'k8s_job' },
];

/**
 * What the Prometheus operator scrapes of a mesh: every proxy of every namespace, and the control plane. The operator adds
 * `namespace`, `pod` and `container`, and passes over pods that have ended.
 *
 * Source: https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PodMonitor
 */
export function podMonitors(settings: InstallSettings): Manifest[] {
  const { namespace } = settings;
  return [
    podMonitor(settings, 'weft-proxy', 'weft-admin', {
      namespaceSelector: { any: true },
      selector: { matchLabels: { [CONTROL_NAMESPACE_LABEL]: namespace } },
    }),
    podMonitor(settings, 'weft-control-plane', 'admin', {
      namespaceSelector: { matchNames: [namespace] },
      selector: { matchLabels: { 'app.kubernetes.io/part-of': 'weft' } },
    }),
  ];
}

/** @param port name of the containers' port */
function podMonitor(settings: InstallSettings, name: string, port: string, pods: object): Manifest {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: { name, namespace: settings.namespace, labels: labels(settings, name) },
    spec: {
      ...pods,
      podMetricsEndpoints: [{ port, relabelings: [{ targetLabel: 'job', replacement: name }, ...WORKLOAD_LABELS] }],
    },
  };
}
