import { POD_ANNOTATIONS } from './pod-annotations.ts';

/** Annotations of pods and namespaces that another mesh has and Weft does not honour: what each does there, after "it would". */
export const UNHEARD_ANNOTATIONS: Readonly<Record<'linkerd' | 'istio', Readonly<Record<string, string>>>> = {
  /** Source: https://linkerd.io/2/reference/proxy-configuration/ */
  linkerd: {
    'config.linkerd.io/proxy-image': "take another proxy's image",
    'config.linkerd.io/proxy-version': 'take another version of the proxy',
    'config.linkerd.io/image-pull-policy': "set the pull policy of the proxy's image",
    'config.linkerd.io/inbound-port': "move the proxy's inbound port",
    'config.linkerd.io/outbound-port': "move the proxy's outbound port",
    'config.linkerd.io/admin-port': "move the proxy's admin port",
    'config.linkerd.io/control-port': "move the proxy's tap port",
    'config.linkerd.io/pod-inbound-ports': 'name the ports of the pod',
    'config.linkerd.io/proxy-log-format': 'choose the format of the log',
    'config.linkerd.io/proxy-log-http-headers': 'log the headers of requests',
    'config.linkerd.io/access-log': 'log each request',
    'config.linkerd.io/proxy-cpu-ratio-limit': "bound the proxy's threads by a share of the node's",
    'config.linkerd.io/proxy-ephemeral-storage-request': "set the proxy's request of ephemeral storage",
    'config.linkerd.io/proxy-ephemeral-storage-limit': "set the proxy's limit of ephemeral storage",
    'config.linkerd.io/proxy-uid': 'run the proxy as another user',
    'config.linkerd.io/proxy-gid': 'run the proxy as another group',
    'config.linkerd.io/enable-external-profiles': 'look for profiles of hosts outside the cluster',
    'config.linkerd.io/enable-debug-sidecar': 'add a container with tools to look into traffic',
    'config.linkerd.io/debug-image': 'choose the image of that container',
    'config.linkerd.io/debug-image-version': 'choose the version of that container',
    'config.linkerd.io/debug-image-pull-policy': 'choose the pull policy of that container',
    'config.linkerd.io/proxy-await': 'say whether the application waits for the proxy',
    'config.linkerd.io/proxy-outbound-discovery-cache-unused-timeout': 'say how long an unused target is kept',
    'config.linkerd.io/proxy-inbound-discovery-cache-unused-timeout': 'say how long an unused port is kept',
    'config.linkerd.io/proxy-disable-outbound-protocol-detect-timeout':
      'wait for the first bytes of a connection for ever, outbound',
    'config.linkerd.io/proxy-disable-inbound-protocol-detect-timeout':
      'wait for the first bytes of a connection for ever, inbound',
    'config.linkerd.io/proxy-metrics-hostname-labels': 'label metrics by host',
    'config.linkerd.io/proxy-additional-env': "add variables to the proxy's environment",
    'config.linkerd.io/close-wait-timeout': 'set a sysctl of the pod',
    'config.linkerd.io/enable-gateway': 'make the pod a gateway between clusters',
    'config.beta.linkerd.io/proxy-enable-native-sidecar': 'make the proxy an init container that keeps running',
    'config.alpha.linkerd.io/proxy-enable-native-sidecar': 'make the proxy an init container that keeps running',
    'config.alpha.linkerd.io/proxy-wait-before-exit-seconds': 'let the proxy wait before it ends',
  },
  /** Source: https://istio.io/latest/docs/reference/config/annotations/ */
  istio: {
    'traffic.sidecar.istio.io/includeOutboundIPRanges': 'redirect these networks alone',
    'traffic.sidecar.istio.io/includeOutboundPorts': 'redirect these ports of others besides',
    'traffic.sidecar.istio.io/includeInboundPorts': 'redirect these ports of the pod alone',
    'traffic.sidecar.istio.io/excludeInterfaces': 'leave these interfaces alone',
    'traffic.sidecar.istio.io/kubevirtInterfaces': 'redirect what comes by these interfaces',
    'sidecar.istio.io/proxyImage': "take another proxy's image",
    'sidecar.istio.io/proxyImageType': "take another kind of the proxy's image",
    'sidecar.istio.io/componentLogLevel': 'set the log level of components',
    'sidecar.istio.io/agentLogLevel': 'set the log level of the agent',
    'sidecar.istio.io/interceptionMode': 'choose how traffic is redirected',
    'sidecar.istio.io/rewriteAppHTTPProbers': 'say whether probes go by the agent',
    'sidecar.istio.io/bootstrapOverride': 'change the configuration of Envoy',
    'sidecar.istio.io/userVolume': 'add volumes to the proxy',
    'sidecar.istio.io/userVolumeMount': 'mount volumes in the proxy',
    'sidecar.istio.io/statsInclusionPrefixes': 'add metrics of Envoy',
    'sidecar.istio.io/statsInclusionSuffixes': 'add metrics of Envoy',
    'sidecar.istio.io/statsInclusionRegexps': 'add metrics of Envoy',
    'sidecar.istio.io/extraStatTags': 'add labels to metrics',
    'sidecar.istio.io/capNetBindService': 'let the proxy listen on ports below 1024',
    'proxy.istio.io/config': "set the proxy's ProxyConfig",
    'proxy.istio.io/overrides': "change the proxy's container",
    'inject.istio.io/templates': 'choose what is added to the pod',
  },
};

/** What to write for Weft where it has nearly the same under another name. */
export const HEARD_INSTEAD: Readonly<Record<string, string>> = {
  'config.beta.linkerd.io/proxy-enable-native-sidecar': `use ${POD_ANNOTATIONS.nativeSidecar.weft}`,
  'config.alpha.linkerd.io/proxy-enable-native-sidecar': `use ${POD_ANNOTATIONS.nativeSidecar.weft}`,
  'traffic.sidecar.istio.io/includeOutboundIPRanges': `${POD_ANNOTATIONS.skipSubnets.weft} leaves networks out`,
  'traffic.sidecar.istio.io/includeInboundPorts': `${POD_ANNOTATIONS.skipInboundPorts.weft} leaves ports out`,
};
