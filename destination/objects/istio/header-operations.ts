import type { HeaderChange, HeaderEntry, HeaderPiece } from '../../../api/filters.ts';
import { authorityFault, fieldValueFault, headerNameFault, removalFault } from '../../../core/http/head-text.ts';
import type { FieldReader } from '../field-reader.ts';
import type { HeaderOperations } from './virtual-service.ts';

export const NO_OPERATIONS: HeaderOperations = { request: null, response: null, authority: null };

/** Reads `headers` of a rule or a destination; null: there is none. Source: VirtualService, "Headers". */
export function readHeaderOperations(reader: FieldReader | null): HeaderOperations {
  if (!reader) return NO_OPERATIONS;
  reader.allow(['request', 'response']);
  const request = readChange(reader.nested('request'), true);
  return {
    request: request.change,
    response: readChange(reader.nested('response'), false).change,
    authority: request.authority,
  };
}

function readChange(
  reader: FieldReader | null,
  isRequest: boolean,
): { change: HeaderChange | null; authority: string | null } {
  reader?.allow(['set', 'add', 'remove']);
  let authority: string | null = null;
  const entries = (field: 'set' | 'add') => {
    const map = reader?.nested(field);
    return Object.entries(map?.fields ?? {}).flatMap(([key, text]): HeaderEntry[] => {
      const name = key.toLowerCase();
      if (typeof text !== 'string') {
        map!.problem(key, 'is no text');
        return [];
      }
      if (isRequest && (name === 'host' || name === ':authority')) {
        const fault = authorityFault(text);
        if (fault !== null) map!.problem(key, fault);
        authority = text;
        return [];
      }
      const fault = headerNameFault(key) ?? fieldValueFault(text);
      if (fault) map!.problem(key, fault);
      const value = readFormat(text, (message) => map!.warning(key, message));
      return fault || value === null ? [] : [{ name, value }];
    });
  };
  const set = entries('set');
  const add = entries('add');
  const unremovable = isRequest ? removalFault : headerNameFault;
  const remove = (reader?.texts('remove', unremovable) ?? []).map((name) => name.toLowerCase());
  const change = {
    ...(set.length > 0 && { set }),
    ...(add.length > 0 && { add }),
    ...(remove.length > 0 && { remove }),
  };
  return { change: Object.keys(change).length > 0 ? change : null, authority };
}

/**
 * Reads a value with Envoy's command operators. One that is not known leaves the header alone, with a warning.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
function readFormat(text: string, warn: (message: string) => void): HeaderEntry['value'] | null {
  if (!text.includes('%')) return text;
  const pieces: HeaderPiece[] = [];
  const literal = (piece: string) => {
    const last = pieces.length - 1;
    if (typeof pieces[last] === 'string') pieces[last] += piece;
    else pieces.push(piece);
  };
  for (const [, plain, percent, operator] of text.matchAll(/([^%]+)|(%%)|%([^%]*)%?/g)) {
    if (plain !== undefined) literal(plain);
    else if (percent !== undefined) literal('%');
    else {
      const piece = VARIABLES[operator!] ?? requestHeader(operator!);
      if (piece === null) {
        const known = `%REQ(name)%, ${Object.keys(VARIABLES)
          .map((name) => `%${name}%`)
          .join(', ')}; a % is written %%`;
        warn(`"%${operator}%" is not known here, so the header is left alone; known are ${known}`);
        return null;
      }
      pieces.push(piece);
    }
  }
  return pieces.length === 1 && typeof pieces[0] === 'string' ? pieces[0] : pieces;
}

function requestHeader(operator: string): HeaderPiece | null {
  const [, name] = /^REQ\((:?[!#$&'*+\-.^_`|~0-9A-Za-z]+)\)$/.exec(operator) ?? [];
  return name === undefined ? null : { requestHeader: name.toLowerCase() };
}

const VARIABLES: Readonly<Record<string, HeaderPiece>> = {
  DOWNSTREAM_REMOTE_ADDRESS: { variable: 'client-address' },
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: { variable: 'client-ip' },
  PROTOCOL: { variable: 'protocol' },
  ROUTE_NAME: { variable: 'route' },
  START_TIME: { variable: 'start-time' },
};
