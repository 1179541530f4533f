import { isIP } from 'node:net';
import { hostname } from 'node:os';

import { CONTROL_NAMESPACE, DEFAULT_CLUSTER_DOMAIN, DEFAULT_TRUST_DOMAIN } from '../api/names.ts';
import { CONTROL_ADMIN_PORT, WEBHOOK_PORT } from '../api/ports.ts';
import * as env from '../api/webhook-environment.ts';
import { Fault, type Kind, readEnvironment, setting } from '../core/config/environment.ts';
import { ADDRESS, DURATION, LIST, oneOf, TEXT } from '../core/config/setting-kinds.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';
import type { FamilySwitch } from './cluster/foreign-meshes.ts';
import { parseQuantityText } from './inject/option-value.ts';
import { DEFAULT_PROXY_RESOURCES, type ProxyResources } from './inject/settings.ts';

const SWITCH = oneOf(['auto', 'enabled', 'disabled'] as const);
/** null: none. */
const QUANTITY: Kind<string | null> = {
  name: 'Kubernetes quantity',
  parse(text) {
    if (text === '') return null;
    const value = parseQuantityText(text);
    return 'fault' in value ? new Fault(`"${text}" ${value.fault}`) : value.value;
  },
};

/** The environment of the webhook. */
export const SETTINGS = {
  listen: setting(
    env.ENV_LISTEN,
    ADDRESS,
    `[::]:${WEBHOOK_PORT}`,
    'Address of the reviews. Port 0: any free one, which the log line `ready` names.',
  ),
  adminListen: setting(
    env.ENV_ADMIN_LISTEN,
    ADDRESS,
    `[::]:${CONTROL_ADMIN_PORT}`,
    'Address of /live, /ready and /metrics, in plain HTTP.',
  ),
  controlNamespace: setting(
    env.ENV_CONTROL_NAMESPACE,
    TEXT,
    CONTROL_NAMESPACE,
    'Namespace of the control plane, whose own pods are never injected.',
  ),
  trustDomain: setting(env.ENV_TRUST_DOMAIN, TEXT, DEFAULT_TRUST_DOMAIN, 'Trust domain that proxies are given.'),
  clusterDomain: setting(env.ENV_CLUSTER_DOMAIN, TEXT, DEFAULT_CLUSTER_DOMAIN, 'DNS domain of the cluster.'),
  image: setting(env.ENV_IMAGE, TEXT, null, 'Image of proxy and init program, with its tag.'),
  imagePullPolicy: setting(
    env.ENV_IMAGE_PULL_POLICY,
    oneOf(['Always', 'IfNotPresent', 'Never'] as const),
    'IfNotPresent',
    'When the kubelet pulls that image.',
  ),
  nativeSidecar: setting(
    env.ENV_NATIVE_SIDECAR,
    SWITCH,
    'auto',
    'Whether the proxy is an init container that keeps running. `auto`: where the API server knows that.',
  ),
  istio: setting(
    env.ENV_ISTIO,
    SWITCH,
    'auto',
    "Whether Istio's labels count. `auto`: unless Istio's own injector is registered.",
  ),
  linkerd: setting(
    env.ENV_LINKERD,
    SWITCH,
    'auto',
    "Whether Linkerd's labels and annotations count. `auto`: unless Linkerd's own injector is registered.",
  ),
  cpuRequest: setting(
    env.ENV_PROXY_CPU_REQUEST,
    QUANTITY,
    DEFAULT_PROXY_RESOURCES.cpuRequest ?? '',
    "Proxy's CPU request.",
  ),
  cpuLimit: setting(
    env.ENV_PROXY_CPU_LIMIT,
    QUANTITY,
    DEFAULT_PROXY_RESOURCES.cpuLimit ?? '',
    "Proxy's CPU limit; none by default, because throttling stalls the application.",
  ),
  memoryRequest: setting(
    env.ENV_PROXY_MEMORY_REQUEST,
    QUANTITY,
    DEFAULT_PROXY_RESOURCES.memoryRequest ?? '',
    "Proxy's memory request.",
  ),
  memoryLimit: setting(
    env.ENV_PROXY_MEMORY_LIMIT,
    QUANTITY,
    DEFAULT_PROXY_RESOURCES.memoryLimit ?? '',
    "Proxy's memory limit.",
  ),
  proxyLogLevel: setting(env.ENV_PROXY_LOG_LEVEL, oneOf(LOG_LEVELS), 'info', 'Log level of proxies.'),
  extraNames: setting(
    env.ENV_EXTRA_NAMES,
    LIST,
    '',
    'Further DNS names and IP addresses that the webhook is reached by.',
  ),
  instance: setting(
    env.ENV_INSTANCE,
    TEXT,
    '',
    "Name of this replica in Events; unset: the host name, which is the pod's.",
  ),
  logLevel: setting(env.ENV_LOG_LEVEL, oneOf(LOG_LEVELS), 'info', 'The least that is logged.'),
  shutdownGrace: setting(env.ENV_SHUTDOWN_GRACE, DURATION, '10s', 'How long reviews under way may take after SIGTERM.'),
};

/** {@link SETTINGS} as the webhook uses them, with durations in milliseconds. */
export interface WebhookConfig {
  readonly listen: SocketAddress;
  readonly adminListen: SocketAddress;
  readonly controlNamespace: string;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly nativeSidecar: FamilySwitch;
  readonly families: { readonly istio: FamilySwitch; readonly linkerd: FamilySwitch };
  readonly resources: ProxyResources;
  readonly proxyLogLevel: LogLevel;
  readonly extraNames: { readonly dns: readonly string[]; readonly ips: readonly string[] };
  readonly instance: string;
  readonly logLevel: LogLevel;
  readonly shutdownGraceMs: number;
}

/**
 * Settings of the webhook.
 *
 * @throws ConfigError naming every variable that is wrong
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): WebhookConfig {
  const { istio, linkerd, cpuRequest, cpuLimit, memoryRequest, memoryLimit, extraNames, shutdownGrace, ...config } =
    readEnvironment(SETTINGS, variables);
  return Object.freeze({
    ...config,
    families: { istio, linkerd },
    resources: { cpuRequest, cpuLimit, memoryRequest, memoryLimit },
    extraNames: {
      dns: extraNames.filter((name) => isIP(name) === 0),
      ips: extraNames.filter((name) => isIP(name) !== 0),
    },
    instance: config.instance || hostname(),
    shutdownGraceMs: shutdownGrace,
  });
}
