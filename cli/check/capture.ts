import { CAPTURE_ANNOTATION } from '../../api/names.ts';
import { initContainer } from '../../webhook/inject/init-container.ts';
import type { NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';

/** How traffic can come to the proxies of a namespace. */
export interface CapturePrediction {
  readonly level: PodSecurityLevel;
  /** Whether pods with the init container are admitted. */
  readonly admitsInit: boolean;
  /** What the level forbids of the init container; empty: nothing. */
  readonly forbidden: readonly string[];
  /** What the namespace asks for today. */
  readonly asked: 'init' | 'none';
}

/** The levels of Pod Security, from what forbids nothing to what forbids most. */
export type PodSecurityLevel = 'privileged' | 'baseline' | 'restricted';

/**
 * Predicts from the level that Pod Security enforces in a namespace whether the container that writes the redirect rules
 * is admitted. A namespace without a level has the cluster's, which is `privileged` unless its admission configuration
 * says otherwise.
 *
 * Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function predictCapture({ labels, annotations }: NamespaceFacts): CapturePrediction {
  const level = LEVELS.find((each) => each === labels[ENFORCE_LABEL]) ?? 'privileged';
  const { capabilities, runAsNonRoot } = initContainer({}, { ...DEFAULT_INJECT_SETTINGS, image: '' })
    .securityContext as { capabilities: { add: readonly string[] }; runAsNonRoot: boolean };
  const allowed: readonly string[] = level === 'baseline' ? BASELINE_CAPABILITIES : RESTRICTED_CAPABILITIES;
  const forbidden =
    level === 'privileged'
      ? []
      : [
          ...capabilities.add.filter((capability) => !allowed.includes(capability)),
          ...(level === 'restricted' && !runAsNonRoot ? ['user 0'] : []),
        ];
  return {
    level,
    admitsInit: forbidden.length === 0,
    forbidden,
    asked: annotations[CAPTURE_ANNOTATION] === 'none' ? 'none' : 'init',
  };
}

const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
const ENFORCE_LABEL = 'pod-security.kubernetes.io/enforce';
const BASELINE_CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
const RESTRICTED_CAPABILITIES = ['NET_BIND_SERVICE'];
