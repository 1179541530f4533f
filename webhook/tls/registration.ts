import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { REGISTRATIONS } from '../configuration.ts';

/** What this file asks of the API server. */
export const REGISTRATION_ACCESS: readonly Access[] = REGISTRATIONS.map(({ name, path }) => ({
  group: 'admissionregistration.k8s.io',
  resource: path.split('/').at(-1)!,
  name,
  verbs: ['get', 'patch'],
}));

/** What became of a registration. */
export type RegistrationState = 'current' | 'patched' | 'absent';

/**
 * Writes the authority of the serving certificate into both registrations, which the manifests leave out: whoever applies
 * them again, or compares them with the cluster, finds nothing to change.
 *
 * Each patch tests that the entry is still the one that was read, since the list may change meanwhile.
 *
 * @throws ApiError
 */
export async function registerAuthority(
  api: Pick<ApiClient, 'get' | 'patch'>,
  authority: string,
): Promise<Readonly<Record<string, RegistrationState>>> {
  const states: Record<string, RegistrationState> = {};
  for (const { name, path } of REGISTRATIONS) states[name] = await registerAt(api, `${path}/${name}`, authority);
  return states;
}

async function registerAt(
  api: Pick<ApiClient, 'get' | 'patch'>,
  path: string,
  authority: string,
): Promise<RegistrationState> {
  const caBundle = Buffer.from(authority).toString('base64');
  let object: Json;
  try {
    object = await api.get(path);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 'absent';
    throw error;
  }
  const patch = (object.webhooks ?? []).flatMap(({ name, clientConfig }: Json, at: number) =>
    clientConfig?.caBundle === caBundle
      ? []
      : [
          { op: 'test', path: `/webhooks/${at}/name`, value: name },
          { op: 'add', path: `/webhooks/${at}/clientConfig/caBundle`, value: caBundle },
        ],
  );
  if (patch.length === 0) return 'current';
  await api.patch(path, patch, 'application/json-patch+json');
  return 'patched';
}
