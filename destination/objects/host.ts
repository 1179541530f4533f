import type { ServiceEntry } from './istio/service-entry.ts';
import type { Service } from './kubernetes/service.ts';
import type { ServicePort } from './kubernetes/service-port.ts';
import { type MeshDomain, serviceName } from './mesh-domain.ts';

/** What clients call by a name. The fields of {@link CalledHost} are all that most rules ask of it. */
export type Host = ServiceHost | EntryHost;

/** What every host has, wherever it comes from. */
export interface CalledHost {
  /** Full DNS name in lower case, without a dot at the end. */
  readonly name: string;
  /** What metrics and complaints call it: the Service's own name, or the host as a whole. */
  readonly shortName: string;
  /** Of the object that it comes from. */
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  /** Addresses in canonical spelling that clients dial for it, as far as they are known. */
  readonly addresses: readonly string[];
}

/** A Service of the cluster. */
export interface ServiceHost extends CalledHost {
  readonly kind: 'Service';
  readonly object: Service;
}

/** A host of a ServiceEntry. */
export interface EntryHost extends CalledHost {
  readonly kind: 'ServiceEntry';
  readonly object: ServiceEntry;
}

/** The host that a Service is. */
export function serviceHost(object: Service, domain: MeshDomain): ServiceHost {
  const { name, namespace, ports, clusterIPs } = object;
  return {
    kind: 'Service',
    name: serviceName(object, domain),
    shortName: name,
    namespace,
    ports,
    addresses: clusterIPs,
    object,
  };
}

/**
 * A host of an entry.
 *
 * @param name never a wildcard: what was asked for, or the entry's first one where an address was dialled
 * @param dialled address that was dialled; null: a name was asked for
 */
export function entryHost(object: ServiceEntry, name: string, dialled: string | null): EntryHost {
  const { namespace, ports } = object;
  const addresses = dialled === null ? [] : [dialled];
  return { kind: 'ServiceEntry', name, shortName: name, namespace, ports, addresses, object };
}
