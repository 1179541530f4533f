import type { Predicate } from '../../../api/predicate.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import { FieldReader } from '../field-reader.ts';
import { patternFault } from '../pattern-fault.ts';
import { isError, type Problem } from '../problem.ts';
import { vainPath } from '../vain-match.ts';
import type { RouteMatch } from './mesh-route.ts';

/** Reads a match of an HTTPRoute; null when anything in it is wrong: half a match would take requests that nobody meant. */
export function readHttpMatch(raw: unknown, path: string, problems: Problem[]): RouteMatch | null {
  const faults: Problem[] = [];
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['path', 'headers', 'queryParams', 'method']);
  const where = readPath(reader?.fields.path, `${path}.path`, faults);
  const headers = readValues(reader, 'headers', path, faults).map(([name, value]) => ({
    header: name.toLowerCase(),
    value,
  }));
  const query = readValues(reader, 'queryParams', path, faults).map(([name, value]) => ({ query: name, value }));
  const { method } = reader?.fields ?? {};
  if (method !== undefined && (typeof method !== 'string' || !METHODS.includes(method)))
    faults.push({ path: `${path}.method`, message: `is none of ${METHODS.join(', ')}` });
  for (const fault of faults) problems.push(fault);
  if (!where || faults.some(isError)) return null;
  const all: Predicate[] = [
    ...where.when,
    ...(typeof method === 'string' ? [{ method: { exact: method } }] : []),
    ...headers,
    ...query,
  ];
  const specificity = [...where.rank, method === undefined ? 0 : 1, headers.length, query.length];
  return { when: all.length === 1 ? all[0]! : { all }, specificity, prefix: where.prefix };
}

/** Reads a match of a GRPCRoute: `/service/method` is a path. */
export function readGrpcMatch(raw: unknown, path: string, problems: Problem[]): RouteMatch | null {
  const faults: Problem[] = [];
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['method', 'headers']);
  const where = readGrpcMethod(reader?.fields.method, `${path}.method`, faults);
  const headers = readValues(reader, 'headers', path, faults).map(([name, value]) => ({
    header: name.toLowerCase(),
    value,
  }));
  for (const fault of faults) problems.push(fault);
  if (!where || faults.some(isError)) return null;
  const all: Predicate[] = [...where.when, ...headers];
  return { when: all.length === 1 ? all[0]! : { all }, specificity: [...where.rank, headers.length], prefix: null };
}

interface ReadPath {
  readonly when: readonly Predicate[];
  readonly prefix: string | null;
  /** Exact before regular expression before prefix; of prefixes the longest. */
  readonly rank: readonly [kind: number, characters: number];
}

/** null with a fault noted: it is no path. */
function readPath(raw: unknown, path: string, faults: Problem[]): ReadPath | null {
  const reader = FieldReader.of(raw ?? {}, path, faults);
  reader?.allow(['type', 'value']);
  const { type = 'PathPrefix', value = '/' } = reader?.fields ?? {};
  if (typeof value !== 'string' || (type !== 'RegularExpression' && !value.startsWith('/'))) {
    faults.push({ path: `${path}.value`, message: 'is no path: it does not begin with "/"' });
    return null;
  }
  switch (type) {
    case 'Exact':
      return { when: [{ path: { exact: value } }], prefix: null, rank: [3, 0] };
    case 'PathPrefix':
      return { when: value === '/' ? [] : [{ path: { segments: value } }], prefix: value, rank: [1, value.length] };
    case 'RegularExpression': {
      const fault = patternFault(value);
      const vain = fault ? null : vainPath({ regex: value });
      if (fault) faults.push({ path: `${path}.value`, message: fault });
      if (vain) faults.push({ path: `${path}.value`, message: vain, severity: 'warning' });
      return { when: [{ path: { regex: value } }], prefix: null, rank: [2, 0] };
    }
    default:
      faults.push({ path: `${path}.type`, message: 'is none of Exact, PathPrefix, RegularExpression' });
      return null;
  }
}

/** null with a fault noted: it names nothing. */
function readGrpcMethod(raw: unknown, path: string, faults: Problem[]): Pick<ReadPath, 'when' | 'rank'> | null {
  if (raw === undefined || raw === null) return { when: [], rank: [0, 0] };
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['type', 'service', 'method']);
  const { type = 'Exact', service = '', method = '' } = reader?.fields ?? {};
  if (typeof service !== 'string' || typeof method !== 'string' || (service === '' && method === '')) {
    faults.push({ path, message: 'names neither a service nor a method' });
    return null;
  }
  const rank = [service.length, method.length] as const;
  if (type === 'RegularExpression') {
    for (const pattern of [service, method]) {
      const fault = patternFault(pattern);
      if (fault) faults.push({ path, message: fault });
    }
    return { when: [{ path: { regex: `/(?:${service || '[^/]+'})/(?:${method || '[^/]+'})` } }], rank };
  }
  if (type !== 'Exact') faults.push({ path: `${path}.type`, message: 'is neither Exact nor RegularExpression' });
  for (const name of [service, method])
    if (!/^[A-Za-z0-9_.]*$/.test(name)) faults.push({ path, message: `"${name}" is no name of gRPC` });
  if (method === '') return { when: [{ path: { prefix: `/${service}/` } }], rank };
  if (service === '') return { when: [{ path: { regex: `/[^/]+/${method.replaceAll('.', '\\.')}` } }], rank };
  return { when: [{ path: { exact: `/${service}/${method}` } }], rank };
}

/** Name and value of headers or query parameters; of several entries with one name the first counts. */
function readValues(
  reader: FieldReader | null,
  field: string,
  path: string,
  faults: Problem[],
): [string, StringMatch][] {
  const found = new Map<string, StringMatch>();
  for (const [at, raw] of (reader?.list(field) ?? []).entries()) {
    const place = `${path}.${field}[${at}]`;
    const entry = FieldReader.of(raw, place, faults);
    entry?.allow(['type', 'name', 'value']);
    const name = entry?.text('name') ?? '';
    const value = entry?.text('value') ?? '';
    const { type = 'Exact' } = entry?.fields ?? {};
    const key = field === 'headers' ? name.toLowerCase() : name;
    if (type === 'Exact') {
      if (!found.has(key)) found.set(key, { exact: value });
    } else if (type === 'RegularExpression') {
      const fault = patternFault(value);
      if (fault) faults.push({ path: `${place}.value`, message: fault });
      if (!found.has(key)) found.set(key, { regex: value });
    } else faults.push({ path: `${place}.type`, message: 'is neither Exact nor RegularExpression' });
  }
  return [...found];
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
