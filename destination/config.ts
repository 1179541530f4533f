import * as env from '../api/destination-environment.ts';
import {
  CONTROL_NAMESPACE,
  DEFAULT_CLUSTER_DOMAIN,
  DEFAULT_CLUSTER_NETWORKS,
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_TRUST_DOMAIN,
  IDENTITY_SERVICE_ACCOUNT,
} from '../api/names.ts';
import { CONTROL_ADMIN_PORT, DESTINATION_PORT, IDENTITY_PORT } from '../api/ports.ts';
import { readEnvironment, setting } from '../core/config/environment.ts';
import { ADDRESS, CIDRS, DURATION, LIST, oneOf, TEXT } from '../core/config/setting-kinds.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log/log.ts';
import type { MeshDomain } from './objects/mesh-domain.ts';

/** Half of the 30 s that the kubelet grants before it kills, less a margin for slow ends. */
const DEFAULT_DRAIN = '10s';

/** The environment of destination. */
export const SETTINGS = {
  source: setting(
    env.ENV_SOURCE,
    oneOf(['kubernetes', 'folder'] as const),
    'kubernetes',
    'Where the state comes from: the API server, or folders of manifests.',
  ),
  folders: setting(
    env.ENV_FOLDERS,
    LIST,
    '',
    'Folders of manifests, a later one laid over an earlier one; needed by the source `folder` alone.',
  ),
  listen: setting(
    env.ENV_LISTEN,
    ADDRESS,
    `[::]:${DESTINATION_PORT}`,
    'Address of `POST /v1/watch`. Port 0: any free one, which the log line `ready` names.',
  ),
  adminListen: setting(
    env.ENV_ADMIN_LISTEN,
    ADDRESS,
    `[::]:${CONTROL_ADMIN_PORT}`,
    'Address of /live, /ready and /metrics, in plain HTTP.',
  ),
  trustBundleFile: setting(
    env.ENV_TRUST_BUNDLE_FILE,
    TEXT,
    null,
    'PEM file of the roots to trust, read again when it changes and passed on to every proxy.',
  ),
  tokenFile: setting(
    env.ENV_TOKEN_FILE,
    TEXT,
    null,
    'File of the service-account token shown to identity, read again at every renewal.',
  ),
  identity: setting(
    env.ENV_IDENTITY_ADDRESS,
    ADDRESS,
    `${IDENTITY_SERVICE_ACCOUNT}.$(${env.ENV_CONTROL_NAMESPACE}):${IDENTITY_PORT}`,
    'Address of identity.',
  ),
  trustDomain: setting(env.ENV_TRUST_DOMAIN, TEXT, DEFAULT_TRUST_DOMAIN, 'Domain of SPIFFE URIs and DNS identities.'),
  clusterDomain: setting(env.ENV_CLUSTER_DOMAIN, TEXT, DEFAULT_CLUSTER_DOMAIN, 'DNS domain of the cluster.'),
  controlNamespace: setting(env.ENV_CONTROL_NAMESPACE, TEXT, CONTROL_NAMESPACE, 'Namespace of the control plane.'),
  clusterNetworks: setting(
    env.ENV_CLUSTER_NETWORKS,
    CIDRS,
    DEFAULT_CLUSTER_NETWORKS,
    'Networks that count as the cluster: for the policies `cluster-authenticated` and `cluster-unauthenticated`, and where a proxy has no answer for an address of the cluster.',
  ),
  defaultInboundPolicy: setting(
    env.ENV_DEFAULT_INBOUND_POLICY,
    oneOf(DEFAULT_INBOUND_POLICIES),
    DEFAULT_INBOUND_POLICIES[0],
    'Policy of pods that neither they nor their namespace give one.',
  ),
  drain: setting(
    env.ENV_DRAIN,
    DURATION,
    DEFAULT_DRAIN,
    'Time over which streams are ended after SIGTERM; 0: at once.',
  ),
  logLevel: setting(env.ENV_LOG_LEVEL, oneOf(LOG_LEVELS), 'info', 'The least that is logged.'),
};

/** {@link SETTINGS} as destination uses them: durations in milliseconds, what identities are made of in `domain`. */
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

/** Reads the settings of destination. @throws ConfigError naming every variable that is wrong */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): DestinationConfig {
  const { trustDomain, controlNamespace, clusterDomain, clusterNetworks, defaultInboundPolicy, drain, ...config } =
    readEnvironment(SETTINGS, variables, ({ source, folders }, problem) => {
      if (source === 'folder' && folders?.length === 0) problem('folders', 'names no folder');
    });
  return {
    ...config,
    domain: { trustDomain, controlNamespace, clusterDomain, clusterNetworks, defaultInboundPolicy },
    drainMs: drain,
  };
}
