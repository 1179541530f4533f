import { CONTROL_ADMIN_PORT } from '../api/ports.ts';
import { components } from './control-plane.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

/**
 * What reaches the control plane: each component by its own port, and the port of metrics and probes. Who asks identity,
 * destination and webhook proves himself there; the API server that calls the webhook is no pod, and no policy can name it.
 *
 * Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function networkPolicies(settings: InstallSettings): Manifest[] {
  const { namespace } = settings;
  const policy = (name: string, podSelector: object, ingress: readonly object[]): Manifest => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: labels(settings, name) },
    spec: { podSelector, policyTypes: ['Ingress'], ingress },
  });
  const tcp = (...ports: readonly number[]) => ({ ports: ports.map((port) => ({ protocol: 'TCP', port })) });
  return [
    policy('weft-default', {}, []),
    ...components(settings).map(({ name, port }) =>
      policy(name, { matchLabels: { 'app.kubernetes.io/name': name } }, [tcp(port, CONTROL_ADMIN_PORT)]),
    ),
  ];
}
