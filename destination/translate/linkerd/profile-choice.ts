import { ROUTE_PROFILE_ANNOTATION } from '../../../api/names.ts';
import type { Cluster } from '../../objects/cluster.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import type { Service } from '../../objects/kubernetes/service.ts';
import { annotationPath } from '../../objects/kubernetes/settings.ts';
import type { RouteProfile } from '../../objects/linkerd/route-profile.ts';
import type { Profile } from '../../objects/linkerd/service-profile.ts';
import { type MeshDomain, serviceName } from '../../objects/mesh-domain.ts';
import type { Complain } from '../../objects/object-ref.ts';
import { workloadOf } from '../pod-endpoint.ts';

/** A profile and the object that wrote it. */
export interface ChosenProfile {
  readonly profile: Profile;
  /** `ServiceProfile/default/api.default.svc.cluster.local`, `Deployment/default/api`. */
  readonly origin: string;
}

/**
 * The profile that a client of `clientNamespace` has of a Service, or null.
 *
 * The first of: the ServiceProfile named after the Service in the client's namespace, the one in the Service's, the
 * route profile of the oldest Deployment behind the Service that has one. A younger Deployment whose route profile
 * differs is complained about.
 *
 * Source: linkerd2 `controller/api/destination` (client's namespace first); design, section 3.
 */
export function profileOf(
  cluster: Cluster,
  service: Service,
  clientNamespace: string,
  domain: MeshDomain,
  complain: Complain,
): ChosenProfile | null {
  const explicit = explicitProfileOf(cluster, service, clientNamespace, domain);
  if (explicit) return explicit;
  const candidates = cluster.deploymentsBehind(service).filter(({ routeProfile }) => routeProfile !== null);
  const [oldest, ...younger] = candidates;
  if (!oldest) return null;
  for (const other of younger) {
    if (JSON.stringify(other.routeProfile) === JSON.stringify(oldest.routeProfile)) continue;
    complain(
      { kind: 'Deployment', namespace: other.namespace, name: other.name },
      annotationPath(ROUTE_PROFILE_ANNOTATION),
      `differs from that of the older Deployment ${oldest.name}, whose routes apply to clients of Service ${service.name}`,
    );
  }
  return resolve(
    cluster,
    oldest.routeProfile!,
    { kind: 'Deployment', namespace: oldest.namespace, name: oldest.name },
    complain,
  );
}

/** The ServiceProfile named after the Service, in the client's namespace or in the Service's, or null. */
export function explicitProfileOf(
  cluster: Cluster,
  service: Service,
  clientNamespace: string,
  domain: MeshDomain,
): ChosenProfile | null {
  const name = serviceName(service, domain);
  for (const namespace of new Set([clientNamespace, service.namespace])) {
    const found = cluster.get('ServiceProfile', namespace, name);
    if (found) return { profile: found.profile, origin: `ServiceProfile/${namespace}/${name}` };
  }
  return null;
}

/** The route profile that a pod follows inbound: its Deployment's, else the one that its own template gave it. */
export function ownProfileOf(cluster: Cluster, pod: Pod, complain: Complain): ChosenProfile | null {
  const workload = workloadOf(cluster, pod);
  const deployment =
    workload?.kind === 'Deployment' ? cluster.get('Deployment', pod.namespace, workload.name) : undefined;
  if (deployment) {
    const owner = { kind: 'Deployment', namespace: deployment.namespace, name: deployment.name };
    return deployment.routeProfile && resolve(cluster, deployment.routeProfile, owner, complain);
  }
  const owner = { kind: 'Pod', namespace: pod.namespace, name: pod.name };
  return pod.routeProfile && resolve(cluster, pod.routeProfile, owner, complain);
}

function resolve(
  cluster: Cluster,
  reference: RouteProfile,
  owner: { kind: string; namespace: string; name: string },
  complain: Complain,
): ChosenProfile | null {
  if ('inline' in reference)
    return { profile: reference.inline, origin: `${owner.kind}/${owner.namespace}/${owner.name}` };
  const named = cluster.get('ServiceProfile', owner.namespace, reference.name);
  if (named) return { profile: named.profile, origin: `ServiceProfile/${named.namespace}/${named.name}` };
  complain(
    owner,
    annotationPath(ROUTE_PROFILE_ANNOTATION),
    `names ServiceProfile "${reference.name}", which namespace ${owner.namespace} does not have; no routes apply`,
  );
  return null;
}
