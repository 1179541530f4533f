import { type ImageProgram, imageCommand } from '../api/image.ts';
import {
  DESTINATION_SERVICE_ACCOUNT,
  IDENTITY_SERVICE_ACCOUNT,
  TOKEN_AUDIENCE,
  TRUST_ROOTS_CONFIG_MAP,
  TRUST_ROOTS_KEY,
  WEBHOOK_SERVICE_ACCOUNT,
} from '../api/names.ts';
import {
  CONTROL_ADMIN_PORT,
  DESTINATION_PORT,
  IDENTITY_PORT,
  WEBHOOK_PORT,
  WEBHOOK_SERVICE_PORT,
} from '../api/ports.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

interface Component {
  readonly name: string;
  readonly program: ImageProgram;
  readonly port: number;
  readonly servicePort: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly unknown[];
  readonly volumeMounts: readonly unknown[];
  readonly memory: { readonly request: string; readonly limit: string };
}

/** Namespace, Deployments, Services and disruption budgets of the control plane. */
export function controlPlane(settings: InstallSettings): Manifest[] {
  const { namespace } = settings;
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { ...labels(settings, 'weft'), 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
    ...components(settings).flatMap((component) => [
      deployment(settings, component),
      service(settings, component),
      disruptionBudget(settings, component),
    ]),
  ];
}

function components(settings: InstallSettings): Component[] {
  const { namespace, trustDomain, clusterDomain, issuanceLifetime } = settings;
  const roots = { name: 'trust-roots', configMap: { name: TRUST_ROOTS_CONFIG_MAP } };
  return [
    {
      name: IDENTITY_SERVICE_ACCOUNT,
      program: 'identity',
      port: IDENTITY_PORT,
      servicePort: IDENTITY_PORT,
      environment: {
        WEFT_IDENTITY_TRUST_DOMAIN: trustDomain,
        WEFT_IDENTITY_CONTROL_NAMESPACE: namespace,
        WEFT_IDENTITY_ISSUANCE_LIFETIME: issuanceLifetime,
      },
      volumes: [],
      volumeMounts: [],
      memory: { request: '96Mi', limit: '256Mi' },
    },
    {
      name: DESTINATION_SERVICE_ACCOUNT,
      program: 'destination',
      port: DESTINATION_PORT,
      servicePort: DESTINATION_PORT,
      environment: {
        WEFT_DESTINATION_TRUST_DOMAIN: trustDomain,
        WEFT_DESTINATION_CONTROL_NAMESPACE: namespace,
        WEFT_DESTINATION_CLUSTER_DOMAIN: clusterDomain,
        WEFT_DESTINATION_IDENTITY_ADDRESS: `${IDENTITY_SERVICE_ACCOUNT}.${namespace}.svc.${clusterDomain}:${IDENTITY_PORT}`,
        WEFT_DESTINATION_TRUST_BUNDLE_FILE: `/var/run/weft/roots/${TRUST_ROOTS_KEY}`,
        WEFT_DESTINATION_TOKEN_FILE: '/var/run/secrets/weft.dev/token/token',
      },
      // Identity makes the roots at its first start: until then this pod waits for the volume.
      volumes: [
        roots,
        {
          name: 'token',
          projected: {
            sources: [{ serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: 86_400, path: 'token' } }],
          },
        },
      ],
      volumeMounts: [
        { name: 'trust-roots', mountPath: '/var/run/weft/roots', readOnly: true },
        { name: 'token', mountPath: '/var/run/secrets/weft.dev/token', readOnly: true },
      ],
      memory: { request: '128Mi', limit: '512Mi' },
    },
    {
      name: WEBHOOK_SERVICE_ACCOUNT,
      program: 'webhook',
      port: WEBHOOK_PORT,
      servicePort: WEBHOOK_SERVICE_PORT,
      environment: {
        WEFT_WEBHOOK_CONTROL_NAMESPACE: namespace,
        WEFT_WEBHOOK_TRUST_DOMAIN: trustDomain,
        WEFT_WEBHOOK_CLUSTER_DOMAIN: clusterDomain,
        WEFT_WEBHOOK_IMAGE: settings.image,
        WEFT_WEBHOOK_IMAGE_PULL_POLICY: settings.imagePullPolicy,
      },
      volumes: [],
      volumeMounts: [],
      memory: { request: '96Mi', limit: '256Mi' },
    },
  ];
}

function deployment(settings: InstallSettings, component: Component): Manifest {
  const { namespace, image, imagePullPolicy, replicas } = settings;
  const common = labels(settings, component.name);
  const selector = { 'app.kubernetes.io/name': component.name };
  const probe = (path: string) => ({ httpGet: { path, port: CONTROL_ADMIN_PORT } });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: component.name, namespace, labels: common },
    spec: {
      replicas,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: common, annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' } },
        spec: {
          serviceAccountName: component.name,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            runAsGroup: 65_532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: selector },
            },
          ],
          containers: [
            {
              name: component.program,
              image,
              imagePullPolicy,
              command: imageCommand(component.program),
              env: Object.entries(component.environment).map(([name, value]) => ({ name, value })),
              ports: [
                { name: 'https', containerPort: component.port },
                { name: 'admin', containerPort: CONTROL_ADMIN_PORT },
              ],
              startupProbe: { ...probe('/ready'), periodSeconds: 1, failureThreshold: 120 },
              livenessProbe: { ...probe('/live'), periodSeconds: 10, timeoutSeconds: 3 },
              readinessProbe: { ...probe('/ready'), periodSeconds: 2, timeoutSeconds: 3 },
              resources: {
                requests: { cpu: '50m', memory: component.memory.request },
                limits: { memory: component.memory.limit },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              ...(component.volumeMounts.length > 0 ? { volumeMounts: component.volumeMounts } : {}),
            },
          ],
          ...(component.volumes.length > 0 ? { volumes: component.volumes } : {}),
        },
      },
    },
  };
}

function service(settings: InstallSettings, component: Component): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: component.name, namespace: settings.namespace, labels: labels(settings, component.name) },
    spec: {
      selector: { 'app.kubernetes.io/name': component.name },
      ports: [{ name: 'https', port: component.servicePort, targetPort: component.port }],
    },
  };
}

function disruptionBudget(settings: InstallSettings, component: Component): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: component.name, namespace: settings.namespace, labels: labels(settings, component.name) },
    spec: { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': component.name } } },
  };
}
