import type { Predicate } from '../../../api/predicate.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import { Pattern } from '../../../core/regex/pattern.ts';
import type { FieldReader } from '../field-reader.ts';
import { vainMethod, vainPath } from '../vain-match.ts';
import { ANY_CLIENT, readClientSelector } from './client-selector.ts';
import { readStringMatch, readValueMatch, takesEmpty } from './string-match.ts';
import type { HttpMatch } from './virtual-service.ts';

/** The match of a rule that has none. */
export const ANY_REQUEST: HttpMatch = {
  name: '',
  statPrefix: '',
  when: { all: [] },
  prefix: '/',
  selector: ANY_CLIENT,
};

/** Reads an entry of `http[].match`; its fields hold together. Source: VirtualService, "HTTPMatchRequest". */
export function readHttpMatch(reader: FieldReader): HttpMatch {
  reader.allow([
    ...['name', 'uri', 'scheme', 'method', 'authority', 'headers', 'withoutHeaders', 'queryParams', 'ignoreUriCase'],
    ...['port', 'sourceLabels', 'sourceNamespace', 'gateways', 'statPrefix'],
  ]);
  const uri = readUri(reader);
  const all: Predicate[] = [
    ...uri.when,
    ...readText(reader, 'scheme', (scheme) => ({ scheme })),
    ...readText(reader, 'method', (method) => ({ method }), vainMethod),
    ...readText(reader, 'authority', authorityPredicate),
    ...readHeaders(reader, 'headers', headerPredicate),
    ...readHeaders(reader, 'withoutHeaders', withoutHeader),
    ...readQuery(reader),
  ];
  return {
    name: reader.optionalText('name') ?? '',
    statPrefix: reader.optionalText('statPrefix') ?? '',
    when: all.length === 1 ? all[0]! : { all },
    prefix: uri.prefix,
    selector: readClientSelector(reader),
  };
}

/** Whether a match takes every request. */
export function takesEverything({ when }: HttpMatch): boolean {
  return 'all' in when && when.all.length === 0;
}

function readUri(reader: FieldReader): { when: Predicate[]; prefix: string | null } {
  const ignoreCase = reader.flag('ignoreUriCase');
  const fields = reader.nested('uri');
  const match = fields && readValueMatch(fields);
  if (!match) return { when: [], prefix: '/' };
  warnOfVain(reader, 'uri', vainPath(match));
  if (match.prefix === '/' || match.regex === '.*') return { when: [], prefix: match.prefix ?? null };
  const path = match.regex === undefined && ignoreCase ? { ...match, ignoreCase } : match;
  return { when: [{ path }], prefix: match.prefix ?? null };
}

function readText(
  reader: FieldReader,
  name: string,
  predicate: (match: StringMatch) => Predicate,
  vain: (match: StringMatch) => string | null = () => null,
): Predicate[] {
  const fields = reader.nested(name);
  const match = fields && readValueMatch(fields);
  if (!match) return [];
  warnOfVain(reader, name, vain(match));
  return [predicate(match)];
}

function warnOfVain(reader: FieldReader, name: string, message: string | null): void {
  if (message !== null) reader.warning(name, message);
}

/**
 * An authority with a port is compared as it was sent, as Envoy does; one without means the host on every port. A pattern may be
 * written either way.
 */
function authorityPredicate(match: StringMatch): Predicate {
  const { exact, prefix, regex } = match;
  if (regex !== undefined) return { any: [{ authority: match }, { header: 'host', value: match }] };
  if (HAS_PORT.test(exact ?? prefix ?? '')) return { header: 'host', value: match };
  return { authority: exact === undefined ? { prefix: prefix!.toLowerCase() } : { exact: exact.toLowerCase() } };
}

/** What follows the host, after the brackets of an IPv6 address. */
const HAS_PORT = /^(?:\[[^\]]*\]|[^[\]:]*):/;

function readHeaders(
  reader: FieldReader,
  field: 'headers' | 'withoutHeaders',
  predicate: (name: string, match: StringMatch | 'present') => Predicate | null,
): Predicate[] {
  const map = reader.nested(field);
  return Object.keys(map?.fields ?? {}).flatMap((key): Predicate[] => {
    const name = key.toLowerCase();
    if (PSEUDO.includes(name)) {
      map!.warning(key, `is not looked at; write it as the field ${name} of the match`);
      return [];
    }
    if (!/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) {
      const claims = 'matches claims of tokens, which gateways alone can';
      map!.problem(key, name.startsWith('@request.auth.claims') ? claims : 'is no header name');
      return [];
    }
    const fields = map!.has(key) ? map!.nested(key) : null;
    const match = map!.has(key) ? fields && readStringMatch(fields) : 'present';
    const found = match && predicate(name, match);
    if (match && !found) map!.problem(key, 'is no pseudo-header that a request has');
    const vain = { ':method': vainMethod, ':path': vainPath }[name];
    if (vain && match && match !== 'present') warnOfVain(map!, key, vain(match));
    return found ? [found] : [];
  });
}

/** Names that Istio passes over among headers. */
const PSEUDO = ['uri', 'scheme', 'method', 'authority'];

/** null: a pseudo-header that no request has. */
function headerPredicate(name: string, match: StringMatch | 'present'): Predicate | null {
  if (match === 'present') return name.startsWith(':') ? { all: [] } : { header: name };
  switch (name) {
    case ':method':
      return { method: match };
    case ':path':
      // With its query, which the field uri looks past.
      return { header: ':path', value: match };
    case ':scheme':
      return { scheme: match };
    case ':authority':
    case 'host':
      return authorityPredicate(match);
    default:
      return name.startsWith(':') ? null : { header: name, value: match };
  }
}

/** A header that is missing counts as an empty one; whoever asks for its presence alone asks for that it is missing. */
function withoutHeader(name: string, match: StringMatch | 'present'): Predicate | null {
  const predicate = headerPredicate(name, match);
  if (!predicate) return null;
  const isEmptyTaken = match !== 'present' && takesEmpty(match, (regex) => Pattern.compile(regex).matches(''));
  return isEmptyTaken ? { all: [{ header: name }, { not: predicate }] } : { not: predicate };
}

function readQuery(reader: FieldReader): Predicate[] {
  const map = reader.nested('queryParams');
  return Object.keys(map?.fields ?? {}).flatMap((query): Predicate[] => {
    const fields = map!.nested(query);
    const match = fields ? readStringMatch(fields) : 'present';
    if (!match) return [];
    return [match === 'present' ? { query } : { query, value: match }];
  });
}
