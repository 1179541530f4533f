import type { Predicate } from '../../../api/predicate.ts';
import type { ResponsePredicate } from '../../../api/routing.ts';
import { FieldReader } from '../field-reader.ts';
import { patternFault } from '../pattern-fault.ts';
import type { Problem } from '../problem.ts';
import { vainMethod, vainPath } from '../vain-match.ts';

/**
 * Reads a request condition of a ServiceProfile: its fields hold together, and at least one is there. null when
 * anything in it is wrong, with every fault noted.
 *
 * `all: []` takes every request and `any: []` none (linkerd2-proxy's profiles).
 */
export function readRequestCondition(raw: unknown, path: string, problems: Problem[], depth = 0): Predicate | null {
  const reader = openCondition(raw, path, problems, depth, ['pathRegex', 'method', 'all', 'any', 'not']);
  if (!reader) return null;
  const { pathRegex, method, all, any, not } = reader.fields;
  const parts: (Predicate | null)[] = [];
  if (isPresent(pathRegex)) parts.push(readPathRegex(pathRegex, `${path}.pathRegex`, problems));
  if (isPresent(method)) parts.push(readMethod(method, `${path}.method`, problems));
  const inner = (value: unknown, place: string) => readRequestCondition(value, place, problems, depth + 1);
  if (isPresent(all)) parts.push(joined('all', readEach(all, `${path}.all`, problems, inner)));
  if (isPresent(any)) parts.push(joined('any', readEach(any, `${path}.any`, problems, inner)));
  if (isPresent(not)) parts.push(negated(inner(not, `${path}.not`)));
  return together(parts);
}

/**
 * Reads a response condition: as above, and a status range of which either bound may be left out (then 100 or 599;
 * Linkerd accepts such a class and never applies it).
 */
export function readResponseCondition(
  raw: unknown,
  path: string,
  problems: Problem[],
  depth = 0,
): ResponsePredicate | null {
  const reader = openCondition(raw, path, problems, depth, ['status', 'all', 'any', 'not']);
  if (!reader) return null;
  const { status, all, any, not } = reader.fields;
  const parts: (ResponsePredicate | null)[] = [];
  if (isPresent(status)) parts.push(readStatus(status, `${path}.status`, problems));
  const inner = (value: unknown, place: string) => readResponseCondition(value, place, problems, depth + 1);
  if (isPresent(all)) parts.push(joined('all', readEach(all, `${path}.all`, problems, inner)));
  if (isPresent(any)) parts.push(joined('any', readEach(any, `${path}.any`, problems, inner)));
  if (isPresent(not)) parts.push(negated(inner(not, `${path}.not`)));
  return together(parts);
}

function openCondition(
  raw: unknown,
  path: string,
  problems: Problem[],
  depth: number,
  names: readonly string[],
): FieldReader | null {
  if (depth > MAX_DEPTH) {
    problems.push({ path, message: `is nested more than ${MAX_DEPTH} levels deep` });
    return null;
  }
  if (raw === undefined || raw === null) {
    problems.push({ path, message: 'is missing' });
    return null;
  }
  const reader = FieldReader.of(raw, path, problems);
  if (!reader) return null;
  reader.allow(names);
  if (!names.some((name) => isPresent(reader.fields[name]))) {
    problems.push({ path, message: `is empty; it needs one of ${names.join(', ')}` });
    return null;
  }
  return reader;
}

function readPathRegex(value: unknown, path: string, problems: Problem[]): Predicate | null {
  const regex = typeof value === 'string' ? value.trim() : '';
  const fault = regex === '' ? 'is no text, or an empty one' : regexFault(regex);
  if (fault === null) return warnedOf({ path: { regex } }, vainPath({ regex }), path, problems);
  problems.push({ path, message: fault });
  return null;
}

function warnedOf(predicate: Predicate, message: string | null, path: string, problems: Problem[]): Predicate {
  if (message !== null) problems.push({ path, message, severity: 'warning' });
  return predicate;
}

/** Why a pattern is no regular expression of RE2 syntax, or null. */
function regexFault(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN_CHARACTERS) return `is longer than ${MAX_PATTERN_CHARACTERS} characters`;
  return patternFault(pattern);
}

/** Methods are case-sensitive tokens (RFC 9110 section 9.1). */
function readMethod(value: unknown, path: string, problems: Problem[]): Predicate | null {
  if (typeof value === 'string' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(value))
    return warnedOf({ method: { exact: value } }, vainMethod({ exact: value }), path, problems);
  problems.push({ path, message: 'is no HTTP method' });
  return null;
}

/** Go decodes an absent bound to 0, so 0 counts as absent. */
function readStatus(value: unknown, path: string, problems: Problem[]): ResponsePredicate | null {
  const before = problems.length;
  const reader = FieldReader.of(value, path, problems);
  if (!reader) return null;
  reader.allow(['min', 'max']);
  const bound = (name: string) => reader.fields[name] || null;
  if (bound('min') === null && bound('max') === null) reader.problem('', 'is empty; it needs min or max');
  const min = bound('min') === null ? 100 : reader.number('min', STATUS_RANGE);
  const max = bound('max') === null ? 599 : reader.number('max', STATUS_RANGE);
  if (min !== null && max !== null && min > max) reader.problem('max', `${max} is less than min ${min}`);
  return problems.length > before ? null : { status: { min: min!, max: max! } };
}

function readEach<T>(
  value: unknown,
  path: string,
  problems: Problem[],
  read: (entry: unknown, path: string) => T | null,
): T[] | null {
  if (!Array.isArray(value)) {
    problems.push({ path, message: 'is no list' });
    return null;
  }
  const parts = value.map((entry, at) => read(entry, `${path}[${at}]`));
  return parts.every((part) => part !== null) ? (parts as T[]) : null;
}

function joined<T>(how: 'all' | 'any', parts: T[] | null): T | null {
  return parts && ({ [how]: parts } as T);
}

function negated<T>(part: T | null): T | null {
  return part && ({ not: part } as T);
}

/** One part stands for itself, several for all of them; null where one of them is wrong. */
function together<T>(parts: readonly (T | null)[]): T | null {
  if (parts.some((part) => part === null)) return null;
  return parts.length === 1 ? parts[0]! : ({ all: parts } as T);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

const STATUS_RANGE = { min: 100, max: 599, integer: true } as const;
/** Far beyond what people write, and far below what a recursive reader's stack holds. */
const MAX_DEPTH = 32;
/** A pattern of this length compiles in a few milliseconds; admission and discovery must not be held up by one. */
const MAX_PATTERN_CHARACTERS = 4096;
