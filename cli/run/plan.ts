import {
  CONTROL_NAMESPACE,
  CONTROL_NAMESPACE_LABEL,
  DEFAULT_INBOUND_POLICY_ANNOTATION,
  INJECT,
} from '../../api/names.ts';
import type { Addressing, PodIps } from './addressing.ts';
import { containerEnvironment, type EnvEntry, expand, type PodFacts } from './container-environment.ts';
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
  /** Inbound policy of its own or its namespace's annotation, in force before destination has spoken; empty: neither. */
  readonly initialPolicy: string;
  readonly ips: PodIps;
}

/** A Service with the address that it was given. */
export interface PlannedService {
  readonly object: KubernetesObject;
  readonly namespace: string;
  readonly name: string;
  /** `None` for a headless one. */
  readonly clusterIp: string;
}

/**
 * What `weft run` starts, in the order of the manifests, and a sentence for each thing in them that has no effect or
 * cannot run.
 */
export interface Plan {
  readonly pods: readonly PlannedPod[];
  readonly services: readonly PlannedService[];
  readonly problems: readonly string[];
}

interface Container {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvEntry[];
  readonly ports?: readonly { name?: string; containerPort: number }[];
  readonly securityContext?: { readonly runAsUser?: number };
}

/** Fields of pods and containers that a local process honours; any other is reported. */
const HONOURED_POD_FIELDS = new Set([
  'containers',
  'serviceAccountName',
  'securityContext',
  'terminationGracePeriodSeconds',
  'restartPolicy',
]);
const HONOURED_CONTAINER_FIELDS = new Set([
  'name',
  'image',
  'imagePullPolicy',
  'command',
  'args',
  'env',
  'ports',
  'securityContext',
]);

/**
 * Decides what `weft run` starts for a set of manifests. Pure.
 *
 * A pod is its containers' commands; a container without one is refused, because an image cannot be run here.
 */
export function planRun(objects: readonly KubernetesObject[], addressing: Addressing): Plan {
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
    const containers = (podSpec.containers ?? []) as readonly Container[];
    const faults = faultsOf(containers, where);
    problems.push(...faults.reported);
    if (faults.refused !== '') {
      problems.push(faults.refused);
      continue;
    }
    const labels = spec.template?.metadata?.labels ?? {};
    const annotations = spec.template?.metadata?.annotations ?? {};
    const isMeshed = isInjected(namespaces.get(namespace), labels, annotations);
    for (let i = 0; i < (spec.replicas ?? 1); i++) {
      const facts: PodFacts = {
        name: `${name}-${i}`,
        namespace,
        uid: `00000000-0000-4000-8000-${String(pods.length + 1).padStart(12, '0')}`,
        serviceAccount: String(podSpec.serviceAccountName ?? 'default'),
        labels: isMeshed ? { ...labels, [CONTROL_NAMESPACE_LABEL]: CONTROL_NAMESPACE } : labels,
        annotations: {
          ...annotations,
          ...(isMeshed ? addressing.podAnnotations : {}),
        },
        ips: addressing.podIps(pods.length),
        hostIp: addressing.controlHost,
      };
      const podUid = (podSpec.securityContext as { runAsUser?: number } | undefined)?.runAsUser ?? null;
      pods.push({
        ...facts,
        deployment: name,
        containers: containers.map((container, at) =>
          planContainer(container, at, podUid, facts, (text) => {
            if (i === 0) problems.push(`${where}: spec.template.spec.${text}`);
          }),
        ),
        isMeshed,
        initialPolicy:
          annotations[DEFAULT_INBOUND_POLICY_ANNOTATION] ??
          namespaces.get(namespace)?.metadata.annotations?.[DEFAULT_INBOUND_POLICY_ANNOTATION] ??
          '',
      });
    }
  }
  let serviceIndex = FIRST_SERVICE;
  const services = objects
    .filter(({ kind }) => kind === 'Service')
    .map((object): PlannedService => {
      const written = (object.spec as { clusterIP?: string } | undefined)?.clusterIP;
      const clusterIp = written ?? `10.96.${serviceIndex >> 8}.${serviceIndex++ & 255}`;
      return { object, name: object.metadata.name, namespace: object.metadata.namespace ?? 'default', clusterIp };
    });
  return { pods, services, problems };
}

/** What of a Deployment's containers has no effect, and why it cannot run; empty: it can. */
function faultsOf(containers: readonly Container[], where: string): { reported: string[]; refused: string } {
  const field = (i: number) => `${where}: spec.template.spec.containers[${i}]`;
  const without = containers.findIndex(({ command = [] }) => command.length === 0);
  return {
    reported: containers.flatMap((container, i) =>
      Object.keys(container)
        .filter((name) => !HONOURED_CONTAINER_FIELDS.has(name))
        .map((name) => `${field(i)}.${name} has no effect here`),
    ),
    refused:
      without < 0
        ? ''
        : `${field(without)}.command is missing: without a cluster there are no images, so a container needs its command`,
  };
}

function planContainer(
  container: Container,
  index: number,
  podUid: number | null,
  pod: PodFacts,
  complain: (text: string) => void,
): PlannedContainer {
  const { name = `container-${index}`, command = [], args = [], env = [], ports = [], securityContext } = container;
  const environment = containerEnvironment(env, pod, (variable, problem) =>
    complain(`containers[${index}].env ${variable}: ${problem}`),
  );
  return {
    name,
    command: [...command, ...args].map((word) => expand(word, environment)),
    environment: { ...environment, POD_NAME: pod.name, POD_NAMESPACE: pod.namespace, POD_IP: pod.ips[0] },
    uid: securityContext?.runAsUser ?? podUid,
    ports: ports.map(({ name: portName = '', containerPort }) => ({ name: portName, port: containerPort })),
  };
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

/** Lower addresses of the Services' network are kept, as clusters keep them for those that are created by address. */
const FIRST_SERVICE = 10;
