import { FieldReader } from '../field-reader.ts';
import { type Fields, firstPlaces } from '../json.ts';
import { readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { MatchesSeen } from '../vain-match.ts';
import { isForEveryClient, MESH_GATEWAY } from './client-selector.ts';
import { canonicalHost, isHost, wildcardsCovering } from './host.ts';
import { ANY_CONNECTION, readConnectionRule } from './read-connection-rule.ts';
import { ANY_REQUEST, takesEverything } from './read-http-match.ts';
import { readHttpRule } from './read-http-rule.ts';
import type { VirtualService } from './virtual-service.ts';
import { readExportTo } from './visibility.ts';

/**
 * Reads a VirtualService of any version. One error makes it unusable as a whole: its rules depend on one another's order.
 *
 * One for gateways alone says nothing to workloads, and its rules are not read.
 *
 * @throws MalformedObject
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export function readVirtualService(raw: Fields, problems: Problem[]): VirtualService {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['hosts', 'gateways', 'http', 'tls', 'tcp', 'exportTo']);
  const gateways = reader.texts('gateways');
  const isForMesh = gateways.length === 0 || gateways.includes(MESH_GATEWAY);
  if (!gateways.every((name) => name === MESH_GATEWAY))
    reader.warning('gateways', 'names gateways, which are not served; the VirtualService says nothing to them');
  const hosts = reader.texts('hosts').map(canonicalHost);
  const service: VirtualService = {
    ...meta,
    hosts,
    isForMesh,
    exportTo: readExportTo(reader),
    http: isForMesh ? reader.nestedList('http').map(readHttpRule) : [],
    connections: isForMesh
      ? (['tls', 'tcp'] as const).flatMap((kind) =>
          reader.nestedList(kind).map((rule) => readConnectionRule(rule, kind, hosts)),
        )
      : [],
  };
  checkHosts(reader, service);
  if (!reader.has('http') && !reader.has('tls') && !reader.has('tcp'))
    reader.problem('', 'has neither http nor tls nor tcp');
  warnOfUnreachable(service, found);
  warnOfRepeated(service, found);
  refuseErrors(found, problems);
  return service;
}

function checkHosts(reader: FieldReader, { hosts, isForMesh }: VirtualService): void {
  if (hosts.length === 0) {
    if (reader.has('gateways') || reader.has('tls') || reader.has('tcp'))
      reader.problem('hosts', 'is missing; only a delegate, with http alone, has none');
    reader.warning('hosts', 'is missing, which makes it a delegate; delegates are not followed, and it has no effect');
  }
  const places = firstPlaces(hosts);
  for (const [at, host] of hosts.entries()) {
    if (!isHost(host)) {
      reader.problem(`hosts[${at}]`, `"${host}" is no host`);
      continue;
    }
    if (host === '*' && isForMesh)
      reader.problem(`hosts[${at}]`, '"*" is for gateways alone; name what workloads call');
    const isRepeated = places.get(host)! < at;
    const other = isRepeated ? host : wildcardsCovering(host).find((each) => each !== host && places.has(each));
    if (other !== undefined) reader.problem(`hosts[${at}]`, `"${host}" is covered by "${other}" already`);
  }
}

/** Of rules that come after all has been taken {@link warnOfUnreachable} tells. */
function warnOfRepeated({ http, connections }: VirtualService, found: Problem[]): void {
  const seen = new MatchesSeen('written');
  for (const { path, matches } of http)
    for (const [at, match] of matches.entries())
      if (match !== ANY_REQUEST) seen.note(`${path}.match[${at}]`, match.when, match.selector, found);
  for (const { path, matches } of connections)
    for (const [at, match] of matches.entries())
      seen.note(match === ANY_CONNECTION ? path : `${path}.match[${at}]`, { all: [] }, match, found);
}

/** A rule that takes everything, whoever the client is, leaves nothing to those after it. */
function warnOfUnreachable({ http }: VirtualService, found: Problem[]): void {
  const last = http.findIndex(({ matches }) =>
    matches.some((match) => takesEverything(match) && isForEveryClient(match.selector)),
  );
  if (last < 0) return;
  for (const { path } of http.slice(last + 1))
    found.push({ path, message: `is never reached, since ${http[last]!.path} takes everything`, severity: 'warning' });
}
