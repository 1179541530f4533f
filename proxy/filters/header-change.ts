import type { HeaderChange, HeaderEntry, HeaderPiece } from '../../api/filters.ts';
import { parseSocketAddress } from '../../core/config/socket-address.ts';
import { type Fields, fieldValue, type RequestHead } from '../http.ts';
import { octetsOf } from '../routing/request-parts.ts';

/** What header values may be made of, besides literal text. */
export interface HeaderContext {
  readonly head: RequestHead;
  /** `host:port` of the client's connection; empty: not known. */
  readonly client: string;
  readonly route: string;
}

/** Fields with a change applied: remove, set, add. Names of the change are in lower case; the rest keep theirs. */
export function changeHeaders(fields: Fields, change: HeaderChange, context: HeaderContext): Fields {
  const { set = [], add = [], remove = [] } = change;
  const gone = new Set([...remove, ...set.map(({ name }) => name)]);
  const changed: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (!gone.has(fields[i]!.toLowerCase())) changed.push(fields[i]!, fields[i + 1]!);
  for (const { name, value } of [...set, ...add]) changed.push(name, textOf(value, context));
  return changed;
}

/** A change whose texts are octets, as they go onto the wire. */
export function octetChange(change: HeaderChange): HeaderChange {
  const entries = (list: readonly HeaderEntry[]) => list.map(({ name, value }) => ({ name, value: octetValue(value) }));
  return {
    ...(change.set && { set: entries(change.set) }),
    ...(change.add && { add: entries(change.add) }),
    ...(change.remove && { remove: change.remove }),
  };
}

function octetValue(value: HeaderEntry['value']): HeaderEntry['value'] {
  if (typeof value === 'string') return octetsOf(value);
  return value.map((piece) => (typeof piece === 'string' ? octetsOf(piece) : piece));
}

/** Both changes, `first` before `second`; where both set one header, `second` holds. */
export function bothChanges(
  first: HeaderChange | undefined,
  second: HeaderChange | undefined,
): HeaderChange | undefined {
  if (!first || !second) return first ?? second;
  const overridden = new Set([...(second.set ?? []).map(({ name }) => name), ...(second.remove ?? [])]);
  const keep = ({ name }: HeaderEntry) => !overridden.has(name);
  return {
    set: [...(first.set ?? []).filter(keep), ...(second.set ?? [])],
    add: [...(first.add ?? []).filter(keep), ...(second.add ?? [])],
    remove: [...(first.remove ?? []), ...(second.remove ?? [])],
  };
}

/** Whether what it yields is the same for every request with the same head. */
export function isConstant(change: HeaderChange | undefined): boolean {
  const entries = [...(change?.set ?? []), ...(change?.add ?? [])];
  return entries.every(({ value }) => typeof value === 'string' || !value.some(isVarying));
}

function isVarying(piece: HeaderPiece): boolean {
  return typeof piece === 'object' && 'variable' in piece;
}

function textOf(value: HeaderEntry['value'], context: HeaderContext): string {
  return typeof value === 'string' ? value : value.map((piece) => pieceText(piece, context)).join('');
}

function pieceText(piece: HeaderPiece, { head, client, route }: HeaderContext): string {
  if (typeof piece === 'string') return piece;
  if ('requestHeader' in piece) return requestHeader(head, piece.requestHeader);
  switch (piece.variable) {
    case 'client-address':
      return client;
    case 'client-ip':
      return parseSocketAddress(client)?.host ?? '';
    case 'protocol':
      return head.version?.split(';', 1)[0] || 'HTTP/2';
    case 'route':
      return octetsOf(route).replace(CONTROLS, ' ');
    case 'start-time':
      return new Date().toISOString();
  }
}

/** Envoy's `%REQ(X)%` also names what HTTP/2 says by pseudo-headers. */
function requestHeader(head: RequestHead, name: string): string {
  switch (name) {
    case ':authority':
    case 'host':
      return head.authority;
    case ':path':
      return head.path;
    case ':method':
      return head.method;
    case ':scheme':
      return head.scheme;
    default:
      return fieldValue(head.fields, name) ?? '';
  }
}

/** A route may be called anything. */
const CONTROLS = /[\0-\x1f\x7f]/g;
