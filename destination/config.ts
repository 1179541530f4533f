import {
  CONTROL_NAMESPACE,
  DEFAULT_CLUSTER_DOMAIN,
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_TRUST_DOMAIN,
  IDENTITY_SERVICE_ACCOUNT,
} from '../api/names.ts';
import { CONTROL_ADMIN_PORT, DESTINATION_PORT, IDENTITY_PORT } from '../api/ports.ts';
import { Environment } from '../core/config/environment.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { canonicalIp } from '../core/kubernetes/ip-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';
import type { MeshDomain } from './translate/mesh-domain.ts';

/** Where the state comes from: `kubernetes` (default) or `folder`. */
export const ENV_SOURCE = 'WEFT_DESTINATION_SOURCE';
/** Comma list of folders of manifests, a later one laid over an earlier one; needed by the source `folder` alone. */
export const ENV_FOLDERS = 'WEFT_DESTINATION_FOLDERS';
/** `host:port` of the watch; port 0 lets the system choose. */
export const ENV_LISTEN = 'WEFT_DESTINATION_LISTEN';
/** `host:port` of health and metrics. */
export const ENV_ADMIN_LISTEN = 'WEFT_DESTINATION_ADMIN_LISTEN';
/** PEM file of the roots to trust, read again when it changes and passed on to every proxy. */
export const ENV_TRUST_BUNDLE_FILE = 'WEFT_DESTINATION_TRUST_BUNDLE_FILE';
/** File of the service-account token shown to identity, read again at every renewal. */
export const ENV_TOKEN_FILE = 'WEFT_DESTINATION_TOKEN_FILE';
/** `host:port` of identity. */
export const ENV_IDENTITY_ADDRESS = 'WEFT_DESTINATION_IDENTITY_ADDRESS';
export const ENV_TRUST_DOMAIN = 'WEFT_DESTINATION_TRUST_DOMAIN';
export const ENV_CLUSTER_DOMAIN = 'WEFT_DESTINATION_CLUSTER_DOMAIN';
export const ENV_CONTROL_NAMESPACE = 'WEFT_DESTINATION_CONTROL_NAMESPACE';
/** Comma list of CIDRs that count as the cluster for the policies `cluster-authenticated` and `cluster-unauthenticated`. */
export const ENV_CLUSTER_NETWORKS = 'WEFT_DESTINATION_CLUSTER_NETWORKS';
/** Policy of pods that neither they nor their namespace give one. */
export const ENV_DEFAULT_INBOUND_POLICY = 'WEFT_DESTINATION_DEFAULT_INBOUND_POLICY';
/** Time over which streams are ended after SIGTERM; 0 ends them at once. */
export const ENV_DRAIN = 'WEFT_DESTINATION_DRAIN';
export const ENV_LOG_LEVEL = 'WEFT_DESTINATION_LOG_LEVEL';

/** Private and carrier-grade networks (RFC 1918, RFC 6598, RFC 4193), which is where clusters are; Linkerd's default. */
export const DEFAULT_CLUSTER_NETWORKS = '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8';
/** Half of the 30 s that the kubelet grants before it kills, less a margin for slow ends. */
export const DEFAULT_DRAIN_MS = 10_000;

export interface DestinationConfig {
  readonly source: 'kubernetes' | 'folder';
  readonly folders: readonly string[];
  readonly listen: SocketAddress;
  readonly adminListen: SocketAddress;
  readonly trustBundleFile: string;
  readonly tokenFile: string;
  readonly identity: SocketAddress;
  readonly domain: MeshDomain;
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

/** @throws ConfigError naming every variable that is wrong */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): DestinationConfig {
  const environment = new Environment(variables);
  const source = environment.oneOf(ENV_SOURCE, ['kubernetes', 'folder'] as const, 'kubernetes');
  const folders = environment.list(ENV_FOLDERS);
  if (source === 'folder' && folders.length === 0) environment.problem(ENV_FOLDERS, 'names no folder');
  const controlNamespace = environment.text(ENV_CONTROL_NAMESPACE, CONTROL_NAMESPACE);
  const config: DestinationConfig = {
    source,
    folders,
    listen: environment.address(ENV_LISTEN, `[::]:${DESTINATION_PORT}`),
    adminListen: environment.address(ENV_ADMIN_LISTEN, `[::]:${CONTROL_ADMIN_PORT}`),
    trustBundleFile: environment.text(ENV_TRUST_BUNDLE_FILE),
    tokenFile: environment.text(ENV_TOKEN_FILE),
    identity: environment.address(
      ENV_IDENTITY_ADDRESS,
      `${IDENTITY_SERVICE_ACCOUNT}.${controlNamespace}:${IDENTITY_PORT}`,
    ),
    domain: {
      trustDomain: environment.text(ENV_TRUST_DOMAIN, DEFAULT_TRUST_DOMAIN),
      controlNamespace,
      clusterDomain: environment.text(ENV_CLUSTER_DOMAIN, DEFAULT_CLUSTER_DOMAIN),
      clusterNetworks: environment.list(ENV_CLUSTER_NETWORKS, DEFAULT_CLUSTER_NETWORKS.split(',')),
      defaultInboundPolicy: environment.oneOf(
        ENV_DEFAULT_INBOUND_POLICY,
        DEFAULT_INBOUND_POLICIES,
        DEFAULT_INBOUND_POLICIES[0],
      ),
    },
    drainMs: environment.duration(ENV_DRAIN, DEFAULT_DRAIN_MS),
    logLevel: environment.oneOf(ENV_LOG_LEVEL, LOG_LEVELS, 'info'),
  };
  for (const network of config.domain.clusterNetworks) {
    if (!isCidr(network)) environment.problem(ENV_CLUSTER_NETWORKS, `"${network}" is no CIDR such as 10.0.0.0/8`);
  }
  environment.check();
  return config;
}

function isCidr(text: string): boolean {
  const [address, prefix, rest] = text.split('/');
  const ip = canonicalIp(address!);
  return (
    ip !== null &&
    rest === undefined &&
    /^\d{1,3}$/.test(prefix ?? '') &&
    Number(prefix) <= (ip.includes(':') ? 128 : 32)
  );
}
