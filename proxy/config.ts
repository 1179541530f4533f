import {
  CONTROL_NAMESPACE,
  DEFAULT_CLUSTER_DOMAIN,
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_OPAQUE_PORTS,
  DEFAULT_TRUST_DOMAIN,
  DESTINATION_SERVICE_ACCOUNT,
  type DefaultInboundPolicy,
  IDENTITY_SERVICE_ACCOUNT,
} from '../api/names.ts';
import {
  DESTINATION_PORT,
  IDENTITY_PORT,
  PROXY_ADMIN_PORT,
  PROXY_INBOUND_PORT,
  PROXY_OUTBOUND_PORT,
} from '../api/ports.ts';
import * as env from '../api/proxy-environment.ts';
import { dnsIdentity, type IdentityDomain, spiffeIdentity } from '../api/workload-identity.ts';
import { Environment } from '../core/config/environment.ts';
import type { PortRanges } from '../core/config/port-ranges.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** Settings of a proxy; each is documented at its variable in api/proxy-environment.ts. Durations in milliseconds. */
export interface ProxyConfig {
  readonly pod: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly serviceAccount: string;
  };
  /** Addresses of the pod; empty: any destination is taken for the pod's own. */
  readonly podIps: readonly string[];
  readonly inboundListen: readonly SocketAddress[];
  readonly outboundListen: readonly SocketAddress[];
  readonly adminListen: readonly SocketAddress[];
  readonly explicitListen: readonly SocketAddress[];
  readonly applicationAddress: string | null;
  /** Own names, and those that the servers of the control plane must prove. */
  readonly identity: string;
  readonly spiffe: string;
  readonly identityServer: { readonly address: SocketAddress; readonly identity: string };
  readonly destinationServer: { readonly address: SocketAddress; readonly identity: string };
  readonly clusterDomain: string;
  readonly tokenFile: string;
  readonly trustRoots: string;
  readonly trustBundleFile: string;
  readonly defaultInboundPolicy: DefaultInboundPolicy;
  readonly opaquePorts: PortRanges;
  /** Probe paths by port: exempt from inbound policy. */
  readonly probePaths: Readonly<Record<string, readonly string[]>>;
  readonly logLevel: LogLevel;
  readonly shutdownGraceMs: number;
  readonly adminShutdown: boolean;
  readonly outboundConnectTimeoutMs: number;
  readonly inboundConnectTimeoutMs: number;
  readonly silenceMs: number;
}

/** Reads the whole environment, or throws one error naming every problem. */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): ProxyConfig {
  const read = new Environment(variables);
  const domain: IdentityDomain = {
    trustDomain: read.text(env.ENV_TRUST_DOMAIN, DEFAULT_TRUST_DOMAIN),
    controlNamespace: read.text(env.ENV_CONTROL_NAMESPACE, CONTROL_NAMESPACE),
  };
  const { controlNamespace } = domain;
  const clusterDomain = read.text(env.ENV_CLUSTER_DOMAIN, DEFAULT_CLUSTER_DOMAIN);
  const pod = {
    name: read.text(env.ENV_POD_NAME),
    namespace: read.text(env.ENV_POD_NAMESPACE),
    uid: read.text(env.ENV_POD_UID, ''),
    serviceAccount: read.text(env.ENV_POD_SERVICE_ACCOUNT, 'default'),
  };
  const control = (serviceAccount: string) => dnsIdentity({ namespace: controlNamespace, serviceAccount }, domain);
  const config: ProxyConfig = {
    pod,
    podIps: read.list(env.ENV_POD_IPS),
    inboundListen: read.addresses(env.ENV_INBOUND_LISTEN, `[::]:${PROXY_INBOUND_PORT}`),
    outboundListen: read.addresses(
      env.ENV_OUTBOUND_LISTEN,
      `127.0.0.1:${PROXY_OUTBOUND_PORT},[::1]:${PROXY_OUTBOUND_PORT}`,
    ),
    adminListen: read.addresses(env.ENV_ADMIN_LISTEN, `[::]:${PROXY_ADMIN_PORT}`),
    explicitListen: read.addresses(env.ENV_EXPLICIT_LISTEN, ''),
    applicationAddress: read.text(env.ENV_APPLICATION_ADDRESS, '') || null,
    identity: dnsIdentity(pod, domain),
    spiffe: spiffeIdentity(pod, domain),
    identityServer: {
      address: read.address(
        env.ENV_IDENTITY_ADDRESS,
        `weft-identity.${controlNamespace}.svc.${clusterDomain}:${IDENTITY_PORT}`,
      ),
      identity: control(IDENTITY_SERVICE_ACCOUNT),
    },
    destinationServer: {
      address: read.address(
        env.ENV_DESTINATION_ADDRESS,
        `weft-destination.${controlNamespace}.svc.${clusterDomain}:${DESTINATION_PORT}`,
      ),
      identity: control(DESTINATION_SERVICE_ACCOUNT),
    },
    clusterDomain,
    tokenFile: read.text(env.ENV_TOKEN_FILE, env.TOKEN_FILE),
    trustRoots: read.text(env.ENV_TRUST_ROOTS, ''),
    trustBundleFile: read.text(env.ENV_TRUST_BUNDLE_FILE, ''),
    defaultInboundPolicy: read.oneOf(env.ENV_DEFAULT_INBOUND_POLICY, DEFAULT_INBOUND_POLICIES, 'all-unauthenticated'),
    opaquePorts: read.ports(env.ENV_OPAQUE_PORTS, DEFAULT_OPAQUE_PORTS),
    probePaths: readProbePaths(read),
    logLevel: read.oneOf(env.ENV_LOG_LEVEL, LOG_LEVELS, 'info'),
    shutdownGraceMs: read.duration(env.ENV_SHUTDOWN_GRACE, 120_000),
    adminShutdown: read.oneOf(env.ENV_ADMIN_SHUTDOWN, ['enabled', 'disabled'], 'disabled') === 'enabled',
    outboundConnectTimeoutMs: read.duration(env.ENV_OUTBOUND_CONNECT_TIMEOUT, 1000),
    inboundConnectTimeoutMs: read.duration(env.ENV_INBOUND_CONNECT_TIMEOUT, 300),
    silenceMs: read.duration(env.ENV_DETECT_TIMEOUT, 20),
  };
  read.check();
  return config;
}

function readProbePaths(read: Environment): Readonly<Record<string, readonly string[]>> {
  try {
    return JSON.parse(read.text(env.ENV_PROBE_PATHS, '{}')) as Record<string, string[]>;
  } catch {
    read.problem(env.ENV_PROBE_PATHS, 'is no JSON object of port to paths');
    return {};
  }
}
