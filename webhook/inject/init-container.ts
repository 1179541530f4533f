import { imageCommand } from '../../api/image.ts';
import { INIT_CONTAINER, PROXY_UID } from '../../api/names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import type { PodOptions } from './pod-options.ts';
import type { Container } from './pod-template.ts';
import { proxyResources } from './proxy-resources.ts';
import type { InjectSettings } from './settings.ts';
import { INIT_RUN_VOLUME } from './volumes.ts';

/**
 * The container that writes the redirect rules of a pod. It may change the pod's network and nothing else: two
 * capabilities, no way to more, a root file system that is read-only. iptables needs user 0 for its lock.
 */
export function initContainer(options: PodOptions, settings: InjectSettings): Container {
  const skipInboundPorts = [String(PROXY_ADMIN_PORT), options.skipInboundPorts].filter(Boolean).join(',');
  return {
    name: INIT_CONTAINER,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    command: imageCommand('init'),
    args: [
      '--inbound-port',
      String(PROXY_INBOUND_PORT),
      '--outbound-port',
      String(PROXY_OUTBOUND_PORT),
      '--proxy-uid',
      String(PROXY_UID),
      '--skip-inbound-ports',
      skipInboundPorts,
      ...(options.skipOutboundPorts ? ['--skip-outbound-ports', options.skipOutboundPorts] : []),
      ...(options.skipSubnets ? ['--skip-subnets', options.skipSubnets] : []),
    ],
    resources: proxyResources(options, settings),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 0,
      runAsNonRoot: false,
      runAsUser: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: INIT_RUN_VOLUME, mountPath: '/run' }],
  };
}
