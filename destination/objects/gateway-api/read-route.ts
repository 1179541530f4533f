import type { RetryPolicy, Timeouts } from '../../../api/routing.ts';
import { parseDuration } from '../../../core/time/duration.ts';
import { FieldReader } from '../field-reader.ts';
import { type Fields, isPort } from '../json.ts';
import { readRouteAnnotations } from '../linkerd/route-annotations.ts';
import { readAnnotations, readMeta } from '../meta.ts';
import { isError, MalformedObject, type Problem } from '../problem.ts';
import { MatchesSeen } from '../vain-match.ts';
import type { MeshRoute, RouteMatch, RouteRule, RuleBackend, ServiceParent } from './mesh-route.ts';
import { NO_FILTERS } from './mesh-route.ts';
import { type FilterScope, readFilters } from './read-filters.ts';
import { readGrpcMatch, readHttpMatch } from './read-matches.ts';

/** Reads an HTTPRoute. @throws MalformedObject @see https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export function readHttpRoute(raw: Fields, problems: Problem[]): MeshRoute {
  return readRoute('HTTPRoute', GATEWAY, raw, problems);
}

/** Reads an HTTPRoute of Linkerd's own API group. @throws MalformedObject @see https://linkerd.io/2/reference/httproute/ */
export function readLinkerdHttpRoute(raw: Fields, problems: Problem[]): MeshRoute {
  return readRoute('HTTPRoute', LINKERD, raw, problems);
}

/** Reads a GRPCRoute. @throws MalformedObject @see https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute */
export function readGrpcRoute(raw: Fields, problems: Problem[]): MeshRoute {
  return readRoute('GRPCRoute', GATEWAY, raw, problems);
}

/**
 * What stands for one that cannot be read: its Servers take no request, because nobody knows which were to be its. @throws where it
 * names no Server
 */
export function closedRoute(kind: MeshRoute['kind'], group: MeshRoute['group']): (raw: Fields) => MeshRoute {
  return (raw) => {
    const meta = readMeta(raw);
    const { parentRefs } = (raw.spec ?? {}) as Fields;
    const servers = (Array.isArray(parentRefs) ? parentRefs : []).flatMap((ref) => serverOf(ref, meta.namespace) ?? []);
    if (servers.length === 0) throw new MalformedObject('spec.parentRefs', 'names no Server');
    const nothing = { parents: [], hostnames: [], rules: [], annotations: null };
    return { ...meta, kind, group, servers, isFaulty: true, ...nothing };
  };
}

/** The Server that a reference names, whatever else is in it; null: it names none. */
function serverOf(ref: unknown, namespace: string): { namespace: string; name: string } | null {
  const { kind, group, name } = (typeof ref === 'object' && ref !== null ? ref : {}) as Fields;
  return kind === 'Server' && group === LINKERD && typeof name === 'string' && name !== '' ? { namespace, name } : null;
}

/**
 * A rule with a match that is wrong loses that match alone; one that has none left takes no request. A rule with a wrong
 * filter or no usable backend answers for itself, so that nothing goes where its author did not send it.
 */
function readRoute(kind: MeshRoute['kind'], group: MeshRoute['group'], raw: Fields, problems: Problem[]): MeshRoute {
  const meta = readMeta(raw);
  const noted = problems.length;
  const reader = FieldReader.ofSpec(raw, problems);
  reader.allow(['parentRefs', 'hostnames', 'rules', 'useDefaultGateways']);
  const refs = reader
    .list('parentRefs')
    .flatMap((entry, at) => readParent(entry, `spec.parentRefs[${at}]`, meta.namespace, problems) ?? []);
  const parents = refs.flatMap((ref) => (ref.kind === 'Service' ? ref.parent : []));
  const servers = reader.list('parentRefs').flatMap((entry) => serverOf(entry, meta.namespace) ?? []);
  if (refs.length === 0 && problems.length === noted)
    reader.warning('parentRefs', 'names no Service and no Server: what is attached to Gateways alone is not followed');
  if (parents.length > 0 && reader.has('hostnames'))
    reader.warning('hostnames', 'is not looked at where a route is attached to a Service, as GAMMA has it');
  if (refs.length > 0 && reader.has('useDefaultGateways'))
    reader.warning('useDefaultGateways', 'is not looked at where a route is attached to a Service or a Server');
  const hostnames = reader.texts('hostnames').map((host) => host.toLowerCase());
  const seen = new MatchesSeen('precise');
  // What is attached to gateways alone is not read: it says nothing to the mesh.
  const rules =
    refs.length === 0
      ? []
      : reader
          .list('rules')
          .map((entry, at) => readRule(kind, entry, `spec.rules[${at}]`, meta.namespace, seen, problems));
  const isFaulty = problems.slice(noted).some(isError);
  const annotations = readRouteAnnotations(readAnnotations(raw), problems);
  return { ...meta, kind, group, parents, servers, isFaulty, hostnames, rules, annotations };
}

/** What a route is attached to, and may be here. */
type Parent = { readonly kind: 'Service'; readonly parent: ServiceParent } | { readonly kind: 'Server' };

/** null: it is neither a Service nor a Server, or something in it is wrong, which is noted. */
function readParent(raw: unknown, path: string, home: string, problems: Problem[]): Parent | null {
  const faults: Problem[] = [];
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['group', 'kind', 'namespace', 'name', 'port', 'sectionName']);
  const parent = {
    namespace: reader?.textOr('namespace', home) ?? '',
    name: reader?.text('name') ?? '',
    port: reader?.whole('port', 1, 65_535) ?? null,
    sectionName: reader?.textOr('sectionName', '') ?? '',
  };
  const isService = isCoreService(reader, { group: 'gateway.networking.k8s.io', kind: 'Gateway' });
  const isServer = reader?.fields.kind === 'Server' && reader.fields.group === LINKERD;
  if (isServer && parent.namespace !== home)
    reader.problem('namespace', 'is not the namespace of the route: a Server is governed by its own');
  for (const fault of faults) problems.push(fault);
  if (faults.length > 0) return null;
  if (isServer) return { kind: 'Server' };
  return isService ? { kind: 'Service', parent } : null;
}

/** Whether a reference names a Service of the core group. @param absent what stands for a field that is not there */
function isCoreService(reader: FieldReader | null, absent: { readonly group: string; readonly kind: string }): boolean {
  const group = reader?.textOr('group', absent.group);
  return reader?.textOr('kind', absent.kind) === 'Service' && (group === '' || group === 'core');
}

function readRule(
  kind: MeshRoute['kind'],
  raw: unknown,
  path: string,
  home: string,
  seen: MatchesSeen,
  problems: Problem[],
): RouteRule {
  const reader = FieldReader.of(raw, path, problems);
  const known = ['name', 'matches', 'filters', 'backendRefs'];
  reader?.allow(
    kind === 'HTTPRoute' ? [...known, 'timeouts', 'retry', 'sessionPersistence'] : [...known, 'sessionPersistence'],
  );
  if (reader?.fields.sessionPersistence !== undefined)
    problems.push({
      path: `${path}.sessionPersistence`,
      message: 'is experimental and not honoured; a DestinationRule with consistentHash keeps sessions',
      severity: 'warning',
    });
  const scope: FilterScope = { readBackend: (entry, place, found) => readBackend(entry, place, home, null, found) };
  const timeouts = readTimeouts(reader?.fields.timeouts, `${path}.timeouts`, problems);
  const retry = readRetry(reader?.fields.retry, `${path}.retry`, timeouts.backendMs, problems);
  return {
    name: reader?.textOr('name', '') ?? '',
    path,
    matches: readMatches(kind, reader?.list('matches') ?? [], path, seen, problems),
    filters: readFilters(reader?.list('filters') ?? [], `${path}.filters`, scope, problems),
    backends: (reader?.list('backendRefs') ?? []).flatMap(
      (entry, at) => readBackend(entry, `${path}.backendRefs[${at}]`, home, scope, problems) ?? [],
    ),
    timeouts: retry ? timeouts.whole : timeouts.withoutRetry,
    retry,
  };
}

/** No match is one that takes everything; of several, those that are wrong are left out. */
function readMatches(
  kind: MeshRoute['kind'],
  list: readonly unknown[],
  path: string,
  seen: MatchesSeen,
  problems: Problem[],
): RouteMatch[] {
  const read = kind === 'HTTPRoute' ? readHttpMatch : readGrpcMatch;
  const entries = list.length === 0 ? [{}] : list;
  return entries.flatMap((entry, at) => {
    const place = list.length === 0 ? path : `${path}.matches[${at}]`;
    const match = read(entry, place, problems);
    if (!match) return [];
    seen.note(place, match.when, null, problems);
    return [match];
  });
}

/** @param scope null: a mirror's, which has neither weight nor filters */
function readBackend(
  raw: unknown,
  path: string,
  home: string,
  scope: FilterScope | null,
  problems: Problem[],
): RuleBackend | null {
  const reader = FieldReader.of(raw, path, problems);
  if (!reader) return null;
  reader.allow(['group', 'kind', 'namespace', 'name', 'port', ...(scope ? ['weight', 'filters'] : [])]);
  const { namespace = home, port, weight = 1 } = reader.fields;
  const name = reader.text('name') ?? '';
  const isNamed = isCoreService(reader, { group: '', kind: 'Service' }) && typeof namespace === 'string' && name !== '';
  const isService = isNamed && isPort(port);
  if (!isService) problems.push({ path, message: 'is no Service with a port; its share of the requests fails' });
  const isWeight = Number.isInteger(weight) && (weight as number) >= 0 && (weight as number) <= 1_000_000;
  if (!isWeight) problems.push({ path: `${path}.weight`, message: 'is no whole number from 0 to 1000000; 0 applies' });
  return {
    path,
    service: isService ? { namespace, name, port } : null,
    weight: isWeight ? (weight as number) : 0,
    filters: scope ? readFilters(reader.list('filters'), `${path}.filters`, scope, problems) : NO_FILTERS,
  };
}

interface ReadTimeouts {
  readonly whole: Timeouts;
  /** Without retries the time of the one attempt is that of the whole. */
  readonly withoutRetry: Timeouts;
  readonly backendMs: number;
}

function readTimeouts(raw: unknown, path: string, problems: Problem[]): ReadTimeouts {
  const reader = FieldReader.of(raw ?? {}, path, problems);
  reader?.allow(['request', 'backendRequest']);
  const duration = (name: string) => {
    const text = reader?.fields[name];
    const ms = text === undefined ? 0 : typeof text === 'string' ? parseDuration(text) : null;
    if (ms === null)
      problems.push({ path: `${path}.${name}`, message: `"${text}" is no duration such as 500ms or 10s` });
    return ms ?? 0;
  };
  const requestMs = duration('request');
  const backendMs = duration('backendRequest');
  if (requestMs > 0 && backendMs > requestMs)
    problems.push({ path: `${path}.backendRequest`, message: 'is longer than request, which ends it' });
  const shorter = Math.min(requestMs || Number.POSITIVE_INFINITY, backendMs || Number.POSITIVE_INFINITY);
  return {
    whole: requestMs > 0 ? { requestMs } : {},
    withoutRetry: Number.isFinite(shorter) ? { requestMs: shorter } : {},
    backendMs,
  };
}

/** Source: GEP-1731. Connection errors are tried again too, once somebody asks for retries. */
function readRetry(raw: unknown, path: string, perTryMs: number, problems: Problem[]): RetryPolicy | null {
  if (raw === undefined || raw === null) return null;
  const faults: Problem[] = [];
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['codes', 'attempts', 'backoff']);
  const codes = reader?.list('codes') ?? [];
  const { attempts = 1, backoff } = reader?.fields ?? {};
  for (const [at, code] of codes.entries())
    if (!Number.isInteger(code) || (code as number) < 400 || (code as number) > 599)
      faults.push({ path: `${path}.codes[${at}]`, message: 'is no status from 400 to 599' });
  if (!Number.isInteger(attempts) || (attempts as number) < 1)
    faults.push({ path: `${path}.attempts`, message: 'is no whole number of at least 1' });
  const baseMs = backoff === undefined ? 25 : typeof backoff === 'string' ? parseDuration(backoff) : null;
  if (baseMs === null) faults.push({ path: `${path}.backoff`, message: `"${backoff}" is no duration such as 100ms` });
  for (const fault of faults) problems.push(fault);
  if (faults.length > 0) return null;
  return {
    on: {
      outcomes: ['connect-failure', 'refused-stream', 'reset', 'head-timeout'],
      statuses: codes.map((code) => ({ min: code as number, max: code as number })),
    },
    limit: attempts as number,
    maxBodyBytes: 64 * 1024,
    ...(perTryMs > 0 && { perTryMs }),
    backoff: { baseMs: baseMs!, maxMs: baseMs! * 10 },
  };
}

const GATEWAY = 'gateway.networking.k8s.io';
const LINKERD = 'policy.linkerd.io';
