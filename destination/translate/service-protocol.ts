import type { Cluster } from '../objects/cluster.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { serverBehind } from './linkerd/pod-servers.ts';
import type { ChosenProfile } from './linkerd/profile-choice.ts';
import { decideProtocol, type ProtocolDecision } from './protocol.ts';

/** What a port of a Service speaks for a client that has this profile of it. */
export function serviceProtocol(
  cluster: Cluster,
  service: Service,
  port: ServicePort,
  chosen: ChosenProfile | null,
): ProtocolDecision {
  const namespace = cluster.get('Namespace', '', service.namespace) ?? null;
  const profile = chosen && { opaquePorts: chosen.profile.opaquePorts, origin: chosen.origin };
  return decideProtocol({
    server: serverBehind(cluster, service, port),
    service: { object: service, port },
    profile,
    pod: null,
    namespace,
  });
}
