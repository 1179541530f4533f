import { DEFAULT_RETRY_BUDGET, type RetryBudget, type Route } from '../../../api/routing.ts';
import { isDnsSubdomain } from '../../../api/workload-identity.ts';
import { PortRanges } from '../../../core/config/port-ranges.ts';
import { parseDuration } from '../../../core/time/duration.ts';
import { fieldsOf } from '../checked-fields.ts';
import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { formatRef, refOf } from '../object-ref.ts';
import { MalformedObject, type Problem } from '../problem.ts';
import { MatchesSeen } from '../vain-match.ts';
import { parseWeight } from '../weight.ts';
import { readRoute } from './profile-route.ts';

/** What a ServiceProfile, or a Deployment's inline route profile, says about requests to a Service. */
export interface Profile {
  /** First match wins. `split` is empty: {@link overrides} hold for every route. */
  readonly routes: readonly Route[];
  readonly retryBudget: RetryBudget;
  /** Services that take the requests in its stead, by weight; empty: the Service itself. */
  readonly overrides: readonly Override[];
  /** Ports of the Service that carry no HTTP; null: the profile does not say. */
  readonly opaquePorts: PortRanges | null;
}

/** A Service that takes a share of the requests. Source: ServiceProfile `dstOverrides`. */
export interface Override {
  /** FQDN of a Service, without a dot at the end. */
  readonly host: string;
  /** null: the port of the request. */
  readonly port: number | null;
  /** Thousandths, at least 1. */
  readonly weight: number;
}

/** A ServiceProfile; its name is the FQDN of the Service that it describes. */
export interface ServiceProfile extends Meta {
  readonly profile: Profile;
}

/**
 * Reads a linkerd.io ServiceProfile (v1alpha1 or v1alpha2).
 *
 * What is wrong with a part of it is noted and that part left out, in the direction that sends and repeats fewer
 * requests: a wrong route is dropped whole, wrong overrides are dropped together, a wrong budget permits no retry.
 *
 * @throws MalformedObject when the object is unreadable as a whole
 *
 * Source: https://linkerd.io/2/reference/service-profiles/, and the validator of linkerd2 `pkg/profiles`.
 */
export function readServiceProfile(raw: Fields, problems: Problem[]): ServiceProfile {
  const meta = readMeta(raw);
  if (raw.spec === undefined || raw.spec === null) throw new MalformedObject('spec', 'is missing');
  const origin = formatRef(refOf('ServiceProfile', meta));
  return { ...meta, profile: readProfile(raw.spec, 'spec', origin, problems) };
}

/**
 * Reads the `spec` of a ServiceProfile that stands at `path` of the object called `origin`.
 *
 * @throws MalformedObject when `spec` is no object or one of its lists is none
 */
export function readProfile(spec: unknown, path: string, origin: string, problems: Problem[]): Profile {
  const reader = FieldReader.root(spec, path, problems);
  const { fields } = reader;
  reader.allow(['routes', 'retryBudget', 'dstOverrides', 'opaquePorts']);
  const seen = new MatchesSeen('written');
  return {
    routes: reader.list('routes').flatMap((raw, at) => {
      const place = `${path}.routes[${at}]`;
      const route = readRoute(raw, place, origin, problems);
      if (!route) return [];
      seen.note(`${place}.condition`, route.when, null, problems);
      return [route];
    }),
    retryBudget: readBudget(fields.retryBudget, `${path}.retryBudget`, problems),
    overrides: readOverrides(reader.list('dstOverrides'), `${path}.dstOverrides`, problems),
    opaquePorts: fields.opaquePorts == null ? null : readOpaquePorts(reader.list('opaquePorts'), path, problems),
  };
}

/** Every fault of a ServiceProfile, unreadable ones included, as admission reports them. Empty: it is good. */
export function serviceProfileProblems(object: unknown): Problem[] {
  const problems: Problem[] = [];
  try {
    const raw = fieldsOf(object, '');
    if (!/^linkerd\.io\/v1alpha[12]$/.test(String(raw.apiVersion))) {
      problems.push({ path: 'apiVersion', message: 'is neither linkerd.io/v1alpha1 nor linkerd.io/v1alpha2' });
    }
    if (raw.kind !== 'ServiceProfile') problems.push({ path: 'kind', message: 'is not ServiceProfile' });
    readServiceProfile(raw, problems);
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    problems.push(error.problem);
  }
  return problems;
}

/** Ranges of ratio and window are those that linkerd2-proxy accepts; outside them it retries nothing, and so do we. */
function readBudget(raw: unknown, path: string, problems: Problem[]): RetryBudget {
  if (raw === undefined || raw === null) return DEFAULT_RETRY_BUDGET;
  const faults: Problem[] = [];
  const reader = FieldReader.of(raw, path, faults);
  reader?.allow(['retryRatio', 'minRetriesPerSecond', 'ttl']);
  const ratio = reader?.number('retryRatio', { min: 0, max: 1000, integer: false }) ?? 0;
  const minPerSecond = reader?.number('minRetriesPerSecond', { min: 0, max: 2 ** 31 - 1, integer: true }) ?? 0;
  const ttl = reader?.text('ttl') ?? '';
  const windowMs = parseDuration(ttl);
  if (ttl !== '' && (windowMs === null || windowMs < 1000 || windowMs > 60_000)) {
    faults.push({ path: `${path}.ttl`, message: `"${ttl}" is no duration from 1s to 60s` });
  }
  for (const fault of faults) problems.push(fault);
  return faults.length > 0 ? NO_RETRIES : { ratio, minPerSecond, windowMs: windowMs! };
}

function readOverrides(entries: readonly unknown[], path: string, problems: Problem[]): Override[] {
  const faults: Problem[] = [];
  const overrides: Override[] = [];
  for (const [at, entry] of entries.entries()) {
    const reader = FieldReader.of(entry, `${path}[${at}]`, faults);
    reader?.allow(['authority', 'weight']);
    const authority = parseAuthority(reader?.text('authority') ?? '');
    const weight = parseWeight(reader?.fields.weight);
    if (!authority) faults.push({ path: `${path}[${at}].authority`, message: 'is no DNS name with or without a port' });
    if (weight === null)
      faults.push({ path: `${path}[${at}].weight`, message: 'is no quantity of at least 0, such as 1 or 500m' });
    if (authority && weight) overrides.push({ ...authority, weight });
  }
  for (const fault of faults) problems.push(fault);
  return faults.length > 0 ? [] : overrides;
}

function parseAuthority(text: string): { host: string; port: number | null } | null {
  const match = /^([^:]+?)\.?(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  if (!match || !isDnsSubdomain(match[1]!) || port === 0 || (port ?? 1) > 65_535) return null;
  return { host: match[1]!, port };
}

function readOpaquePorts(entries: readonly unknown[], path: string, problems: Problem[]): PortRanges {
  const good: string[] = [];
  for (const [at, entry] of entries.entries()) {
    const parsed = PortRanges.parse(String(entry));
    if (typeof parsed === 'string') problems.push({ path: `${path}.opaquePorts[${at}]`, message: parsed });
    else good.push(parsed.toString());
  }
  return PortRanges.parse(good.join(',')) as PortRanges;
}

const NO_RETRIES: RetryBudget = { ratio: 0, minPerSecond: 0, windowMs: DEFAULT_RETRY_BUDGET.windowMs };
