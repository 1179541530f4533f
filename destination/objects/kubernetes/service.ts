import type { CircuitBreaker } from '../../../api/traffic-policy.ts';
import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import { fieldsOf, listOf, portOf, textOf, textsOf } from '../checked-fields.ts';
import { type Fields, isPort } from '../json.ts';
import { readFailureAccrual } from '../linkerd/failure-accrual.ts';
import { type RouteAnnotations, readRouteAnnotations } from '../linkerd/route-annotations.ts';
import { type Meta, readAnnotations, readHostMeta } from '../meta.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import type { ServicePort } from './service-port.ts';
import { readSettings, type Settings } from './settings.ts';

/** What of a Service decides: the addresses and ports that clients use, and which pods are behind them. */
export interface Service extends Meta {
  readonly settings: Settings;
  /** The DNS name that the Service is another name for (`ExternalName`), in lower case; empty: it is none. */
  readonly externalName: string;
  /** Whether clients use the endpoints of their own node alone (`internalTrafficPolicy: Local`). */
  readonly isLocal: boolean;
  /** Retries and timeouts of its requests (`retry.linkerd.io/…`, `timeout.linkerd.io/…`); null: it says nothing. */
  readonly routeAnnotations: RouteAnnotations | null;
  /** `balancer.linkerd.io/failure-accrual…`; null: it says nothing. */
  readonly breaker: CircuitBreaker | null;
  /** Addresses that lead to it from outside the cluster. */
  readonly externalIPs: readonly string[];
  /** One per address family; empty when headless or not yet allotted. */
  readonly clusterIPs: readonly string[];
  /** Ports that carry TCP. */
  readonly ports: readonly ServicePort[];
  /** Empty: someone else writes the EndpointSlices. */
  readonly selector: Readonly<Record<string, string>>;
}

/** Reads a v1 Service. @throws MalformedObject */
export function readService(raw: Fields, problems: Problem[]): Service {
  const spec = fieldsOf(raw.spec, 'spec');
  const type = textOf(spec.type, 'spec.type', 'ClusterIP');
  const clusterIPs = readClusterIPs(spec);
  if (spec.sessionAffinity === 'ClientIP') {
    const message = 'ClientIP is not honoured for clients of the mesh, whose requests are balanced one by one';
    problems.push({ path: 'spec.sessionAffinity', message });
  }
  return {
    ...readHostMeta(raw),
    settings: readSettings(readAnnotations(raw), problems),
    externalName: type === 'ExternalName' ? readExternalName(spec) : '',
    // A headless Service leaves the choice to DNS, which knows no policy.
    isLocal: textOf(spec.internalTrafficPolicy, 'spec.internalTrafficPolicy') === 'Local' && clusterIPs.length > 0,
    clusterIPs,
    routeAnnotations: readRouteAnnotations(readAnnotations(raw), problems),
    breaker: readFailureAccrual(readAnnotations(raw), problems),
    externalIPs: readExternalIPs(spec, problems),
    ports: listOf(spec.ports, 'spec.ports').flatMap((port, at) => readPort(port, `spec.ports[${at}]`)),
    selector: textsOf(spec.selector, 'spec.selector'),
  };
}

function readClusterIPs(spec: Fields): string[] {
  const all = [spec.clusterIP, ...listOf(spec.clusterIPs, 'spec.clusterIPs')];
  const ips = all.map((ip) => (typeof ip === 'string' ? canonicalIp(ip) : null));
  return [...new Set(ips.filter((ip) => ip !== null))];
}

function readExternalName(spec: Fields): string {
  return textOf(spec.externalName, 'spec.externalName').toLowerCase().replace(/\.$/, '');
}

function readExternalIPs(spec: Fields, problems: Problem[]): string[] {
  return listOf(spec.externalIPs, 'spec.externalIPs').flatMap((entry, at) => {
    const ip = typeof entry === 'string' ? canonicalIp(entry) : null;
    if (ip === null) problems.push({ path: `spec.externalIPs[${at}]`, message: 'is no IP address; it is ignored' });
    return ip ?? [];
  });
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
