import { TOKEN_AUDIENCE } from '../../api/names.ts';
import { TOKEN_FILE } from '../../api/proxy-environment.ts';
import type { Volume } from './pod-template.ts';

export const TOKEN_VOLUME = 'weft-token';
export const BUNDLE_VOLUME = 'weft-bundle';

/**
 * A token that identity alone accepts, renewed by the kubelet within its day, and memory for the last trust bundle,
 * which outlives a restart of the container but never touches a disk.
 */
export const PROXY_VOLUMES: readonly Volume[] = [
  {
    name: TOKEN_VOLUME,
    projected: {
      sources: [
        {
          serviceAccountToken: {
            audience: TOKEN_AUDIENCE,
            expirationSeconds: 86_400,
            path: TOKEN_FILE.split('/').at(-1)!,
          },
        },
      ],
    },
  },
  { name: BUNDLE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
];
