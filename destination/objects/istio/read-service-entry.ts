import { IpNetworks, isIpNetwork } from '../../../core/config/ip-networks.ts';
import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import { FieldReader } from '../field-reader.ts';
import { type Fields, firstPlaces } from '../json.ts';
import type { ServicePort } from '../kubernetes/service-port.ts';
import { readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { canonicalHost, isHost } from './host.ts';
import type { EntryEndpoint, ServiceEntry } from './service-entry.ts';
import { readExportTo } from './visibility.ts';

/**
 * Reads a ServiceEntry of any version. One error makes it unusable as a whole.
 *
 * @throws MalformedObject
 * @see https://istio.io/latest/docs/reference/config/networking/service-entry/
 */
export function readServiceEntry(raw: Fields, problems: Problem[]): ServiceEntry {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow([
    ...['hosts', 'addresses', 'ports', 'location', 'resolution', 'endpoints'],
    ...['workloadSelector', 'exportTo', 'subjectAltNames'],
  ]);
  const resolution = readResolution(reader);
  const addresses = readAddresses(reader);
  const entry: ServiceEntry = {
    ...meta,
    hosts: readHosts(reader),
    addresses,
    networks: new IpNetworks(addresses),
    ports: readPorts(reader),
    exportTo: readEntryExport(reader),
    resolution,
    endpoints: reader.nestedList('endpoints').map((endpoint) => readEndpoint(endpoint, resolution)),
  };
  readLocation(reader);
  checkResolution(reader, entry);
  warnOfPorts(reader, entry);
  if (reader.has('workloadSelector'))
    reader.warning('workloadSelector', 'is not followed; a Service with that selector has the same pods');
  if (reader.has('subjectAltNames'))
    reader.warning('subjectAltNames', 'is not checked, since no TLS is begun towards hosts outside the mesh');
  refuseErrors(found, problems);
  return entry;
}

function readHosts(reader: FieldReader): string[] {
  const hosts = reader.texts('hosts').map(canonicalHost);
  if (hosts.length === 0) reader.problem('hosts', 'is missing');
  for (const [at, host] of hosts.entries()) {
    if (host === '*')
      reader.problem(`hosts[${at}]`, '"*" would be every host; name them, or those below one: *.example.com');
    else if (!isHost(host)) reader.problem(`hosts[${at}]`, `"${host}" is no host`);
  }
  return hosts;
}

function readAddresses(reader: FieldReader): string[] {
  return reader.texts('addresses').flatMap((text, at) => {
    if (!isIpNetwork(text)) reader.problem(`addresses[${at}]`, `"${text}" is neither an address nor a CIDR`);
    return isIpNetwork(text) ? (canonicalIp(text) ?? text) : [];
  });
}

function readPorts(reader: FieldReader): ServicePort[] {
  const ports = reader.nestedList('ports').map((entry): ServicePort => {
    entry.allow(['number', 'name', 'protocol', 'targetPort']);
    const port = entry.number('number', { min: 1, max: 65_535, integer: true }) ?? 0;
    const protocol = (entry.optionalText('protocol') ?? 'TCP').toUpperCase();
    const appProtocol = PROTOCOLS.get(protocol);
    if (appProtocol === undefined)
      entry.problem('protocol', `"${protocol}" is none of ${[...PROTOCOLS.keys()].join(', ')}`);
    const targetPort = entry.whole('targetPort', 1, 65_535) ?? port;
    return { name: entry.text('name') ?? '', port, targetPort, appProtocol: appProtocol ?? '' };
  });
  if (ports.length === 0) reader.problem('ports', 'is missing');
  for (const name of ['name', 'port'] as const) {
    const places = firstPlaces(ports.map((port) => port[name]));
    for (const [at, each] of ports.entries())
      if (places.get(each[name])! < at)
        reader.problem(`ports[${at}].${name === 'port' ? 'number' : name}`, `${each[name]} stands twice`);
  }
  return ports;
}

function readEntryExport(reader: FieldReader): readonly string[] {
  const isNobody = reader.list('exportTo').length === 1 && reader.list('exportTo')[0] === '~';
  return isNobody ? [] : readExportTo(reader);
}

function readResolution(reader: FieldReader): ServiceEntry['resolution'] {
  const text = reader.optionalText('resolution') ?? 'NONE';
  const resolution = RESOLUTIONS.get(text);
  if (!resolution) reader.problem('resolution', `"${text}" is none of ${[...RESOLUTIONS.keys()].join(', ')}`);
  return resolution ?? 'none';
}

function readLocation(reader: FieldReader): void {
  const location = reader.optionalText('location') ?? 'MESH_EXTERNAL';
  // Where an address is that of a pod with a proxy, mutual TLS is demanded whatever this says.
  if (location !== 'MESH_EXTERNAL' && location !== 'MESH_INTERNAL')
    reader.problem('location', `"${location}" is neither MESH_EXTERNAL nor MESH_INTERNAL`);
}

function readEndpoint(reader: FieldReader, resolution: ServiceEntry['resolution']): EntryEndpoint {
  reader.allow(['address', 'ports', 'labels', 'network', 'locality', 'weight', 'serviceAccount']);
  const text = reader.text('address') ?? '';
  const ip = canonicalIp(text);
  const name = canonicalHost(text);
  if (text.startsWith('unix://')) reader.problem('address', 'is a Unix socket, which the proxy does not connect to');
  else if (ip === null && resolution === 'static')
    reader.problem('address', `"${text}" is no IP address, as resolution STATIC wants`);
  else if (ip === null && (!isHost(name) || name.includes('*')))
    reader.problem('address', `"${text}" is no address and no DNS name`);
  const ports = reader.nested('ports');
  for (const field of ['weight', 'network', 'serviceAccount'] as const)
    if (reader.has(field)) reader.warning(field, UNHEEDED[field]);
  return {
    address: ip ?? name,
    ports: Object.fromEntries(
      Object.keys(ports?.fields ?? {}).map((key) => [
        key,
        ports!.number(key, { min: 1, max: 65_535, integer: true }) ?? 0,
      ]),
    ),
    labels: reader.textMap('labels'),
    locality: localityOf(reader.optionalText('locality') ?? ''),
  };
}

function localityOf(text: string): string {
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return text === '' ? '' : `${region}/${zone}/${subzone}`;
}

function checkResolution(reader: FieldReader, { resolution, endpoints, hosts, ports }: ServiceEntry): void {
  if (resolution === 'none' && endpoints.length > 0)
    reader.problem('endpoints', 'is written where resolution is NONE, which goes where the client dialled');
  if (resolution === 'static' && endpoints.length === 0 && !reader.has('workloadSelector'))
    reader.problem('endpoints', 'is missing, where resolution is STATIC');
  const isDynamic = reader.fields.resolution === 'DYNAMIC_DNS';
  if (resolution === 'dns' && !isDynamic && endpoints.length === 0)
    for (const [at, host] of hosts.entries())
      if (host.startsWith('*'))
        reader.problem(
          `hosts[${at}]`,
          `"${host}" has no address to resolve; DYNAMIC_DNS resolves each name, NONE goes where the client dialled`,
        );
  const portNames = new Set(ports.map(({ name }) => name));
  for (const [at, endpoint] of endpoints.entries())
    for (const name of Object.keys(endpoint.ports))
      if (!portNames.has(name)) reader.problem(`endpoints[${at}].ports.${name}`, 'is no port of the entry');
}

/** Octets name no host: only an address tells them apart. */
function warnOfPorts(reader: FieldReader, { ports, addresses }: ServiceEntry): void {
  if (addresses.length > 0) return;
  for (const [at, { appProtocol }] of ports.entries())
    if (appProtocol === 'tcp')
      reader.warning(
        `ports[${at}]`,
        'carries octets that name no host, and the entry has no addresses: its connections go where they are dialled, without its rules',
      );
}

/** As `appProtocol` of a Service. HTTP is detected, so that HTTP/2 is understood too. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['HTTP', ''],
  ['HTTP2', 'http2'],
  ['GRPC', 'grpc'],
  ['HTTPS', 'https'],
  ['TLS', 'tls'],
  ['TCP', 'tcp'],
  ['MONGO', 'tcp'],
]);

const RESOLUTIONS: ReadonlyMap<string, ServiceEntry['resolution']> = new Map([
  ['NONE', 'none'],
  ['STATIC', 'static'],
  ['DNS', 'dns'],
  ['DNS_ROUND_ROBIN', 'dns'],
  ['DYNAMIC_DNS', 'dns'],
]);

const UNHEEDED = {
  weight: 'has no effect; endpoints are balanced by what they can bear',
  network: 'has no effect; there is one network',
  serviceAccount: 'has no effect; the identity of a pod is known from the pod',
} as const;
