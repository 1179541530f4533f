import { isIpNetwork } from '../../../core/config/ip-networks.ts';
import type { FieldReader } from '../field-reader.ts';
import { ANY_CLIENT, readClientSelector } from './client-selector.ts';
import { canonicalHost, isHost, wildcardsCovering } from './host.ts';
import { readDestinations } from './read-destination.ts';
import type { ConnectionMatch, ConnectionRule } from './virtual-service.ts';

/**
 * Reads an entry of `tls` or `tcp`.
 *
 * Source: VirtualService, "TLSRoute" and "TCPRoute".
 * @param hosts of the VirtualService, in lower case: a server name has to be covered by one of them
 */
export function readConnectionRule(reader: FieldReader, kind: 'tls' | 'tcp', hosts: readonly string[]): ConnectionRule {
  reader.allow(['match', 'route']);
  const matches = reader.nestedList('match').map((entry) => readMatch(entry, kind, hosts));
  if (kind === 'tls' && matches.length === 0) reader.problem('match', 'is missing; a tls rule names sniHosts');
  if (!reader.has('route')) reader.problem('route', 'is missing');
  return {
    path: reader.path,
    matches: matches.length > 0 ? matches : [ANY_CONNECTION],
    destinations: readDestinations(reader, false),
  };
}

function readMatch(reader: FieldReader, kind: 'tls' | 'tcp', hosts: readonly string[]): ConnectionMatch {
  reader.allow([
    ...['destinationSubnets', 'port', 'sourceLabels', 'gateways', 'sourceNamespace'],
    ...(kind === 'tls' ? ['sniHosts'] : ['sourceSubnet']),
  ]);
  if (reader.has('sourceSubnet'))
    reader.warning('sourceSubnet', 'is not looked at, as in Istio; write sourceLabels or sourceNamespace');
  const destinationSubnets = reader.texts('destinationSubnets');
  for (const [at, subnet] of destinationSubnets.entries())
    if (!isIpNetwork(subnet))
      reader.problem(`destinationSubnets[${at}]`, `"${subnet}" is neither an address nor a CIDR`);
  return {
    sni: kind === 'tls' ? readServerNames(reader, hosts) : null,
    destinationSubnets,
    selector: readClientSelector(reader),
  };
}

function readServerNames(reader: FieldReader, hosts: readonly string[]): string[] {
  const names = reader.texts('sniHosts').map(canonicalHost);
  if (names.length === 0) reader.problem('sniHosts', 'is missing');
  const known = new Set(hosts);
  for (const [at, name] of names.entries()) {
    if (!isHost(name)) reader.problem(`sniHosts[${at}]`, `"${name}" is no host`);
    else if (!isCovered(name, known)) reader.problem(`sniHosts[${at}]`, `"${name}" is covered by none of the hosts`);
  }
  return names;
}

/** Whether one of the hosts stands for every name that `name` stands for. */
function isCovered(name: string, hosts: ReadonlySet<string>): boolean {
  return hosts.has('*') || hosts.has(name) || wildcardsCovering(name).some((host) => hosts.has(host));
}

/** The match of a rule that has none. */
export const ANY_CONNECTION: ConnectionMatch = {
  sni: null,
  destinationSubnets: [],
  selector: ANY_CLIENT,
};
