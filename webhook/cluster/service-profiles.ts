import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import type { ProfileLookup } from '../admission/validate-review.ts';

/** What this file asks of the API server. */
export const SERVICE_PROFILES_ACCESS: readonly Access[] = [
  { group: 'linkerd.io', resource: 'serviceprofiles', verbs: ['get'] },
];

/** Says whether a ServiceProfile exists, by asking for it: reviews that name one are rare. */
export class ServiceProfiles implements ProfileLookup {
  readonly #api: Pick<ApiClient, 'get'>;

  constructor(api: Pick<ApiClient, 'get'>) {
    this.#api = api;
  }

  async has(namespace: string, name: string): Promise<boolean | null> {
    const path = apiPath`/apis/linkerd.io/v1alpha2/namespaces/${namespace}/serviceprofiles/${name}`;
    try {
      await this.#api.get(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A cluster without the definition of the kind has none either.
      return error.status === 404 ? false : null;
    }
  }
}

/** A warning is not worth more of the API server's 5 s. */
const PATIENCE_MS = 1_000;
