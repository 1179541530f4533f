import { INIT_CONTAINER, PROXY_CONTAINER, PROXY_UID } from '../../api/names.ts';
import { type Container, containersOf, type PodSpec } from './pod-template.ts';

/**
 * The first container of the application that runs as the proxy's user, whose traffic the redirect rules leave alone;
 * undefined where none says so. The user that an image itself names cannot be seen here.
 */
export function containerOfProxyUser(spec: PodSpec): Container | undefined {
  const ephemeral = (spec.ephemeralContainers ?? []) as readonly Container[];
  return [...containersOf(spec), ...ephemeral].find(
    ({ name, securityContext }) =>
      name !== PROXY_CONTAINER &&
      name !== INIT_CONTAINER &&
      (securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === PROXY_UID,
  );
}
