import * as destinationEnv from '../api/destination-environment.ts';
import * as identityEnv from '../api/identity-environment.ts';
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
import { TOKEN_DIRECTORY, TOKEN_FILE } from '../api/proxy-environment.ts';
import * as webhookEnv from '../api/webhook-environment.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

/** A program of the control plane, and how it is run. */
export interface Component {
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

/** The programs of the control plane. */
export function components(settings: InstallSettings): Component[] {
  const { namespace, trustDomain, clusterDomain, issuanceLifetime, families } = settings;
  const roots = { name: 'trust-roots', configMap: { name: TRUST_ROOTS_CONFIG_MAP } };
  return [
    {
      name: IDENTITY_SERVICE_ACCOUNT,
      program: 'identity',
      port: IDENTITY_PORT,
      servicePort: IDENTITY_PORT,
      environment: {
        [identityEnv.ENV_TRUST_DOMAIN]: trustDomain,
        [identityEnv.ENV_CONTROL_NAMESPACE]: namespace,
        [identityEnv.ENV_ISSUANCE_LIFETIME]: issuanceLifetime,
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
        [destinationEnv.ENV_TRUST_DOMAIN]: trustDomain,
        [destinationEnv.ENV_CONTROL_NAMESPACE]: namespace,
        [destinationEnv.ENV_CLUSTER_DOMAIN]: clusterDomain,
        [destinationEnv.ENV_IDENTITY_ADDRESS]: `${IDENTITY_SERVICE_ACCOUNT}.${namespace}.svc.${clusterDomain}:${IDENTITY_PORT}`,
        [destinationEnv.ENV_TRUST_BUNDLE_FILE]: `${ROOTS_DIRECTORY}/${TRUST_ROOTS_KEY}`,
        [destinationEnv.ENV_TOKEN_FILE]: TOKEN_FILE,
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
        { name: 'trust-roots', mountPath: ROOTS_DIRECTORY, readOnly: true },
        { name: 'token', mountPath: TOKEN_DIRECTORY, readOnly: true },
      ],
      memory: { request: '128Mi', limit: '512Mi' },
    },
    {
      name: WEBHOOK_SERVICE_ACCOUNT,
      program: 'webhook',
      port: WEBHOOK_PORT,
      servicePort: WEBHOOK_SERVICE_PORT,
      environment: {
        [webhookEnv.ENV_CONTROL_NAMESPACE]: namespace,
        [webhookEnv.ENV_TRUST_DOMAIN]: trustDomain,
        [webhookEnv.ENV_CLUSTER_DOMAIN]: clusterDomain,
        [webhookEnv.ENV_IMAGE]: settings.image,
        [webhookEnv.ENV_IMAGE_PULL_POLICY]: settings.imagePullPolicy,
        ...(families.istio ? {} : { [webhookEnv.ENV_ISTIO]: 'disabled' }),
        ...(families.linkerd ? {} : { [webhookEnv.ENV_LINKERD]: 'disabled' }),
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

const ROOTS_DIRECTORY = '/var/run/weft/roots';
