import { IMAGE_DIRECTORY, IMAGE_NODE, imageCommand } from '../../api/image.ts';
import { PROXY_CONTAINER, PROXY_UID } from '../../api/names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT } from '../../api/ports.ts';
import { BUNDLE_DIRECTORY, TOKEN_DIRECTORY } from '../../api/proxy-environment.ts';
import type { PodOptions } from './pod-options.ts';
import type { Container, PodTemplate } from './pod-template.ts';
import { proxyEnvironment } from './proxy-environment.ts';
import { proxyResources } from './proxy-resources.ts';
import type { InjectSettings } from './settings.ts';
import { BUNDLE_VOLUME, TOKEN_VOLUME } from './volumes.ts';

/**
 * How the proxy shares the life of its pod. `native`: an init container with `restartPolicy: Always`, which starts
 * before the others and ends after them; `ordinary`: one container among them.
 */
export type SidecarKind = 'native' | 'ordinary';

/**
 * Makes the proxy's container, complete: the same for the same input, so that an injection that is repeated changes
 * nothing.
 */
export function proxyContainer(
  kind: SidecarKind,
  pod: PodTemplate,
  options: PodOptions,
  settings: InjectSettings,
): Container {
  return {
    name: PROXY_CONTAINER,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    command: imageCommand('proxy'),
    ports: [
      { name: 'weft-proxy', containerPort: PROXY_INBOUND_PORT, protocol: 'TCP' },
      { name: 'weft-admin', containerPort: PROXY_ADMIN_PORT, protocol: 'TCP' },
    ],
    env: proxyEnvironment(pod, options, settings),
    resources: proxyResources(options, settings),
    livenessProbe: { httpGet: { path: '/live', port: PROXY_ADMIN_PORT }, initialDelaySeconds: 10, timeoutSeconds: 1 },
    readinessProbe: { httpGet: { path: '/ready', port: PROXY_ADMIN_PORT }, periodSeconds: 5, timeoutSeconds: 1 },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: PROXY_UID,
      runAsNonRoot: true,
      runAsUser: PROXY_UID,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: TOKEN_VOLUME, mountPath: TOKEN_DIRECTORY, readOnly: true },
      { name: BUNDLE_VOLUME, mountPath: BUNDLE_DIRECTORY },
    ],
    ...(kind === 'native' ? NATIVE_LIFE : ORDINARY_LIFE),
  };
}

/** The kubelet starts the next container once the startup probe succeeds, and ends this one after the application. */
const NATIVE_LIFE = {
  restartPolicy: 'Always',
  startupProbe: { httpGet: { path: '/ready', port: PROXY_ADMIN_PORT }, periodSeconds: 1, failureThreshold: 120 },
};

/**
 * An ordinary container starts in order, and the next waits for this one's postStart hook. At the end all are told to
 * stop at once: the pause keeps the proxy until the pod has left the endpoints of others. It is a program and not the
 * hook `sleep`, which the clusters that need this do not have.
 */
const ORDINARY_LIFE = {
  lifecycle: {
    postStart: { exec: { command: [IMAGE_NODE, `${IMAGE_DIRECTORY}/proxy.js`, 'await'] } },
    preStop: { exec: { command: [IMAGE_NODE, '-e', 'setTimeout(() => {}, 5000)'] } },
  },
};
