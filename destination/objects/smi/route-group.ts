import type { Predicate } from '../../../api/predicate.ts';
import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { patternFault } from '../pattern-fault.ts';
import { isError, type Problem } from '../problem.ts';
import { vainPath } from '../vain-match.ts';

/** Names some requests, for a TrafficSplit or a TrafficTarget. */
export interface RouteGroup extends Meta {
  /** Any of them. */
  readonly matches: readonly NamedMatch[];
}

/** Requests under a name, which older objects leave empty. */
export interface NamedMatch {
  readonly name: string;
  readonly when: Predicate;
}

/**
 * Reads an HTTPRouteGroup. `matches` stands under `spec` since v1alpha3, and beside it before. Patterns are anchored at the
 * start alone. A match that is wrong takes no request.
 *
 * @throws MalformedObject
 * @see https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-specs/v1alpha4/traffic-specs.md
 */
export function readRouteGroup(raw: Fields, problems: Problem[]): RouteGroup {
  const isInSpec = raw.spec !== undefined && raw.spec !== null;
  const path = isInSpec ? 'spec.' : '';
  const reader = isInSpec ? FieldReader.ofSpec(raw, problems) : new FieldReader(raw, '', problems);
  if (isInSpec) reader.allow(['matches']);
  const matches = reader
    .list('matches')
    .flatMap((entry, at) => readMatch(entry, `${path}matches[${at}]`, problems) ?? []);
  return { ...readMeta(raw), matches };
}

function readMatch(entry: unknown, path: string, problems: Problem[]): NamedMatch | null {
  const faults: Problem[] = [];
  const reader = FieldReader.of(entry, path, faults);
  reader?.allow(['name', 'pathRegex', 'methods', 'headers']);
  const name = reader?.textOr('name', '') ?? '';
  const all: Predicate[] = [];
  const { pathRegex, headers } = reader?.fields ?? {};
  if (pathRegex !== undefined) {
    const before = faults.length;
    const regex = startsWith(pathRegex, `${path}.pathRegex`, faults);
    all.push({ path: { regex } });
    const vain = faults.length > before ? null : vainPath({ regex }, String(pathRegex));
    if (vain !== null) faults.push({ path: `${path}.pathRegex`, message: vain, severity: 'warning' });
  }
  const methods = (reader?.texts('methods') ?? []).map((method) => method.toUpperCase());
  if (methods.length > 0 && !methods.includes('*')) all.push({ any: methods.map((exact) => ({ method: { exact } })) });
  for (const [at, entry] of (Array.isArray(headers) ? headers : headers === undefined ? [] : [headers]).entries()) {
    const place = Array.isArray(headers) ? `${path}.headers[${at}]` : `${path}.headers`;
    for (const [name, pattern] of Object.entries(FieldReader.of(entry, place, faults)?.fields ?? {}))
      all.push({ header: name.toLowerCase(), value: { regex: startsWith(pattern, `${place}.${name}`, faults) } });
  }
  for (const fault of faults)
    problems.push(isError(fault) ? { ...fault, message: `${fault.message}; the match takes no request` } : fault);
  return faults.some(isError) ? null : { name, when: { all } };
}

function startsWith(pattern: unknown, path: string, faults: Problem[]): string {
  const fault = typeof pattern === 'string' ? patternFault(pattern) : 'is no text';
  if (fault !== null) faults.push({ path, message: fault });
  return `(?:${pattern})(?s:.*)`;
}
