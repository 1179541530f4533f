import {
  CONTROL_NAMESPACE,
  CONTROL_NAMESPACE_LABEL,
  DEFAULT_INBOUND_POLICY_ANNOTATION,
  INJECT,
} from '../../api/names.ts';
import type { KubernetesObject } from './objects.ts';

/** A container as a local process. */
export interface PlannedContainer {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** User of the process; null: ours. */
  readonly uid: number | null;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/** A pod that is to run. */
export interface PlannedPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Deployment and ReplicaSet that own it. */
  readonly deployment: string;
  readonly containers: readonly PlannedContainer[];
  readonly isMeshed: boolean;
  /** Addresses, IPv4 and IPv6. */
  readonly ips: readonly [string, string];
}

/** A Service with the address that it was given. */
export interface PlannedService {
  readonly object: KubernetesObject;
  readonly namespace: string;
  readonly name: string;
  /** `None` for a headless one. */
  readonly clusterIp: string;
}

export interface Plan {
  readonly pods: readonly PlannedPod[];
  readonly services: readonly PlannedService[];
  readonly problems: readonly string[];
}

interface Container {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: unknown }[];
  readonly ports?: readonly { name?: string; containerPort: number }[];
  readonly securityContext?: { readonly runAsUser?: number };
}

/** Pod fields that a local process honours; any other is reported. */
const HONOURED_POD_FIELDS = new Set([
  'containers',
  'serviceAccountName',
  'securityContext',
  'terminationGracePeriodSeconds',
  'restartPolicy',
]);

/**
 * Decides what `weft run` starts for a set of manifests. Pure.
 *
 * A pod is its containers' commands; a container without one is refused, because an image cannot be run here.
 */
export function planRun(objects: readonly KubernetesObject[]): Plan {
  const problems: string[] = [];
  const pods: PlannedPod[] = [];
  const namespaces = new Map(
    objects.filter(({ kind }) => kind === 'Namespace').map((object) => [object.metadata.name, object]),
  );
  for (const deployment of objects.filter(({ kind }) => kind === 'Deployment')) {
    const { name, namespace = 'default' } = deployment.metadata;
    const spec = deployment.spec as {
      replicas?: number;
      template?: { metadata?: KubernetesObject['metadata']; spec?: Record<string, unknown> };
    };
    const podSpec = spec.template?.spec ?? {};
    const where = `Deployment ${namespace}/${name}`;
    for (const field of Object.keys(podSpec))
      if (!HONOURED_POD_FIELDS.has(field)) problems.push(`${where}: spec.template.spec.${field} has no effect here`);
    const containers = planContainers(
      (podSpec.containers ?? []) as readonly Container[],
      podSpec.securityContext as { runAsUser?: number } | undefined,
      where,
      problems,
    );
    if (!containers) continue;
    const labels = spec.template?.metadata?.labels ?? {};
    const annotations = spec.template?.metadata?.annotations ?? {};
    const isMeshed = isInjected(namespaces.get(namespace), labels, annotations);
    for (let i = 0; i < (spec.replicas ?? 1); i++) {
      const index = pods.length + FIRST_HOST;
      pods.push({
        name: `${name}-${i}`,
        namespace,
        uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
        serviceAccount: String(podSpec.serviceAccountName ?? 'default'),
        labels: isMeshed ? { ...labels, [CONTROL_NAMESPACE_LABEL]: CONTROL_NAMESPACE } : labels,
        annotations: { ...policyAnnotation(namespaces.get(namespace)), ...annotations },
        deployment: name,
        containers,
        isMeshed,
        ips: [`10.245.${index >> 8}.${index & 255}`, `fd45::${index.toString(16)}`],
      });
    }
  }
  let serviceIndex = FIRST_HOST;
  const services = objects
    .filter(({ kind }) => kind === 'Service')
    .map((object): PlannedService => {
      const written = (object.spec as { clusterIP?: string } | undefined)?.clusterIP;
      const clusterIp = written ?? `10.96.${serviceIndex >> 8}.${serviceIndex++ & 255}`;
      return { object, name: object.metadata.name, namespace: object.metadata.namespace ?? 'default', clusterIp };
    });
  return { pods, services, problems };
}

function planContainers(
  containers: readonly Container[],
  podContext: { runAsUser?: number } | undefined,
  where: string,
  problems: string[],
): PlannedContainer[] | null {
  const planned: PlannedContainer[] = [];
  for (const [i, container] of containers.entries()) {
    const field = `${where}: spec.template.spec.containers[${i}]`;
    if (!container.command || container.command.length === 0) {
      problems.push(
        `${field}.command is missing: without a cluster there are no images, so a container needs its command`,
      );
      return null;
    }
    const environment: Record<string, string> = {};
    for (const { name, value, valueFrom } of container.env ?? []) {
      if (valueFrom !== undefined) problems.push(`${field}.env ${name}: valueFrom has no effect here`);
      else environment[name] = value ?? '';
    }
    planned.push({
      name: container.name ?? `container-${i}`,
      command: [...container.command, ...(container.args ?? [])],
      environment,
      uid: container.securityContext?.runAsUser ?? podContext?.runAsUser ?? null,
      ports: (container.ports ?? []).map(({ name = '', containerPort }) => ({ name, port: containerPort })),
    });
  }
  return planned;
}

/** Without a cluster every pod is meshed unless it or its namespace says otherwise. */
function isInjected(
  namespace: KubernetesObject | undefined,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): boolean {
  const own = annotations[INJECT] ?? labels[INJECT];
  const inherited = namespace?.metadata.labels?.[INJECT] ?? namespace?.metadata.annotations?.[INJECT];
  return (own ?? inherited ?? 'enabled') !== 'disabled';
}

function policyAnnotation(namespace: KubernetesObject | undefined): Record<string, string> {
  const policy = namespace?.metadata.annotations?.[DEFAULT_INBOUND_POLICY_ANNOTATION];
  return policy === undefined ? {} : { [DEFAULT_INBOUND_POLICY_ANNOTATION]: policy };
}

/** .1 is the bridge, .2 to .9 are kept for the control plane. */
const FIRST_HOST = 10;
