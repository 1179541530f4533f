import {
  CONTROL_NAMESPACE,
  DEFAULT_CLUSTER_DOMAIN,
  DEFAULT_CLUSTER_NETWORKS,
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_OPAQUE_PORTS,
  DEFAULT_TRUST_DOMAIN,
  DESTINATION_SERVICE_ACCOUNT,
  type DefaultInboundPolicy,
  DISCOVERY_FAILURE_POLICIES,
  type DiscoveryFailurePolicy,
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
import { Fault, type Kind, readEnvironment, setting } from '../core/config/environment.ts';
import type { PortRanges } from '../core/config/port-ranges.ts';
import { ADDRESS, ADDRESSES, CIDRS, COUNT, DURATION, LIST, oneOf, PORTS, TEXT } from '../core/config/setting-kinds.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';
import type { ClientLimits } from './transport/client-limits.ts';

const PROBE_PATHS: Kind<Readonly<Record<string, readonly string[]>>> = {
  name: 'JSON',
  parse(text) {
    try {
      return JSON.parse(text) as Record<string, string[]>;
    } catch {
      return new Fault('is no JSON object of port to paths');
    }
  },
};

/** Text of a server's address that follows the other settings. */
function serviceAddress(name: string, port: number): string {
  return `${name}.$(${env.ENV_CONTROL_NAMESPACE}).svc.$(${env.ENV_CLUSTER_DOMAIN}):${port}`;
}

/** The environment of the proxy. */
export const SETTINGS = {
  podName: setting(env.ENV_POD_NAME, TEXT, null, "The pod's name."),
  podNamespace: setting(env.ENV_POD_NAMESPACE, TEXT, null, "The pod's namespace."),
  podUid: setting(env.ENV_POD_UID, TEXT, '', "The pod's UID."),
  podServiceAccount: setting(env.ENV_POD_SERVICE_ACCOUNT, TEXT, 'default', "The pod's service account."),
  podIps: setting(env.ENV_POD_IPS, LIST, '', "The pod's addresses. Unset: any destination is taken for the pod's own."),
  inboundListen: setting(
    env.ENV_INBOUND_LISTEN,
    ADDRESSES,
    `[::]:${PROXY_INBOUND_PORT}`,
    'Where connections to the pod are taken.',
  ),
  outboundListen: setting(
    env.ENV_OUTBOUND_LISTEN,
    ADDRESSES,
    `127.0.0.1:${PROXY_OUTBOUND_PORT},[::1]:${PROXY_OUTBOUND_PORT}`,
    'Where connections of the application are taken.',
  ),
  adminListen: setting(
    env.ENV_ADMIN_LISTEN,
    ADDRESSES,
    `[::]:${PROXY_ADMIN_PORT}`,
    'Where health, metrics and control are served.',
  ),
  explicitListen: setting(
    env.ENV_EXPLICIT_LISTEN,
    ADDRESSES,
    '',
    'Where the explicit proxy (`HTTP_PROXY`) takes absolute-form requests and CONNECT. Unset: nowhere.',
  ),
  applicationAddress: setting(
    env.ENV_APPLICATION_ADDRESS,
    TEXT,
    '',
    "IP address of the application, where it is not the connection's own destination (loopback network).",
  ),
  trustDomain: setting(env.ENV_TRUST_DOMAIN, TEXT, DEFAULT_TRUST_DOMAIN, 'Domain of SPIFFE URIs and DNS identities.'),
  controlNamespace: setting(env.ENV_CONTROL_NAMESPACE, TEXT, CONTROL_NAMESPACE, 'Namespace of the control plane.'),
  clusterDomain: setting(env.ENV_CLUSTER_DOMAIN, TEXT, DEFAULT_CLUSTER_DOMAIN, 'DNS domain of the cluster.'),
  identityAddress: setting(
    env.ENV_IDENTITY_ADDRESS,
    ADDRESS,
    serviceAddress(IDENTITY_SERVICE_ACCOUNT, IDENTITY_PORT),
    'Address of identity.',
  ),
  destinationAddress: setting(
    env.ENV_DESTINATION_ADDRESS,
    ADDRESS,
    serviceAddress(DESTINATION_SERVICE_ACCOUNT, DESTINATION_PORT),
    'Address of destination.',
  ),
  tokenFile: setting(
    env.ENV_TOKEN_FILE,
    TEXT,
    env.TOKEN_FILE,
    'File of the projected service-account token, read again at every renewal.',
  ),
  trustRoots: setting(
    env.ENV_TRUST_ROOTS,
    TEXT,
    '',
    'PEM of the roots at injection; a bundle that has been delivered supersedes it.',
  ),
  trustBundleFile: setting(
    env.ENV_TRUST_BUNDLE_FILE,
    TEXT,
    '',
    'File (memory-backed volume) that keeps the last delivered bundle across restarts of the container.',
  ),
  defaultInboundPolicy: setting(
    env.ENV_DEFAULT_INBOUND_POLICY,
    oneOf(DEFAULT_INBOUND_POLICIES),
    DEFAULT_INBOUND_POLICIES[0],
    'Inbound policy until destination has spoken.',
  ),
  opaquePorts: setting(
    env.ENV_OPAQUE_PORTS,
    PORTS,
    DEFAULT_OPAQUE_PORTS,
    'Ports without HTTP detection until destination has spoken.',
  ),
  halfClosedPorts: setting(
    env.ENV_HALF_CLOSED_PORTS,
    PORTS,
    '',
    'Ports, own and of others, whose HTTP/1 clients may end their sending side and still wait for the answer; elsewhere a client that ends has gone, and the server is told.',
  ),
  discoveryFailurePolicy: setting(
    env.ENV_DISCOVERY_FAILURE_POLICY,
    oneOf(DISCOVERY_FAILURE_POLICIES),
    DISCOVERY_FAILURE_POLICIES[0],
    'What becomes of connections to an address that discovery gives no answer for within 3 s: to addresses of the cluster they fail, all fail (`discovery_unavailable`), or all are forwarded in the clear.',
  ),
  clusterNetworks: setting(
    env.ENV_CLUSTER_NETWORKS,
    CIDRS,
    DEFAULT_CLUSTER_NETWORKS,
    'Networks of the cluster, for `fail-cluster`, until destination has named them.',
  ),
  probePaths: setting(
    env.ENV_PROBE_PATHS,
    PROBE_PATHS,
    '{}',
    'Paths, with their queries, of the pod\'s own HTTP and gRPC probes and hooks by port, `{"8080":["/healthz"]}`: exempt from inbound policy.',
  ),
  logLevel: setting(env.ENV_LOG_LEVEL, oneOf(LOG_LEVELS), 'info', 'The least that is logged.'),
  shutdownGrace: setting(env.ENV_SHUTDOWN_GRACE, DURATION, '2m', 'How long a drain may take after SIGTERM.'),
  adminShutdown: setting(
    env.ENV_ADMIN_SHUTDOWN,
    oneOf(['enabled', 'disabled'] as const),
    'disabled',
    'Whether `POST /shutdown` on the admin port works from loopback.',
  ),
  ingress: setting(
    env.ENV_INGRESS,
    oneOf(['enabled', 'disabled'] as const),
    'disabled',
    'Whether outbound HTTP finds its target by `l5d-dst-override` or its authority before the original destination.',
  ),
  outboundConnectTimeout: setting(
    env.ENV_OUTBOUND_CONNECT_TIMEOUT,
    DURATION,
    '1s',
    'How long a connection to an endpoint may take to come up.',
  ),
  inboundConnectTimeout: setting(
    env.ENV_INBOUND_CONNECT_TIMEOUT,
    DURATION,
    '300ms',
    'How long a connection to the application may take to come up.',
  ),
  detectTimeout: setting(
    env.ENV_DETECT_TIMEOUT,
    DURATION,
    '20ms',
    'How long a silent client is waited for before the server is dialled to speak first.',
  ),
  undecidedTimeout: setting(
    env.ENV_UNDECIDED_TIMEOUT,
    DURATION,
    '1s',
    'How long a client that stops within its first words is waited for before they go to the server as bytes.',
  ),
  maxConnections: setting(
    env.ENV_MAX_CONNECTIONS,
    COUNT,
    '16384',
    'Connections that a listener holds at once; more are closed as they come.',
  ),
  windowBudget: setting(
    env.ENV_WINDOW_BUDGET,
    COUNT,
    '16777216',
    'Bytes that HTTP/2 windows may grow by in all, for long fast paths; what slow readers hold up counts too. 1: none grows.',
  ),
  floodBudget: setting(
    env.ENV_FLOOD_BUDGET,
    COUNT,
    '40000',
    'What an HTTP/2 peer may spend at once on frames that lead nowhere; a quarter of it comes back each second.',
  ),
  headerTimeout: setting(env.ENV_HEADER_TIMEOUT, DURATION, '30s', 'How long a client may take to send a head.'),
  bodyTimeout: setting(
    env.ENV_BODY_TIMEOUT,
    DURATION,
    '1m',
    'How long a client may pause within a body whose length it declared.',
  ),
  stallTimeout: setting(
    env.ENV_STALL_TIMEOUT,
    DURATION,
    '5m',
    'How long a client may take nothing of an answer that waits for it.',
  ),
  idleTimeout: setting(
    env.ENV_IDLE_TIMEOUT,
    DURATION,
    '1h',
    'How long an HTTP connection without requests is kept for its client.',
  ),
};

/** What a proxy is told. Durations in milliseconds. */
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
  readonly trustDomain: string;
  readonly identityServer: { readonly address: SocketAddress; readonly identity: string };
  readonly destinationServer: { readonly address: SocketAddress; readonly identity: string };
  readonly clusterDomain: string;
  readonly tokenFile: string;
  readonly trustRoots: string;
  readonly trustBundleFile: string;
  readonly defaultInboundPolicy: DefaultInboundPolicy;
  readonly opaquePorts: PortRanges;
  readonly halfClosedPorts: PortRanges;
  readonly discoveryFailurePolicy: DiscoveryFailurePolicy;
  /** CIDRs, until destination has named them. */
  readonly clusterNetworks: readonly string[];
  /** Probe paths by port: exempt from inbound policy. */
  readonly probePaths: Readonly<Record<string, readonly string[]>>;
  readonly logLevel: LogLevel;
  readonly shutdownGraceMs: number;
  readonly adminShutdown: boolean;
  /** Whether the application is an ingress. */
  readonly ingress: boolean;
  readonly outboundConnectTimeoutMs: number;
  readonly inboundConnectTimeoutMs: number;
  readonly silenceMs: number;
  readonly undecidedMs: number;
  /** Connections that a listener holds at once. */
  readonly maxConnections: number;
  readonly limits: ClientLimits;
  /** See `WindowBudget`. */
  readonly windowBudget: number;
}

/** Reads the whole environment, or throws one error naming every problem. */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): ProxyConfig {
  const read = readEnvironment(SETTINGS, variables);
  const { trustDomain, controlNamespace } = read;
  const domain: IdentityDomain = { trustDomain, controlNamespace };
  const pod = {
    name: read.podName,
    namespace: read.podNamespace,
    uid: read.podUid,
    serviceAccount: read.podServiceAccount,
  };
  const control = (serviceAccount: string) => dnsIdentity({ namespace: controlNamespace, serviceAccount }, domain);
  return {
    pod,
    podIps: read.podIps,
    inboundListen: read.inboundListen,
    outboundListen: read.outboundListen,
    adminListen: read.adminListen,
    explicitListen: read.explicitListen,
    applicationAddress: read.applicationAddress || null,
    identity: dnsIdentity(pod, domain),
    spiffe: spiffeIdentity(pod, domain),
    trustDomain,
    identityServer: { address: read.identityAddress, identity: control(IDENTITY_SERVICE_ACCOUNT) },
    destinationServer: { address: read.destinationAddress, identity: control(DESTINATION_SERVICE_ACCOUNT) },
    clusterDomain: read.clusterDomain,
    tokenFile: read.tokenFile,
    trustRoots: read.trustRoots,
    trustBundleFile: read.trustBundleFile,
    defaultInboundPolicy: read.defaultInboundPolicy,
    opaquePorts: read.opaquePorts,
    halfClosedPorts: read.halfClosedPorts,
    discoveryFailurePolicy: read.discoveryFailurePolicy,
    clusterNetworks: read.clusterNetworks,
    probePaths: read.probePaths,
    logLevel: read.logLevel,
    shutdownGraceMs: read.shutdownGrace,
    adminShutdown: read.adminShutdown === 'enabled',
    ingress: read.ingress === 'enabled',
    outboundConnectTimeoutMs: read.outboundConnectTimeout,
    inboundConnectTimeoutMs: read.inboundConnectTimeout,
    silenceMs: read.detectTimeout,
    undecidedMs: read.undecidedTimeout,
    maxConnections: read.maxConnections,
    limits: {
      headerTimeoutMs: read.headerTimeout,
      bodyTimeoutMs: read.bodyTimeout,
      stallTimeoutMs: read.stallTimeout,
      idleTimeoutMs: read.idleTimeout,
      floodBudget: read.floodBudget,
    },
    windowBudget: read.windowBudget,
  };
}
