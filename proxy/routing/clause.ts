import type { Predicate } from '../../api/predicate.ts';
import { comparable, withoutLastSlash } from './predicate.ts';
import { octetsOf } from './request-parts.ts';

/**
 * A predicate as alternatives, each a list of conditions that must all hold; null: it would be more than
 * {@link MAX_CLAUSES}. What is under a `not` stays whole.
 */
export function clausesOf(predicate: Predicate): readonly (readonly Predicate[])[] | null {
  if ('any' in predicate) {
    const clauses: (readonly Predicate[])[] = [];
    for (const part of predicate.any) {
      const alternatives = clausesOf(part);
      if (!alternatives || clauses.length + alternatives.length > MAX_CLAUSES) return null;
      clauses.push(...alternatives);
    }
    return clauses;
  }
  if (!('all' in predicate)) return [[predicate]];
  let clauses: (readonly Predicate[])[] = [[]];
  for (const part of predicate.all) {
    const alternatives = clausesOf(part);
    if (!alternatives || clauses.length * alternatives.length > MAX_CLAUSES) return null;
    clauses = clauses.flatMap((clause) => alternatives.map((each) => [...clause, ...each]));
  }
  return clauses;
}

/** What a condition can be found by, texts as they are in a request. */
export type Key =
  | { readonly kind: 'path'; readonly path: string; readonly ignoreCase: boolean }
  | { readonly kind: 'prefix' | 'segments'; readonly prefix: string; readonly ignoreCase: boolean }
  | { readonly kind: 'header' | 'query'; readonly name: string; readonly value: string }
  | { readonly kind: 'authority' | 'method'; readonly value: string }
  | { readonly kind: 'pattern'; readonly regex: string };

/** By what a condition can be looked up in an index; null: it has to be tried. */
export function keyOf(predicate: Predicate): Key | null {
  if ('path' in predicate) {
    const { exact, prefix, segments, regex, ignoreCase = false } = predicate.path;
    if (regex !== undefined) return { kind: 'pattern', regex };
    if (exact !== undefined) return { kind: 'path', path: comparable(exact, ignoreCase), ignoreCase };
    if (prefix !== undefined) return { kind: 'prefix', prefix: comparable(prefix, ignoreCase), ignoreCase };
    if (segments === undefined) return null;
    return { kind: 'segments', prefix: comparable(withoutLastSlash(segments), ignoreCase), ignoreCase };
  }
  if ('header' in predicate) {
    const name = predicate.header.toLowerCase();
    if (name === 'host' || name === ':path' || predicate.value?.exact === undefined) return null;
    return { kind: 'header', name, value: octetsOf(predicate.value.exact) };
  }
  if ('query' in predicate) {
    if (predicate.value?.exact === undefined) return null;
    return { kind: 'query', name: octetsOf(predicate.query), value: octetsOf(predicate.value.exact) };
  }
  if ('authority' in predicate && predicate.authority.exact !== undefined)
    return { kind: 'authority', value: octetsOf(predicate.authority.exact) };
  if ('method' in predicate && predicate.method.exact !== undefined)
    return { kind: 'method', value: octetsOf(predicate.method.exact) };
  return null;
}

/** Kinds of keys that are equally rare: what tells more, and what costs less to look up, first. */
export const TELLING: readonly Key['kind'][] = [
  'path',
  'segments',
  'prefix',
  'header',
  'authority',
  'query',
  'pattern',
  'method',
];

const MAX_CLAUSES = 1_024;
