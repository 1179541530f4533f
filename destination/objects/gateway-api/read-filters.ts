import type { Cors, HeaderChange } from '../../../api/filters.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import {
  authorityFault,
  fieldValueFault,
  headerNameFault,
  hostFault,
  pathFault,
  removalFault,
  tokenFault,
} from '../../../core/http/head-text.ts';
import { FieldReader } from '../field-reader.ts';
import { isPort } from '../json.ts';
import type { Problem } from '../problem.ts';
import type { PathModifier, RuleBackend, RuleFilters, RuleRedirect } from './mesh-route.ts';

/** What filters need to know of their route. */
export interface FilterScope {
  /** Reads a `backendRef`, for mirrors. */
  readBackend(raw: unknown, path: string, problems: Problem[]): RuleBackend | null;
}

/**
 * Reads the `filters` of a rule or of a backend. One that is unknown, or wrong, makes them unusable: the requests get 500
 * rather than an answer that the filter was meant to change.
 *
 * @see https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
 */
export function readFilters(
  list: readonly unknown[],
  path: string,
  scope: FilterScope,
  problems: Problem[],
): RuleFilters {
  const found: { -readonly [K in keyof Omit<RuleFilters, 'isUnusable'>]: RuleFilters[K] } = {
    fixed: {},
    rewrite: null,
    redirect: null,
    mirrors: [],
  };
  const faults: Problem[] = [];
  /** What a change of Host comes to: the authority is no header of its own. */
  let host: string | null = null;
  const seen = new Set<string>();
  for (const [at, raw] of list.entries()) {
    const place = `${path}[${at}]`;
    const reader = FieldReader.of(raw, place, faults);
    const type = reader?.text('type') ?? '';
    const field = FIELD_OF[type] ?? type.charAt(0).toLowerCase() + type.slice(1);
    reader?.allow(['type', field]);
    if (type !== 'RequestMirror' && seen.has(type))
      faults.push({ path: place, message: `is a second ${type}; one may be written` });
    seen.add(type);
    const fields = FieldReader.of(reader?.fields[field], `${place}.${field}`, faults);
    if (!fields) continue;
    switch (type) {
      case 'RequestHeaderModifier': {
        const { change, authority } = readHeaderChange(fields, `${place}.${field}`, faults, true);
        found.fixed = { ...found.fixed, requestHeaders: change };
        host = authority;
        break;
      }
      case 'ResponseHeaderModifier': {
        const { change } = readHeaderChange(fields, `${place}.${field}`, faults, false);
        found.fixed = { ...found.fixed, responseHeaders: change };
        break;
      }
      case 'URLRewrite':
        fields.allow(['hostname', 'path']);
        found.rewrite = readRewrite(fields, `${place}.${field}`, faults);
        break;
      case 'RequestRedirect':
        found.redirect = readRedirect(fields, `${place}.${field}`, faults);
        break;
      case 'RequestMirror':
        found.mirrors = [...found.mirrors, ...readMirror(fields, `${place}.${field}`, scope, faults)];
        break;
      case 'CORS':
        found.fixed = { ...found.fixed, cors: readCors(fields) };
        break;
      default:
        faults.push({ path: place, message: `"${type}" is not known here; requests of the rule get 500` });
    }
  }
  if (found.redirect && found.rewrite)
    faults.push({ path, message: 'have both RequestRedirect and URLRewrite, which exclude each other' });
  if (host !== null && found.rewrite?.host !== undefined)
    faults.push({ path, message: 'change Host beside hostname of URLRewrite; write one of them' });
  if (host !== null) found.rewrite = { ...found.rewrite, host };
  for (const fault of faults) problems.push(fault);
  return { ...found, isUnusable: faults.length > 0 };
}

/** Fields that are not called as their type with a small letter. */
const FIELD_OF: Readonly<Record<string, string>> = { CORS: 'cors', URLRewrite: 'urlRewrite' };

function readHeaderChange(
  reader: FieldReader,
  path: string,
  faults: Problem[],
  isRequest: boolean,
): { readonly change: HeaderChange; readonly authority: string | null } {
  reader.allow(['set', 'add', 'remove']);
  let authority: string | null = null;
  const entries = (field: 'set' | 'add') =>
    reader.list(field).flatMap((raw, at) => {
      const entry = FieldReader.of(raw, `${path}.${field}[${at}]`, faults);
      entry?.allow(['name', 'value']);
      const name = entry?.optionalText('name', headerNameFault)?.toLowerCase() ?? null;
      if (entry && !entry.has('name')) entry.problem('name', 'is missing');
      if (isRequest && name === 'host') {
        authority = entry!.optionalText('value', authorityFault);
        return [];
      }
      const value = entry?.fields.value;
      const fault = typeof value === 'string' ? fieldValueFault(value) : 'is no text';
      if (fault !== null) entry?.problem('value', fault);
      return name !== null && fault === null ? [{ name, value: value as string }] : [];
    });
  const set = entries('set');
  const add = entries('add');
  const remove = reader.texts('remove', removalFault).map((name) => name.toLowerCase());
  const change = {
    ...(set.length > 0 && { set }),
    ...(add.length > 0 && { add }),
    ...(remove.length > 0 && { remove }),
  };
  return { change, authority };
}

function readRewrite(reader: FieldReader, path: string, faults: Problem[]): RuleFilters['rewrite'] {
  const hostname = reader.optionalText('hostname', hostFault);
  const modifier = readPathModifier(reader.fields.path, `${path}.path`, faults);
  if (!reader.has('hostname') && !reader.has('path')) faults.push({ path, message: 'has neither hostname nor path' });
  return { ...(hostname !== null && { host: hostname.toLowerCase() }), ...(modifier && { path: modifier }) };
}

function readPathModifier(raw: unknown, path: string, faults: Problem[]): PathModifier | null {
  if (raw === undefined || raw === null) return null;
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['type', 'replaceFullPath', 'replacePrefixMatch']);
  const { type, replaceFullPath: full, replacePrefixMatch: prefix } = reader?.fields ?? {};
  const checked = (name: string, text: string) => {
    const fault = text === '' ? null : pathFault(text);
    if (fault !== null) reader!.problem(name, fault);
    return fault === null;
  };
  if (type === 'ReplaceFullPath' && typeof full === 'string')
    return checked('replaceFullPath', full || ' ') ? { full } : null;
  if (type === 'ReplacePrefixMatch' && typeof prefix === 'string')
    return checked('replacePrefixMatch', prefix) ? { prefix } : null;
  faults.push({
    path,
    message: 'is neither ReplaceFullPath with replaceFullPath nor ReplacePrefixMatch with replacePrefixMatch',
  });
  return null;
}

function readRedirect(reader: FieldReader, path: string, faults: Problem[]): RuleRedirect {
  reader.allow(['scheme', 'hostname', 'path', 'port', 'statusCode']);
  const { scheme, port, statusCode = 302 } = reader.fields;
  const hostname = reader.optionalText('hostname', hostFault);
  if (!REDIRECTS.includes(statusCode as number)) reader.problem('statusCode', `is none of ${REDIRECTS.join(', ')}`);
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    reader.problem('scheme', 'is neither http nor https');
  if (port !== undefined && !isPort(port)) reader.problem('port', 'is no port (1 to 65535)');
  const modifier = readPathModifier(reader.fields.path, `${path}.path`, faults);
  return {
    status: statusCode as number,
    ...(typeof scheme === 'string' && { scheme }),
    ...(hostname !== null && { host: hostname.toLowerCase() }),
    ...(isPort(port) && { port }),
    ...(modifier && { path: modifier }),
  };
}

const REDIRECTS = [301, 302, 303, 307, 308];

function readMirror(
  reader: FieldReader,
  path: string,
  scope: FilterScope,
  faults: Problem[],
): { backend: RuleBackend; fraction: number }[] {
  reader.allow(['backendRef', 'percent', 'fraction']);
  const backend = scope.readBackend(reader.fields.backendRef, `${path}.backendRef`, faults);
  const { percent = 100, fraction } = reader.fields;
  let share = Number(percent) / 100;
  if (fraction !== undefined) {
    const parts = FieldReader.of(fraction, `${path}.fraction`, faults);
    parts?.allow(['numerator', 'denominator']);
    const { numerator, denominator = 100 } = parts?.fields ?? {};
    share = Number(numerator) / Number(denominator);
  }
  if (!(share >= 0 && share <= 1))
    faults.push({ path, message: 'has no share from 0 to 1 (percent from 0 to 100, or fraction)' });
  return backend && share > 0 && share <= 1 ? [{ backend, fraction: share }] : [];
}

/** Source: GEP-1767. A `*` within an origin stands for any characters but `/`. */
function readCors(reader: FieldReader): Cors {
  reader.allow(['allowOrigins', 'allowCredentials', 'allowMethods', 'allowHeaders', 'exposeHeaders', 'maxAge']);
  const { maxAge = 5 } = reader.fields;
  if (!Number.isInteger(maxAge) || (maxAge as number) < 1)
    reader.problem('maxAge', 'is no whole number of seconds, at least 1');
  return {
    origins: reader.texts('allowOrigins').map(originMatch),
    methods: reader.texts('allowMethods', tokenFault),
    requestHeaders: reader.texts('allowHeaders', tokenFault).map((name) => name.toLowerCase()),
    exposedHeaders: reader.texts('exposeHeaders', tokenFault).map((name) => name.toLowerCase()),
    maxAge: maxAge as number,
    hasCredentials: reader.flag('allowCredentials'),
    forwardsUnmatched: true,
  };
}

function originMatch(origin: string): StringMatch {
  if (origin === '*') return { prefix: '' };
  if (!origin.includes('*')) return { exact: origin };
  return {
    regex: origin
      .split('*')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^/]*'),
  };
}
