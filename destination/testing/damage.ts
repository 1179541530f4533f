import type { Fields } from '../objects/json.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import { MalformedObject, type Problem } from '../objects/problem.ts';

/** A version of an object in which one thing is wrong. */
export interface Damaged {
  readonly what: 'unknown field' | 'wrong type';
  /** Path of what is wrong, `spec.http[0].madeUp`. */
  readonly path: string;
  readonly raw: Fields;
}

/** Added to objects: no API has it. */
const UNKNOWN = 'madeUp';

/**
 * Every version of an object in which a field below its `spec` is unknown, or one of its values is of a type that no field
 * has (a text is an object, a list a number).
 *
 * @param isFree whether an object takes any names, as labels do
 */
export function* damagedVersions(raw: Fields, isFree: (path: string) => boolean): Iterable<Damaged> {
  for (const { path, keys, value } of nodesOf(raw.spec, 'spec', ['spec'])) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject && !isFree(path))
      yield { what: 'unknown field', path: `${path}.${UNKNOWN}`, raw: replaced(raw, [...keys, UNKNOWN], 1) };
    const others = isObject || Array.isArray(value) ? [5, 'text'] : [{ [UNKNOWN]: 1 }, [[UNKNOWN]]];
    for (const other of others) yield { what: 'wrong type', path, raw: replaced(raw, keys, other) };
  }
}

/** What reading an object notes; one that is unusable says why at the end. */
export function problemsOf(kind: Kind, raw: Fields): Problem[] {
  const problems: Problem[] = [];
  try {
    KINDS[kind].read(raw, problems);
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    problems.push(error.problem);
  }
  return problems;
}

/** An object with another value at a path (`spec.http[0].timeout`); what is not there on the way is made. */
export function withValue(raw: Fields, path: string, value: unknown): Fields {
  const keys = [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([name, at]) => (at === undefined ? name : Number(at)));
  return replaced(raw, keys, value);
}

interface Place {
  readonly path: string;
  readonly keys: readonly (string | number)[];
  readonly value: unknown;
}

function* nodesOf(value: unknown, path: string, keys: readonly (string | number)[]): Iterable<Place> {
  yield { path, keys, value };
  if (Array.isArray(value)) {
    for (const [at, each] of value.entries()) yield* nodesOf(each, `${path}[${at}]`, [...keys, at]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) yield* nodesOf(each, `${path}.${key}`, [...keys, key]);
  }
}

function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): Fields {
  const isList = value === undefined ? typeof key === 'number' : Array.isArray(value);
  const copy: Record<string | number, unknown> = isList
    ? ([...((value ?? []) as unknown[])] as never)
    : { ...(value as object) };
  copy[key!] = rest.length === 0 ? by : replaced(copy[key!], rest, by);
  return copy as Fields;
}
