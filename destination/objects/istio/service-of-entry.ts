import type { Service } from '../kubernetes/service.ts';
import type { EntryHost } from './service-entry.ts';

/** A host of an entry in the shape of a Service, so that the same rules hold for it. Its DNS name is the host. */
export function serviceOfEntry(entry: EntryHost): Service {
  const { object, host } = entry;
  return {
    ...object,
    name: host,
    entry,
    settings: { opaquePorts: null, skipInboundPorts: null, inboundPolicy: null, requestOverrides: null },
    externalName: '',
    isLocal: false,
    routeAnnotations: null,
    breaker: null,
    externalIPs: [],
    clusterIPs: entry.dialled ? [entry.dialled] : [],
    selector: {},
  };
}
