import { DEFAULT_OPAQUE_PORTS } from '../../api/names.ts';
import type { Protocol } from '../../api/routing.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import type { Host } from '../objects/host.ts';
import type { Namespace } from '../objects/kubernetes/namespace.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { ServicePort } from '../objects/kubernetes/service-port.ts';
import { coversPort, type PortSetting } from '../objects/kubernetes/settings.ts';
import type { Server } from '../objects/linkerd/server.ts';
import { formatRef, refOf } from '../objects/object-ref.ts';
import type { ChosenProfile } from './linkerd/profile-choice.ts';

/** What a port speaks, and the rule that says so. */
export interface ProtocolDecision {
  readonly protocol: Protocol;
  /** `proxyProtocol/Server/default/api`, `appProtocol/Service/default/api`, `weft.dev/opaque-ports/Namespace/default`, `default opaque ports`, `default`. */
  readonly rule: string;
}

/** Everything that may say what a port speaks, nearest first; absent ones are null. */
export interface ProtocolWitnesses {
  /** The Server of the pod's port, or of the port of every pod behind the Service. */
  readonly server: Server | null;
  /** The host that was asked for, or a Service that leads to the pod, with its port. */
  readonly host: { readonly host: Host; readonly port: ServicePort } | null;
  readonly profile: ChosenProfile | null;
  /** The pod, with the port that it listens on. */
  readonly pod: { readonly object: Pod; readonly port: number } | null;
  readonly namespace: Namespace | null;
}

/**
 * Decides what a port speaks. The first that says something decides:
 *
 * 1. `proxyProtocol` of the Server, unless it is `unknown`
 * 2. an opaque-ports annotation of the Service, then of the pod, that covers the port
 * 3. `opaquePorts` of the ServiceProfile
 * 4. `appProtocol` of the Service's port
 * 5. the nearest opaque-ports annotation (Service, pod, namespace), which takes the place of the default list
 * 6. the default opaque ports: of the Service, which clients know, or of the pod
 * 7. detection
 *
 * An `appProtocol` that nobody knows leaves the port to detection, which handles every protocol. `unknown` is also what
 * an API server writes where a Server has no `proxyProtocol`, so it says nothing; linkerd2-proxy detects whatever else is said.
 */
export function decideProtocol(witnesses: ProtocolWitnesses): ProtocolDecision {
  const { server, host: called, profile, pod, namespace } = witnesses;
  const service = called?.host.kind === 'Service' ? called.host.object : null;
  if (server && server.protocol !== 'detect')
    return { protocol: server.protocol, rule: `proxyProtocol/${formatRef(refOf('Server', server))}` };
  const annotated = [
    service && {
      setting: service.settings.opaquePorts,
      owner: formatRef(refOf('Service', service)),
      covers: servicePorts(called!.port),
    },
    pod && {
      setting: pod.object.settings.opaquePorts,
      owner: formatRef(refOf('Pod', pod.object)),
      covers: podPorts(pod.object, pod.port),
    },
  ].filter((each) => each !== null);
  for (const { setting, owner, covers } of annotated) {
    if (setting && covers(setting)) return { protocol: 'opaque', rule: `${setting.annotation}/${owner}` };
  }
  if (called && profile?.profile.opaquePorts?.has(called.port.port))
    return { protocol: 'opaque', rule: `opaquePorts/${formatRef(profile.object)}` };
  const declared = called && APP_PROTOCOLS.get(called.port.appProtocol.toLowerCase());
  if (declared) return { protocol: declared, rule: declaredBy(called.host) };
  if (annotated.some(({ setting }) => setting !== null)) return DETECT;
  const ports = [pod?.port, called?.port.port].filter((port) => port !== undefined);
  return decideByNamespace(namespace, ports);
}

/** @param ports the pod's and the Service's: both proxies decide alike, whichever of them they know */
function decideByNamespace(namespace: Namespace | null, ports: readonly number[]): ProtocolDecision {
  const setting = namespace?.settings.opaquePorts;
  if (setting) {
    return ports.some((port) => coversPort(setting, port))
      ? { protocol: 'opaque', rule: `${setting.annotation}/Namespace/${namespace!.name}` }
      : DETECT;
  }
  return ports.some((port) => DEFAULT_RANGES.has(port)) ? { protocol: 'opaque', rule: 'default opaque ports' } : DETECT;
}

function declaredBy({ kind, object }: Host): string {
  return `${kind === 'Service' ? 'appProtocol' : 'protocol'}/${formatRef(refOf(kind, object))}`;
}

/** A Service's annotation names its own ports, as Linkerd's does. */
function servicePorts(port: ServicePort): (setting: PortSetting) => boolean {
  return (setting) => coversPort(setting, port.port, [port.name]);
}

function podPorts(pod: Pod, port: number): (setting: PortSetting) => boolean {
  const names = pod.ports.filter((each) => each.port === port).map((each) => each.name);
  return (setting) => coversPort(setting, port, names);
}

const DETECT: ProtocolDecision = { protocol: 'detect', rule: 'default' };
const DEFAULT_RANGES = PortRanges.parse(DEFAULT_OPAQUE_PORTS) as PortRanges;

/**
 * `appProtocol` in lower case: Kubernetes' standard names (KEP-3726), IANA service names, and Linkerd's.
 * Names of protocols in which the server speaks first, or which no proxy reads, are opaque.
 */
const APP_PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http1'],
  ['kubernetes.io/ws', 'http1'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['grpc', 'grpc'],
  ['https', 'tls'],
  ['tls', 'tls'],
  ['kubernetes.io/wss', 'tls'],
  ['tcp', 'opaque'],
  ['linkerd.io/tcp', 'opaque'],
  ['linkerd.io/opaque', 'opaque'],
  ['mysql', 'opaque'],
  ['postgresql', 'opaque'],
  ['postgres', 'opaque'],
  ['redis', 'opaque'],
  ['mongo', 'opaque'],
  ['mongodb', 'opaque'],
  ['smtp', 'opaque'],
  ['amqp', 'opaque'],
  ['kafka', 'opaque'],
]);
