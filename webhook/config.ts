import { isIP } from 'node:net';
import { hostname } from 'node:os';

import { CONTROL_NAMESPACE, DEFAULT_CLUSTER_DOMAIN, DEFAULT_TRUST_DOMAIN } from '../api/names.ts';
import { CONTROL_ADMIN_PORT, WEBHOOK_PORT } from '../api/ports.ts';
import { Environment } from '../core/config/environment.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';
import type { FamilySwitch } from './cluster/foreign-meshes.ts';
import { parseQuantity } from './inject/option-value.ts';
import { DEFAULT_PROXY_RESOURCES, type ProxyResources } from './inject/settings.ts';

/** `host:port` of the reviews. Port 0: any free one, which the log line `ready` names. Default `[::]:10250`. */
export const ENV_LISTEN = 'WEFT_WEBHOOK_LISTEN';
/** `host:port` of /live, /ready and /metrics, in plain HTTP. Default `[::]:9990`. */
export const ENV_ADMIN_LISTEN = 'WEFT_WEBHOOK_ADMIN_LISTEN';
/** Namespace of the control plane, whose own pods are never injected. Default `weft`. */
export const ENV_CONTROL_NAMESPACE = 'WEFT_WEBHOOK_CONTROL_NAMESPACE';
/** Trust domain that proxies are given. Default `cluster.local`. */
export const ENV_TRUST_DOMAIN = 'WEFT_WEBHOOK_TRUST_DOMAIN';
/** DNS domain of the cluster. Default `cluster.local`. */
export const ENV_CLUSTER_DOMAIN = 'WEFT_WEBHOOK_CLUSTER_DOMAIN';
/** Image of proxy and init program, with its tag. Required. */
export const ENV_IMAGE = 'WEFT_WEBHOOK_IMAGE';
/** `Always`, `IfNotPresent` or `Never`. Default `IfNotPresent`. */
export const ENV_IMAGE_PULL_POLICY = 'WEFT_WEBHOOK_IMAGE_PULL_POLICY';
/** Whether the proxy is an init container that keeps running. `auto` (default): where the API server knows that. */
export const ENV_NATIVE_SIDECAR = 'WEFT_WEBHOOK_NATIVE_SIDECAR';
/** Whether Istio's labels count. `auto` (default): unless Istio's own injector is registered. */
export const ENV_ISTIO = 'WEFT_WEBHOOK_ISTIO';
/** Whether Linkerd's labels and annotations count. `auto` (default): unless Linkerd's own injector is registered. */
export const ENV_LINKERD = 'WEFT_WEBHOOK_LINKERD';
/** Proxy's CPU request, Kubernetes quantity. Default `50m`. */
export const ENV_PROXY_CPU_REQUEST = 'WEFT_WEBHOOK_PROXY_CPU_REQUEST';
/** Proxy's CPU limit. Default: none, because throttling stalls the application. */
export const ENV_PROXY_CPU_LIMIT = 'WEFT_WEBHOOK_PROXY_CPU_LIMIT';
/** Proxy's memory request. Default `64Mi`. */
export const ENV_PROXY_MEMORY_REQUEST = 'WEFT_WEBHOOK_PROXY_MEMORY_REQUEST';
/** Proxy's memory limit. Default `256Mi`. */
export const ENV_PROXY_MEMORY_LIMIT = 'WEFT_WEBHOOK_PROXY_MEMORY_LIMIT';
/** Log level of proxies. Default info. */
export const ENV_PROXY_LOG_LEVEL = 'WEFT_WEBHOOK_PROXY_LOG_LEVEL';
/** Comma list of further DNS names and IP addresses that the webhook is reached by. Default none. */
export const ENV_EXTRA_NAMES = 'WEFT_WEBHOOK_EXTRA_NAMES';
/** Name of this replica in Events. Default: the host name, which is the pod's. */
export const ENV_INSTANCE = 'WEFT_WEBHOOK_INSTANCE';
/** trace, debug, info, warn, error or silent. Default info. */
export const ENV_LOG_LEVEL = 'WEFT_WEBHOOK_LOG_LEVEL';
/** How long reviews under way may take after SIGTERM. Default 10s. */
export const ENV_SHUTDOWN_GRACE = 'WEFT_WEBHOOK_SHUTDOWN_GRACE';

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
  const environment = new Environment(variables);
  const extraNames = environment.list(ENV_EXTRA_NAMES);
  const config: WebhookConfig = {
    listen: environment.address(ENV_LISTEN, `[::]:${WEBHOOK_PORT}`),
    adminListen: environment.address(ENV_ADMIN_LISTEN, `[::]:${CONTROL_ADMIN_PORT}`),
    controlNamespace: environment.text(ENV_CONTROL_NAMESPACE, CONTROL_NAMESPACE),
    trustDomain: environment.text(ENV_TRUST_DOMAIN, DEFAULT_TRUST_DOMAIN),
    clusterDomain: environment.text(ENV_CLUSTER_DOMAIN, DEFAULT_CLUSTER_DOMAIN),
    image: environment.text(ENV_IMAGE),
    imagePullPolicy: environment.oneOf(ENV_IMAGE_PULL_POLICY, PULL_POLICIES, 'IfNotPresent'),
    nativeSidecar: environment.oneOf(ENV_NATIVE_SIDECAR, SWITCHES, 'auto'),
    families: {
      istio: environment.oneOf(ENV_ISTIO, SWITCHES, 'auto'),
      linkerd: environment.oneOf(ENV_LINKERD, SWITCHES, 'auto'),
    },
    resources: {
      cpuRequest: readQuantity(environment, ENV_PROXY_CPU_REQUEST, DEFAULT_PROXY_RESOURCES.cpuRequest),
      cpuLimit: readQuantity(environment, ENV_PROXY_CPU_LIMIT, DEFAULT_PROXY_RESOURCES.cpuLimit),
      memoryRequest: readQuantity(environment, ENV_PROXY_MEMORY_REQUEST, DEFAULT_PROXY_RESOURCES.memoryRequest),
      memoryLimit: readQuantity(environment, ENV_PROXY_MEMORY_LIMIT, DEFAULT_PROXY_RESOURCES.memoryLimit),
    },
    proxyLogLevel: environment.oneOf(ENV_PROXY_LOG_LEVEL, LOG_LEVELS, 'info'),
    extraNames: {
      dns: extraNames.filter((name) => isIP(name) === 0),
      ips: extraNames.filter((name) => isIP(name) !== 0),
    },
    instance: environment.text(ENV_INSTANCE, hostname()),
    logLevel: environment.oneOf(ENV_LOG_LEVEL, LOG_LEVELS, 'info'),
    shutdownGraceMs: environment.duration(ENV_SHUTDOWN_GRACE, 10_000),
  };
  environment.check();
  return Object.freeze(config);
}

function readQuantity(environment: Environment, name: string, fallback: string | null): string | null {
  const text = environment.text(name, fallback ?? '');
  if (text === '') return null;
  const value = parseQuantity(text);
  if ('fault' in value) environment.problem(name, `"${text}" ${value.fault}`);
  return text;
}

const SWITCHES = ['auto', 'enabled', 'disabled'] as const;
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;
