import { NO_REVOCATIONS, parseRevocations, REVOCATIONS_CONFIG_MAP, type Revocations } from '../api/revocations.ts';
import type { Access } from '../core/kubernetes/access.ts';
import type { ApiClient } from '../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../core/kubernetes/api-error.ts';
import { apiPath } from '../core/kubernetes/api-path.ts';

/** What this file asks of the API server. */
export const REVOCATIONS_ACCESS: readonly Access[] = [
  { group: '', resource: 'configmaps', name: REVOCATIONS_CONFIG_MAP, isOwnNamespace: true, verbs: ['get'] },
];

/** Whom nobody trusts any more, by the ConfigMap of Weft's namespace; where there is none, nobody. @throws ApiError */
export async function readRevocations(api: Pick<ApiClient, 'get'>, namespace: string): Promise<Revocations> {
  const path = apiPath`/api/v1/namespaces/${namespace}/configmaps/${REVOCATIONS_CONFIG_MAP}`;
  const list = await api.get(path).catch(nullIfNotFound);
  return list ? parseRevocations(list.data ?? {}).revocations : NO_REVOCATIONS;
}
