import {
  CAPTURE_ANNOTATION,
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_INBOUND_POLICY_ANNOTATION,
  DISCOVERY_FAILURE_POLICIES,
  HALF_CLOSED_PORTS_ANNOTATION,
  LINKERD_OPAQUE_PORTS_ANNOTATION,
  OPAQUE_PORTS_ANNOTATION,
  REQUIRE_IDENTITY_PORTS_ANNOTATION,
  SKIP_INBOUND_PORTS_ANNOTATION,
  SKIP_OUTBOUND_PORTS_ANNOTATION,
  SKIP_SUBNETS_ANNOTATION,
} from './names.ts';

/** An annotation of pods and namespaces in the words of each family. */
export interface PodAnnotation {
  readonly weft: string;
  readonly linkerd?: string;
  readonly istio?: string;
  /** For users: what may be written. */
  readonly values: string;
  /** For users: what it is for, in a sentence. */
  readonly meaning: string;
}

/** Every annotation by which a pod or its namespace steers the proxy. `webhook/inject` says how each is read. */
export const POD_ANNOTATIONS = {
  skipInboundPorts: {
    weft: SKIP_INBOUND_PORTS_ANNOTATION,
    linkerd: 'config.linkerd.io/skip-inbound-ports',
    istio: 'traffic.sidecar.istio.io/excludeInboundPorts',
    values: 'ports and ranges',
    meaning: 'Ports whose connections go to the application without the proxy.',
  },
  skipOutboundPorts: {
    weft: SKIP_OUTBOUND_PORTS_ANNOTATION,
    linkerd: 'config.linkerd.io/skip-outbound-ports',
    istio: 'traffic.sidecar.istio.io/excludeOutboundPorts',
    values: 'ports and ranges',
    meaning: 'Ports of others that are reached without the proxy.',
  },
  skipSubnets: {
    weft: SKIP_SUBNETS_ANNOTATION,
    linkerd: 'config.linkerd.io/skip-subnets',
    istio: 'traffic.sidecar.istio.io/excludeOutboundIPRanges',
    values: 'CIDRs',
    meaning: 'Networks that are reached without the proxy.',
  },
  opaquePorts: {
    weft: OPAQUE_PORTS_ANNOTATION,
    linkerd: LINKERD_OPAQUE_PORTS_ANNOTATION,
    values: 'ports, ranges, port names',
    meaning: 'Ports that carry no HTTP; on a Service too.',
  },
  halfClosedPorts: {
    weft: HALF_CLOSED_PORTS_ANNOTATION,
    values: 'ports and ranges',
    meaning: 'Ports, own and of others, whose HTTP/1 clients may end their sending side and still wait for the answer.',
  },
  defaultInboundPolicy: {
    weft: DEFAULT_INBOUND_POLICY_ANNOTATION,
    linkerd: 'config.linkerd.io/default-inbound-policy',
    values: DEFAULT_INBOUND_POLICIES.join(', '),
    meaning: 'Which clients are let in.',
  },
  requireIdentityPorts: {
    weft: REQUIRE_IDENTITY_PORTS_ANNOTATION,
    linkerd: 'config.linkerd.io/proxy-require-identity-inbound-ports',
    values: 'ports, ranges, port names',
    meaning: 'Ports whose clients have to prove who they are.',
  },
  discoveryFailurePolicy: {
    weft: 'weft.dev/discovery-failure-policy',
    values: DISCOVERY_FAILURE_POLICIES.join(', '),
    meaning: 'What becomes of connections to an address that discovery gives no answer for within 3 s.',
  },
  cpuRequest: {
    weft: 'weft.dev/proxy-cpu-request',
    linkerd: 'config.linkerd.io/proxy-cpu-request',
    istio: 'sidecar.istio.io/proxyCPU',
    values: 'quantity',
    meaning: "Proxy's CPU request.",
  },
  cpuLimit: {
    weft: 'weft.dev/proxy-cpu-limit',
    linkerd: 'config.linkerd.io/proxy-cpu-limit',
    istio: 'sidecar.istio.io/proxyCPULimit',
    values: 'quantity',
    meaning: "Proxy's CPU limit.",
  },
  memoryRequest: {
    weft: 'weft.dev/proxy-memory-request',
    linkerd: 'config.linkerd.io/proxy-memory-request',
    istio: 'sidecar.istio.io/proxyMemory',
    values: 'quantity',
    meaning: "Proxy's memory request.",
  },
  memoryLimit: {
    weft: 'weft.dev/proxy-memory-limit',
    linkerd: 'config.linkerd.io/proxy-memory-limit',
    istio: 'sidecar.istio.io/proxyMemoryLimit',
    values: 'quantity',
    meaning: "Proxy's memory limit.",
  },
  logLevel: {
    weft: 'weft.dev/proxy-log-level',
    linkerd: 'config.linkerd.io/proxy-log-level',
    istio: 'sidecar.istio.io/logLevel',
    values: 'trace, debug, info, warn, error, silent',
    meaning: 'The least that the proxy logs.',
  },
  shutdownGrace: {
    weft: 'weft.dev/shutdown-grace-period',
    linkerd: 'config.linkerd.io/shutdown-grace-period',
    values: 'duration',
    meaning: 'How long a drain may take after SIGTERM.',
  },
  adminShutdown: {
    weft: 'weft.dev/proxy-admin-shutdown',
    linkerd: 'config.linkerd.io/proxy-admin-shutdown',
    values: 'enabled, disabled',
    meaning: 'Whether `POST /shutdown` on the admin port works from loopback.',
  },
  outboundConnectTimeout: {
    weft: 'weft.dev/outbound-connect-timeout',
    linkerd: 'config.linkerd.io/proxy-outbound-connect-timeout',
    values: 'duration',
    meaning: 'How long a connection to an endpoint may take to come up.',
  },
  inboundConnectTimeout: {
    weft: 'weft.dev/inbound-connect-timeout',
    linkerd: 'config.linkerd.io/proxy-inbound-connect-timeout',
    values: 'duration',
    meaning: 'How long a connection to the application may take to come up.',
  },
  nativeSidecar: {
    weft: 'weft.dev/native-sidecar',
    linkerd: 'config.linkerd.io/proxy-enable-native-sidecar',
    istio: 'sidecar.istio.io/nativeSidecar',
    values: 'enabled, disabled',
    meaning: 'Whether the proxy is an init container that keeps running.',
  },
  capture: {
    weft: CAPTURE_ANNOTATION,
    values: 'init, none',
    meaning: 'How traffic comes to the proxy: redirect rules, or explicitly.',
  },
} as const satisfies Readonly<Record<string, PodAnnotation>>;
