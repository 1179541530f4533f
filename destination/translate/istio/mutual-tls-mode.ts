import type { MutualTlsMode, PodAccess } from '../../../api/access-policy.ts';
import type { PeerAuthentication, PeerMode } from '../../objects/istio/peer-authentication.ts';
import { selectsWorkload } from '../../objects/istio/workload-selector.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry, Mesh } from '../inquiry.ts';
import { rootNamespaces } from './root-namespaces.ts';

/** What PeerAuthentications make of a pod: its mode, and that of ports that differ from it. */
export type PodMutualTls = Pick<PodAccess, 'mutualTls' | 'mutualTlsPorts'>;

/**
 * Whether the clients of a pod have to prove who they are. The narrowest object that says so decides: one for the port, for
 * the workload, for the namespace, for the mesh; of several of one scope the oldest. Nobody says so: both are taken.
 *
 * `DISABLE` takes both as well: clients of this mesh then speak in the clear ({@link isMutualTlsOff}), and those that have not
 * heard of it yet lose nothing.
 *
 * Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export function mutualTlsOf(inquiry: Inquiry, pod: Pod): PodMutualTls {
  const said = objectsFor(inquiry, pod);
  if (said.standIn) return { mutualTls: modeOf('STRICT', said.standIn) };
  tellOfVain(inquiry, said);
  const [workload] = said.workload;
  const whole = wholeOf(said);
  const ports = Object.entries(workload?.ports ?? {})
    .filter(([, mode]) => mode !== 'UNSET')
    .map(([port, mode]) => [port, modeOf(mode, workload!)] as const);
  return {
    mutualTls: whole ? modeOf(whole.mode, whole) : NOBODY_SAID,
    ...(ports.length > 0 && { mutualTlsPorts: Object.fromEntries(ports) }),
  };
}

/** Whether a port of a pod is to be spoken to in the clear, because a PeerAuthentication says `DISABLE` of it. */
export function isMutualTlsOff(mesh: Mesh, pod: Pod, port: number): boolean {
  const said = objectsFor(mesh, pod);
  if (said.standIn) return false;
  const ofPort = said.workload[0]?.ports[String(port)] ?? 'UNSET';
  return (ofPort !== 'UNSET' ? ofPort : wholeOf(said)?.mode) === 'DISABLE';
}

/** The objects that speak of a pod, by scope, the oldest first; and those that speak of nothing. */
interface Said {
  readonly workload: readonly PeerAuthentication[];
  readonly namespace: readonly PeerAuthentication[];
  readonly mesh: readonly PeerAuthentication[];
  readonly vain: readonly PeerAuthentication[];
  /** One that cannot be read, and may be about the pod. */
  readonly standIn: PeerAuthentication | undefined;
}

function objectsFor({ cluster, domain }: Mesh, pod: Pod): Said {
  const roots = rootNamespaces(domain);
  const own = cluster.peerAuthenticationsOf(pod.namespace).filter(({ namespace }) => !roots.includes(namespace));
  const ofRoots = roots.flatMap((root) => cluster.peerAuthenticationsOf(root));
  return {
    workload: own.filter(({ selector }) => selector && selectsWorkload(selector, pod.labels)).sort(byAge),
    namespace: own.filter(({ selector }) => !selector).sort(byAge),
    mesh: ofRoots.filter(({ selector }) => !selector).sort(byAge),
    vain: ofRoots.filter(({ selector }) => selector),
    standIn: [...own, ...ofRoots].find(({ isStandIn }) => isStandIn),
  };
}

/** The one that decides for the workload as a whole; null: nobody has said. */
function wholeOf({ workload, namespace, mesh }: Said): PeerAuthentication | null {
  return [workload[0], namespace[0], mesh[0]].find((each) => each && each.mode !== 'UNSET') ?? null;
}

function tellOfVain({ complain }: Inquiry, { workload, namespace, mesh, vain }: Said): void {
  for (const [oldest, ...others] of [workload, namespace, mesh])
    for (const other of others)
      complain(
        refOf(KIND, other),
        '',
        `has no effect: ${formatRef(refOf(KIND, oldest!))}, which is older, speaks of the same`,
      );
  for (const each of vain)
    complain(
      refOf(KIND, each),
      'spec.selector',
      'has no effect in a root namespace, as in Istio: write it where the workload is',
    );
}

function modeOf(mode: PeerMode, object: PeerAuthentication): MutualTlsMode {
  return { mode: mode === 'STRICT' ? 'strict' : 'permissive', origin: formatRef(refOf(KIND, object)) };
}

const KIND = 'PeerAuthentication';
const NOBODY_SAID: MutualTlsMode = { mode: 'permissive', origin: 'default' };
