import type { FieldReader } from '../field-reader.ts';
import { NO_OPERATIONS, readHeaderOperations } from './header-operations.ts';
import { canonicalHost, isHost } from './host.ts';
import type { Destination, RouteDestination } from './virtual-service.ts';

/**
 * Reads `route`: a single destination takes everything whatever its weight; of several those without weight take nothing.
 *
 * @param hasHeaders of HTTP, not of connections
 */
export function readDestinations(reader: FieldReader, hasHeaders: boolean): RouteDestination[] {
  const list = reader.nestedList('route').flatMap((entry): RouteDestination[] => {
    entry.allow(['destination', 'weight', ...(hasHeaders ? ['headers'] : [])]);
    if (!entry.has('destination')) entry.problem('destination', 'is missing');
    const fields = entry.nested('destination');
    const destination = fields && readDestination(fields);
    const weight = entry.whole('weight', 0, 2 ** 31 - 1) ?? 0;
    const headers = hasHeaders ? readHeaderOperations(entry.nested('headers')) : NO_OPERATIONS;
    return destination ? [{ destination, weight, headers }] : [];
  });
  const [only] = list;
  if (list.length === 1) return [{ ...only!, weight: 1 }];
  const weighted = list.filter(({ weight }) => weight > 0);
  if (list.length > 1 && weighted.length === 0)
    reader.problem('route', 'has several destinations and no weight above 0');
  return weighted;
}

/** Reads a `destination`; null with a problem noted where it names no host. Source: VirtualService, "Destination". */
export function readDestination(reader: FieldReader): Destination | null {
  reader.allow(['host', 'subset', 'port']);
  const host = canonicalHost(reader.text('host') ?? '');
  const subset = reader.optionalText('subset') ?? '';
  const port = reader.nested('port');
  port?.allow(['number']);
  if (port && !port.has('number')) port.problem('number', 'is missing');
  if (subset !== '' && !/^[a-z0-9A-Z]([-a-z0-9A-Z]{0,61}[a-z0-9A-Z])?$/.test(subset))
    reader.problem('subset', `"${subset}" is no DNS label`);
  if (host === '') return null;
  if (!isHost(host) || host.startsWith('*')) {
    const fault = host.startsWith('*') ? 'stands for many hosts, and requests go to one; name it' : 'is no host';
    reader.problem('host', `"${host}" ${fault}`);
    return null;
  }
  return { path: reader.path, host, subset, port: port?.whole('number', 1, 65_535) ?? null };
}
