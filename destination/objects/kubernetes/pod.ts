import {
  CAPTURE_ANNOTATION,
  CONTROL_NAMESPACE_LABEL,
  PROXY_CONTAINER,
  ROUTE_PROFILE_ANNOTATION,
} from '../../../api/names.ts';
import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import { fieldsOf, flagOf, listOf, portOf, textOf } from '../checked-fields.ts';
import type { Fields } from '../json.ts';
import { type RouteProfile, readRouteProfile } from '../linkerd/route-profile.ts';
import { type Meta, type Owner, readAnnotations, readMeta, readOwner } from '../meta.ts';
import { formatRef, refOf } from '../object-ref.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import { annotationPath, readSettings, type Settings } from './settings.ts';

/** What of a Pod decides: where it is, what it listens on, whether it has a proxy and what that is to do. */
export interface Pod extends Meta {
  readonly settings: Settings;
  readonly owner: Owner | null;
  /** One per address family; empty until the pod has a network. */
  readonly ips: readonly string[];
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`; empty where a manifest has none. */
  readonly phase: string;
  /** Empty until it has one. */
  readonly node: string;
  readonly isHostNetwork: boolean;
  readonly serviceAccount: string;
  /** TCP ports that the containers declare, without the proxy's own. */
  readonly ports: readonly ContainerPort[];
  /** Namespace of the control plane that the pod's proxy obeys; empty: it has no proxy of ours. */
  readonly controlNamespace: string;
  /** Whether the network of the pod leads no connection to its proxy, so that peers dial the proxy's own port. */
  readonly isUncaptured: boolean;
  /** The annotation on the pod itself, which its template gave it. */
  readonly routeProfile: RouteProfile | null;
}

/** A TCP port that a container declares. It may listen on others too. */
export interface ContainerPort {
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
}

/** Reads a v1 Pod. @throws MalformedObject */
export function readPod(raw: Fields, problems: Problem[]): Pod {
  const meta = readMeta(raw);
  const spec = fieldsOf(raw.spec, 'spec');
  const status = fieldsOf(raw.status, 'status');
  const annotations = readAnnotations(raw);
  return {
    ...meta,
    settings: readSettings(annotations, problems),
    owner: readOwner(raw),
    ips: readIps(status),
    phase: textOf(status.phase, 'status.phase'),
    node: textOf(spec.nodeName, 'spec.nodeName'),
    isHostNetwork: flagOf(spec.hostNetwork, 'spec.hostNetwork', false),
    serviceAccount: textOf(spec.serviceAccountName, 'spec.serviceAccountName') || 'default',
    ports: readPorts(spec),
    controlNamespace: meta.labels[CONTROL_NAMESPACE_LABEL] ?? '',
    isUncaptured: annotations[CAPTURE_ANNOTATION] === 'none',
    routeProfile: readOwnRouteProfile(annotations[ROUTE_PROFILE_ANNOTATION], meta, problems),
  };
}

/** A pod has to be known whatever its annotation says, so a wrong one is noted and left out. */
function readOwnRouteProfile(annotation: string | undefined, meta: Meta, problems: Problem[]): RouteProfile | null {
  try {
    const place = {
      origin: formatRef(refOf('Pod', meta)),
      path: annotationPath(ROUTE_PROFILE_ANNOTATION),
    };
    return readRouteProfile(annotation, place, problems);
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    problems.push(error.problem);
    return null;
  }
}

/** Whether the pod has ended: its address may already belong to another. */
export function isFinished(pod: Pod): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed';
}

function readIps(status: Fields): string[] {
  const list = listOf(status.podIPs, 'status.podIPs').map((entry, at) =>
    textOf(fieldsOf(entry, `status.podIPs[${at}]`).ip, `status.podIPs[${at}].ip`),
  );
  const ips = [textOf(status.podIP, 'status.podIP'), ...list].map(canonicalIp);
  return [...new Set(ips.filter((ip) => ip !== null))];
}

function readPorts(spec: Fields): ContainerPort[] {
  const containers = [
    ...listOf(spec.initContainers, 'spec.initContainers').map((container, at) => ({
      container,
      path: `spec.initContainers[${at}]`,
    })),
    ...listOf(spec.containers, 'spec.containers').map((container, at) => ({
      container,
      path: `spec.containers[${at}]`,
    })),
  ];
  return containers.flatMap(({ container, path }) => {
    const fields = fieldsOf(container, path);
    if (fields.name === PROXY_CONTAINER) return [];
    return listOf(fields.ports, `${path}.ports`).flatMap((entry, at) => readPort(entry, `${path}.ports[${at}]`));
  });
}

function readPort(raw: unknown, path: string): ContainerPort[] {
  const fields = fieldsOf(raw, path);
  if (textOf(fields.protocol, `${path}.protocol`, 'TCP') !== 'TCP') return [];
  return [{ name: textOf(fields.name, `${path}.name`), port: portOf(fields.containerPort, `${path}.containerPort`) }];
}
