import type { Cluster } from '../objects/cluster.ts';
import { serviceHost } from '../objects/host.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { Service } from '../objects/kubernetes/service.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import type { Mesh } from './inquiry.ts';
import { serverOn } from './linkerd/pod-servers.ts';
import { profileOf } from './linkerd/profile-choice.ts';
import { decideProtocol, type ProtocolDecision } from './protocol.ts';

/** A Service that sends connections of one of its ports to a port of a pod. */
export interface Claim {
  readonly service: Service;
  readonly port: ServicePort;
  /** Port of the pod. */
  readonly target: number;
}

/** Every port of every Service that leads to the pod. */
export function claimsOn(cluster: Cluster, pod: Pod): Claim[] {
  return cluster.servicesSelecting(pod).flatMap((service) =>
    service.ports.flatMap((port) => {
      const { targetPort } = port;
      const target =
        typeof targetPort === 'number' ? targetPort : pod.ports.find(({ name }) => name === targetPort)?.port;
      return target === undefined ? [] : [{ service, port, target }];
    }),
  );
}

/**
 * What a port of a pod speaks, for its own proxy and for clients that dial the pod's address, as those of a headless
 * Service do: what its Server says, else what all Services that lead to it say; where they disagree it is detected.
 */
export function podProtocol({ cluster, domain }: Mesh, pod: Pod, port: number): ProtocolDecision {
  const namespace = cluster.get('Namespace', '', pod.namespace) ?? null;
  const witness = { server: serverOn(cluster, pod, port), pod: { object: pod, port }, namespace };
  const decisions = claimsOn(cluster, pod)
    .filter(({ target }) => target === port)
    .map((claim) => {
      const host = serviceHost(claim.service, domain);
      // Faults of the profile are for whoever asks about the Service.
      const profile = profileOf({ cluster, domain, complain: () => {} }, host, host.namespace);
      return decideProtocol({ ...witness, host: { host, port: claim.port }, profile });
    });
  const first = decisions[0] ?? decideProtocol({ ...witness, host: null, profile: null });
  const agree = decisions.every(({ protocol }) => protocol === first.protocol);
  return agree ? first : { protocol: 'detect', rule: 'Services disagree' };
}
