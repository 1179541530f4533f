import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { TOKEN_FILE } from '../../api/proxy-environment.ts';
import type { Volume } from './pod-template.ts';

export const TOKEN_VOLUME = 'weft-token';
export const BUNDLE_VOLUME = 'weft-bundle';

export const INIT_RUN_VOLUME = 'weft-init-run';
/** Every volume that injection adds. */
export const OWN_VOLUMES: readonly string[] = [TOKEN_VOLUME, BUNDLE_VOLUME, INIT_RUN_VOLUME];

/**
 * A token that identity alone accepts, renewed by the kubelet within its day; memory for the last trust bundle, which
 * outlives a restart of the container but never touches a disk; and, where redirect rules are written, a place for the
 * lock of iptables (its legacy kind wants one in /run).
 */
export function proxyVolumes(writesRules: boolean): readonly Volume[] {
  const token = { audience: TOKEN_AUDIENCE, expirationSeconds: 86_400, path: TOKEN_FILE.split('/').at(-1)! };
  return [
    { name: TOKEN_VOLUME, projected: { sources: [{ serviceAccountToken: token }] } },
    { name: BUNDLE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
    ...(writesRules ? [{ name: INIT_RUN_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }] : []),
  ];
}
