import { ROUTE_PROFILE_ANNOTATION } from '../../../api/names.ts';
import type { Host } from '../../objects/host.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { annotationPath } from '../../objects/kubernetes/settings.ts';
import type { RouteProfile } from '../../objects/linkerd/route-profile.ts';
import type { Profile } from '../../objects/linkerd/service-profile.ts';
import { type ObjectRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry, Mesh } from '../inquiry.ts';
import { workloadOf } from '../pod-endpoint.ts';

/** A profile and the object that wrote it. */
export interface ChosenProfile {
  readonly profile: Profile;
  /** A ServiceProfile, or the Deployment or Pod in whose annotation it stands. */
  readonly object: ObjectRef;
}

/**
 * The profile that a client of `clientNamespace` has of a host, or null.
 *
 * The first of: the ServiceProfile named after the host in the client's namespace, the one in the host's, the
 * route profile of the oldest Deployment behind a Service that has one. A younger Deployment whose route profile
 * differs is complained about.
 *
 * Source: linkerd2 `controller/api/destination` (client's namespace first); design, section 3.
 */
export function profileOf(inquiry: Inquiry, host: Host, clientNamespace: string): ChosenProfile | null {
  const { cluster, complain } = inquiry;
  const explicit = explicitProfileOf(inquiry, host, clientNamespace);
  if (explicit || host.kind !== 'Service') return explicit;
  const candidates = cluster.deploymentsBehind(host.object).filter(({ routeProfile }) => routeProfile !== null);
  const [oldest, ...younger] = candidates;
  if (!oldest) return null;
  for (const other of younger) {
    if (JSON.stringify(other.routeProfile) === JSON.stringify(oldest.routeProfile)) continue;
    complain(
      refOf('Deployment', other),
      annotationPath(ROUTE_PROFILE_ANNOTATION),
      `differs from that of the older Deployment ${oldest.name}, whose routes apply to clients of Service ${host.shortName}`,
    );
  }
  return resolve(inquiry, oldest.routeProfile!, refOf('Deployment', oldest));
}

/** The ServiceProfile named after the host, in the client's namespace or in the host's, or null. */
export function explicitProfileOf({ cluster }: Mesh, host: Host, clientNamespace: string): ChosenProfile | null {
  for (const namespace of new Set([clientNamespace, host.namespace])) {
    const found = cluster.get('ServiceProfile', namespace, host.name);
    if (found) return { profile: found.profile, object: refOf('ServiceProfile', found) };
  }
  return null;
}

/** The route profile that a pod follows inbound: its Deployment's, else the one that its own template gave it. */
export function ownProfileOf(inquiry: Inquiry, pod: Pod): ChosenProfile | null {
  const { cluster } = inquiry;
  const workload = workloadOf(cluster, pod);
  const deployment =
    workload?.kind === 'Deployment' ? cluster.get('Deployment', pod.namespace, workload.name) : undefined;
  if (deployment)
    return deployment.routeProfile && resolve(inquiry, deployment.routeProfile, refOf('Deployment', deployment));
  return pod.routeProfile && resolve(inquiry, pod.routeProfile, refOf('Pod', pod));
}

function resolve({ cluster, complain }: Inquiry, reference: RouteProfile, owner: ObjectRef): ChosenProfile | null {
  if ('inline' in reference) return { profile: reference.inline, object: owner };
  const named = cluster.get('ServiceProfile', owner.namespace, reference.name);
  if (named) return { profile: named.profile, object: refOf('ServiceProfile', named) };
  complain(
    owner,
    annotationPath(ROUTE_PROFILE_ANNOTATION),
    `names ServiceProfile "${reference.name}", which namespace ${owner.namespace} does not have; no routes apply`,
  );
  return null;
}
