import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ISSUER_SECRET, TRUST_ROOTS_CONFIG_MAP, TRUST_ROOTS_KEY } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import type { ApiClient } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { ISSUER_FILE_NAMES, secretFiles } from '../../core/pki/issuer-files.ts';
import type { IssuerMaterial } from './issuer-material.ts';

/** What this file asks of the API server. */
export const ISSUER_SOURCE_ACCESS: readonly Access[] = [
  { group: '', resource: 'secrets', name: ISSUER_SECRET, isOwnNamespace: true, verbs: ['get'] },
  { group: '', resource: 'configmaps', name: TRUST_ROOTS_CONFIG_MAP, isOwnNamespace: true, verbs: ['get'] },
];

/** Where the issuer's texts are kept. */
export interface IssuerSource {
  /** For messages: `directory /x`, `Secret weft/weft-identity-issuer`. */
  readonly name: string;
  /** The texts as they are now. Throws where they cannot be reached. */
  read(): Promise<IssuerMaterial>;
}

/** A directory, as an operator or a mounted Secret fills it, and optionally a file of trust roots. */
export function directorySource(directory: string, trustRootsFile: string | null): IssuerSource {
  return {
    name: `directory ${directory}`,
    async read() {
      const files: Record<string, string> = {};
      for (const name of await readdir(directory)) {
        if (ISSUER_FILE_NAMES.has(name)) files[name] = await readFile(join(directory, name), 'utf8');
      }
      return { files, roots: trustRootsFile === null ? null : await readFile(trustRootsFile, 'utf8') };
    },
  };
}

/** The Secret of the issuer and the ConfigMap of the trust roots, both in Weft's namespace. */
export function secretSource(api: Pick<ApiClient, 'get'>, namespace: string): IssuerSource {
  return {
    name: `Secret ${namespace}/${ISSUER_SECRET}`,
    async read() {
      const [secret, roots] = await Promise.all([
        api.get(apiPath`/api/v1/namespaces/${namespace}/secrets/${ISSUER_SECRET}`),
        api.get(apiPath`/api/v1/namespaces/${namespace}/configmaps/${TRUST_ROOTS_CONFIG_MAP}`),
      ]);
      return { files: secretFiles(secret.data), roots: roots.data?.[TRUST_ROOTS_KEY] ?? '' };
    },
  };
}
