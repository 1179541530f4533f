import { canonicalIp } from '../../../core/kubernetes/ip-address.ts';
import { fieldsOf, flagOf, listOf, textOf } from '../checked-fields.ts';
import { type Fields, isPort } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { MalformedObject } from '../problem.ts';

/**
 * Some of the addresses behind a Service; every slice of it counts. Source:
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
 */
export interface EndpointSlice extends Meta {
  /** Name of the Service in the same namespace; empty: it belongs to none. */
  readonly service: string;
  readonly addresses: readonly SliceAddress[];
  readonly ports: readonly SlicePort[];
}

/** One endpoint of a slice, which serves on every port of the slice. */
export interface SliceAddress {
  /** IPv4 or IPv6 literal. */
  readonly ip: string;
  /** True too where the Service publishes addresses that are not ready. */
  readonly isReady: boolean;
  /** The pod ends, and the slice knows it: with `publishNotReadyAddresses` it may be ready all the same. */
  readonly isTerminating: boolean;
  /** First label of the pod's DNS name under a headless Service; empty where it has none. */
  readonly hostname: string;
  readonly zone: string;
  /** Empty: not known. */
  readonly node: string;
  /** Zones that it should be used from; empty: there is no hint. */
  readonly hintedZones: readonly string[];
  /** The pod behind the address, in the slice's namespace; null: something else. */
  readonly pod: { readonly name: string; readonly uid: string } | null;
}

/** A TCP port that the addresses listen on, which may differ from the Service's: that of the same name leads to it. */
export interface SlicePort {
  /** Name of the Service's port. */
  readonly name: string;
  readonly port: number;
}

/** Reads a discovery.k8s.io EndpointSlice; slices of host names (`addressType: FQDN`) hold no address. @throws MalformedObject */
export function readEndpointSlice(raw: Fields): EndpointSlice {
  const meta = readMeta(raw);
  const hasAddresses = textOf(raw.addressType, 'addressType', 'IPv4') !== 'FQDN';
  return {
    ...meta,
    service: meta.labels['kubernetes.io/service-name'] ?? '',
    addresses: hasAddresses
      ? listOf(raw.endpoints, 'endpoints').flatMap((entry, at) => readEndpoint(entry, `endpoints[${at}]`))
      : [],
    ports: listOf(raw.ports, 'ports').flatMap((entry, at) => readPort(entry, `ports[${at}]`)),
  };
}

/** The first address alone counts: its meaning is the same as that of the others (EndpointSlice API, `addresses`). */
function readEndpoint(raw: unknown, path: string): SliceAddress[] {
  const fields = fieldsOf(raw, path);
  const conditions = fieldsOf(fields.conditions, `${path}.conditions`);
  const target = fieldsOf(fields.targetRef, `${path}.targetRef`);
  const address = textOf(listOf(fields.addresses, `${path}.addresses`)[0], `${path}.addresses[0]`);
  const ip = canonicalIp(address);
  if (ip === null) throw new MalformedObject(`${path}.addresses[0]`, `"${address}" is no IP address`);
  const isPod = target.kind === 'Pod';
  return [
    {
      ip,
      isReady: flagOf(conditions.ready, `${path}.conditions.ready`, true),
      isTerminating: flagOf(conditions.terminating, `${path}.conditions.terminating`, false),
      hostname: textOf(fields.hostname, `${path}.hostname`),
      zone: textOf(fields.zone, `${path}.zone`),
      node: textOf(fields.nodeName, `${path}.nodeName`),
      hintedZones: readHints(fields.hints, `${path}.hints`),
      pod: isPod
        ? { name: textOf(target.name, `${path}.targetRef.name`), uid: textOf(target.uid, `${path}.targetRef.uid`) }
        : null,
    },
  ];
}

function readHints(raw: unknown, path: string): string[] {
  return listOf(fieldsOf(raw, path).forZones, `${path}.forZones`).map((entry, at) =>
    textOf(fieldsOf(entry, `${path}.forZones[${at}]`).name, `${path}.forZones[${at}].name`),
  );
}

function readPort(raw: unknown, path: string): SlicePort[] {
  const fields = fieldsOf(raw, path);
  if (textOf(fields.protocol, `${path}.protocol`, 'TCP') !== 'TCP' || !isPort(fields.port)) return [];
  return [{ name: textOf(fields.name, `${path}.name`), port: fields.port }];
}
