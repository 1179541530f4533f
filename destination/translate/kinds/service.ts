import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import { type Fields, fieldsOf, isPort, listOf, portOf, textOf, textsOf } from './json.ts';
import { type Meta, readAnnotations, readMeta } from './meta.ts';
import { readSettings, type Settings } from './settings.ts';

export interface Service extends Meta {
  readonly settings: Settings;
  /** `ExternalName` has no endpoints of its own. */
  readonly type: string;
  /** One per address family; empty when headless or not yet allotted. */
  readonly clusterIPs: readonly string[];
  /** Ports that carry TCP. */
  readonly ports: readonly ServicePort[];
  /** Empty: someone else writes the EndpointSlices. */
  readonly selector: Readonly<Record<string, string>>;
}

export interface ServicePort {
  /** Empty for the only port. Its EndpointSlice ports have the same name. */
  readonly name: string;
  readonly port: number;
  /** Container port, by number or name. */
  readonly targetPort: number | string;
  readonly appProtocol: string;
}

/** Reads a v1 Service. @throws MalformedObject */
export function readService(raw: Fields, problems: Problem[]): Service {
  const spec = fieldsOf(raw.spec, 'spec');
  return {
    ...readMeta(raw),
    settings: readSettings(readAnnotations(raw), problems),
    type: textOf(spec.type, 'spec.type', 'ClusterIP'),
    clusterIPs: readClusterIPs(spec),
    ports: listOf(spec.ports, 'spec.ports').flatMap((port, at) => readPort(port, `spec.ports[${at}]`)),
    selector: textsOf(spec.selector, 'spec.selector'),
  };
}

function readClusterIPs(spec: Fields): string[] {
  const all = [spec.clusterIP, ...listOf(spec.clusterIPs, 'spec.clusterIPs')];
  const ips = all.map((ip) => (typeof ip === 'string' ? canonicalIp(ip) : null));
  return [...new Set(ips.filter((ip) => ip !== null))];
}

function readPort(raw: unknown, path: string): ServicePort[] {
  const fields = fieldsOf(raw, path);
  if (textOf(fields.protocol, `${path}.protocol`, 'TCP') !== 'TCP') return [];
  const port = portOf(fields.port, `${path}.port`);
  const targetPort = fields.targetPort ?? port;
  if (!isPort(targetPort) && (typeof targetPort !== 'string' || targetPort === '')) {
    throw new MalformedObject(`${path}.targetPort`, 'is neither a port (1 to 65535) nor a port name');
  }
  return [
    {
      name: textOf(fields.name, `${path}.name`),
      port,
      targetPort,
      appProtocol: textOf(fields.appProtocol, `${path}.appProtocol`),
    },
  ];
}
