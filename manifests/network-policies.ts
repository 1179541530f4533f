import { DESTINATION_SERVICE_ACCOUNT, IDENTITY_SERVICE_ACCOUNT, WEBHOOK_SERVICE_ACCOUNT } from '../api/names.ts';
import { CONTROL_ADMIN_PORT, DESTINATION_PORT, IDENTITY_PORT, WEBHOOK_PORT } from '../api/ports.ts';
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
    ...COMPONENTS.map(([name, port]) =>
      policy(name, { matchLabels: { 'app.kubernetes.io/name': name } }, [tcp(port, CONTROL_ADMIN_PORT)]),
    ),
  ];
}

const COMPONENTS = [
  [IDENTITY_SERVICE_ACCOUNT, IDENTITY_PORT],
  [DESTINATION_SERVICE_ACCOUNT, DESTINATION_PORT],
  [WEBHOOK_SERVICE_ACCOUNT, WEBHOOK_PORT],
] as const;
