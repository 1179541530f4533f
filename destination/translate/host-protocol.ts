import type { Host } from '../objects/host.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { Mesh } from './inquiry.ts';
import { serverBehind } from './linkerd/pod-servers.ts';
import type { ChosenProfile } from './linkerd/profile-choice.ts';
import { decideProtocol, type ProtocolDecision } from './protocol.ts';

/** What a port of a host speaks for a client that has this profile of it. */
export function hostProtocol(
  { cluster }: Mesh,
  host: Host,
  port: ServicePort,
  profile: ChosenProfile | null,
): ProtocolDecision {
  return decideProtocol({
    server: host.kind === 'Service' ? serverBehind(cluster, host.object, port) : null,
    host: { host, port },
    profile,
    pod: null,
    namespace: cluster.get('Namespace', '', host.namespace) ?? null,
  });
}
