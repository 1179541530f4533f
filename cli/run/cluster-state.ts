import { NODE_NAME } from './container-environment.ts';
import type { KubernetesObject } from './objects.ts';
import type { Plan, PlannedPod, PlannedService } from './plan.ts';

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

/** What a cluster's controllers would have written for these pods and Services: pods, ReplicaSets, EndpointSlices, addresses. Pure. */
export function clusterState(plan: Plan, isReady: (pod: PlannedPod) => boolean): KubernetesObject[] {
  return [
    ...replicaSets(plan.pods),
    ...plan.pods.map((pod) => podObject(pod, isReady(pod))),
    ...plan.services.map(withAddress),
    ...plan.services.flatMap((service) => endpointSlices(service, plan.pods, isReady)),
  ];
}

/** One of each Deployment, whatever the number of its pods. */
function replicaSets(pods: readonly PlannedPod[]): KubernetesObject[] {
  const owned = Map.groupBy(pods, (pod) => `${pod.namespace}/${pod.deployment}`);
  return [...owned.values()].map(([pod]) => replicaSet(pod!));
}

function replicaSet(pod: PlannedPod): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${pod.deployment}-local`,
      namespace: pod.namespace,
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: pod.deployment,
          uid: `deployment-${pod.deployment}`,
          controller: true,
        },
      ],
    } as KubernetesObject['metadata'],
  };
}

function podObject(pod: PlannedPod, ready: boolean): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      labels: pod.labels,
      annotations: pod.annotations,
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${pod.deployment}-local`,
          uid: `replicaset-${pod.deployment}`,
          controller: true,
        },
      ],
    } as KubernetesObject['metadata'],
    spec: {
      serviceAccountName: pod.serviceAccount,
      nodeName: NODE_NAME,
      containers: pod.containers.map(({ name, ports }) => ({
        name,
        ports: ports.map(({ name, port }) => ({ ...(name === '' ? {} : { name }), containerPort: port })),
      })),
    },
    status: {
      phase: 'Running',
      podIP: pod.ips[0],
      podIPs: pod.ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** Destination lays this over what the user wrote, so that an edit of the rest of a Service stays live. */
function withAddress({ object, name, namespace, clusterIp }: PlannedService): KubernetesObject {
  const { apiVersion, kind } = object;
  return { apiVersion, kind, metadata: { name, namespace }, spec: { clusterIP: clusterIp, clusterIPs: [clusterIp] } };
}

function endpointSlices(
  { object, name, namespace, clusterIp }: PlannedService,
  pods: readonly PlannedPod[],
  isReady: (pod: PlannedPod) => boolean,
): KubernetesObject[] {
  const { selector, ports = [] } = object.spec as { selector?: Record<string, string>; ports?: readonly ServicePort[] };
  if (!selector) return [];
  const chosen = pods.filter(
    (pod) => pod.namespace === namespace && Object.entries(selector).every(([key, value]) => pod.labels[key] === value),
  );
  return [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-local`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: ports.map((port) => ({
        name: port.name ?? '',
        port: targetPortOf(port, chosen),
        protocol: 'TCP',
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      })),
      endpoints: chosen.map((pod) => ({
        addresses: [pod.ips[0]],
        // A pod of a headless Service has a name of its own.
        ...(clusterIp === 'None' ? { hostname: pod.name } : {}),
        conditions: { ready: isReady(pod), serving: isReady(pod), terminating: false },
        targetRef: { kind: 'Pod', name: pod.name, namespace: pod.namespace, uid: pod.uid },
        nodeName: NODE_NAME,
      })),
    },
  ];
}

/** The number of a target port, which may be the name of a container's port; the Service's own unless it is given. */
function targetPortOf({ port, targetPort }: ServicePort, pods: readonly PlannedPod[]): number {
  if (typeof targetPort !== 'string') return targetPort ?? port;
  const ports = pods.flatMap(({ containers }) => containers.flatMap((container) => container.ports));
  return ports.find(({ name }) => name === targetPort)?.port ?? port;
}
