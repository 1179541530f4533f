import {
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_OPAQUE_PORTS,
  TRUST_ROOTS_CONFIG_MAP,
  TRUST_ROOTS_KEY,
} from '../../api/names.ts';
import { DESTINATION_PORT, IDENTITY_PORT } from '../../api/ports.ts';
import * as env from '../../api/proxy-environment.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import type { PodOptions } from './pod-options.ts';
import { containersOf, type PodTemplate } from './pod-template.ts';
import { probePathsOf } from './probe-paths.ts';
import type { InjectSettings } from './settings.ts';

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

/** The proxy's environment; what is left out has the default that proxy/config.ts gives it. */
export function proxyEnvironment(pod: PodTemplate, options: PodOptions, settings: InjectSettings): EnvVar[] {
  const { controlNamespace, trustDomain, clusterDomain } = settings;
  // The dot at the end keeps the resolver from walking through the pod's search list first.
  const service = (name: string, port: number) => `${name}.${controlNamespace}.svc.${clusterDomain}.:${port}`;
  const application = containersOf(pod.spec);
  const probePaths = probePathsOf(application);
  return [
    field(env.ENV_POD_NAME, 'metadata.name'),
    field(env.ENV_POD_NAMESPACE, 'metadata.namespace'),
    field(env.ENV_POD_UID, 'metadata.uid'),
    field(env.ENV_POD_SERVICE_ACCOUNT, 'spec.serviceAccountName'),
    field(env.ENV_POD_IPS, 'status.podIPs'),
    { name: env.ENV_TRUST_DOMAIN, value: trustDomain },
    { name: env.ENV_CONTROL_NAMESPACE, value: controlNamespace },
    { name: env.ENV_CLUSTER_DOMAIN, value: clusterDomain },
    { name: env.ENV_IDENTITY_ADDRESS, value: service('weft-identity', IDENTITY_PORT) },
    { name: env.ENV_DESTINATION_ADDRESS, value: service('weft-destination', DESTINATION_PORT) },
    { name: env.ENV_TOKEN_FILE, value: env.TOKEN_FILE },
    TRUST_ROOTS,
    { name: env.ENV_TRUST_BUNDLE_FILE, value: env.TRUST_BUNDLE_FILE },
    {
      name: env.ENV_DEFAULT_INBOUND_POLICY,
      value: options.defaultInboundPolicy ?? DEFAULT_INBOUND_POLICIES[0],
    },
    { name: env.ENV_OPAQUE_PORTS, value: opaquePorts(options.opaquePorts ?? DEFAULT_OPAQUE_PORTS, pod) },
    ...(Object.keys(probePaths).length > 0 ? [{ name: env.ENV_PROBE_PATHS, value: JSON.stringify(probePaths) }] : []),
    { name: env.ENV_LOG_LEVEL, value: options.logLevel ?? settings.logLevel },
    ...optional(env.ENV_INGRESS, options.isIngress ? 'enabled' : undefined),
    ...optional(env.ENV_HALF_CLOSED_PORTS, options.halfClosedPorts),
    ...optional(env.ENV_DISCOVERY_FAILURE_POLICY, options.discoveryFailurePolicy),
    ...optional(env.ENV_SHUTDOWN_GRACE, options.shutdownGrace),
    ...optional(env.ENV_ADMIN_SHUTDOWN, options.adminShutdown),
    ...optional(env.ENV_OUTBOUND_CONNECT_TIMEOUT, options.outboundConnectTimeout),
    ...optional(env.ENV_INBOUND_CONNECT_TIMEOUT, options.inboundConnectTimeout),
  ];
}

/**
 * The roots come from the ConfigMap of the pod's own namespace, and the pod must have them: the kubelet holds the
 * container back and tries again until identity has published them there. With `optional: true` the proxy would start
 * without roots and could never trust identity; written out here, a restarted container would come back with roots that
 * have been replaced since.
 */
const TRUST_ROOTS: EnvVar = {
  name: env.ENV_TRUST_ROOTS,
  valueFrom: { configMapKeyRef: { name: TRUST_ROOTS_CONFIG_MAP, key: TRUST_ROOTS_KEY, optional: false } },
};

/** Source: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/ */
function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function optional(name: string, value: string | undefined): EnvVar[] {
  return value === undefined ? [] : [{ name, value }];
}

/** Numbers and ranges; names stand for the ports that containers declare under them, and none where none does. */
function opaquePorts(text: string, pod: PodTemplate): string {
  const byName = new Map<string, number[]>();
  for (const { name, containerPort } of containersOf(pod.spec).flatMap(({ ports }) => ports ?? [])) {
    if (name === undefined) continue;
    const declared = byName.get(name);
    if (declared) declared.push(containerPort);
    else byName.set(name, [containerPort]);
  }
  return [...new Set(text.split(','))]
    .flatMap((entry) => (typeof PortRanges.parse(entry) === 'string' ? (byName.get(entry) ?? []).map(String) : [entry]))
    .join(',');
}
