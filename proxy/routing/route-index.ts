import type { Predicate } from '../../api/predicate.ts';

import { clausesOf, type Key, keyOf, TELLING } from './clause.ts';
import { type Entry, firstOf, insert, insertAt } from './entry.ts';
import { PathIndex } from './path-index.ts';
import { compileAll, type RequestView } from './predicate.ts';
import { hostOf } from './request-parts.ts';
import { HeaderIndex, QueryIndex } from './value-index.ts';

/**
 * Finds the first of many predicates that takes a request without trying them all.
 *
 * Each alternative of a predicate is found by its rarest key (a path, a prefix, a header's value …), and what else it
 * demands is tried only then. The answer is the lowest place of all that is found:
 *
 *     request ─▶ path ──▶ exact paths, prefixes, patterns ─┐
 *             ─▶ headers, host, query, method ─────────────┼─▶ entries ─▶ what else they demand ─▶ lowest place
 *             ─▶ those without a key ──────────────────────┘
 */
export class RouteIndex {
  readonly #paths = new PathIndex(false);
  /** Of matches that ignore case. */
  readonly #loosePaths = new PathIndex(true);
  readonly #headers = new HeaderIndex();
  readonly #queries = new QueryIndex();
  readonly #hosts = new Map<string, Entry>();
  readonly #methods = new Map<string, Entry>();
  /** Those without a key. */
  #others: Entry | null = null;

  constructor(predicates: readonly Predicate[]) {
    const clauses = predicates.flatMap((predicate, order) =>
      (clausesOf(predicate) ?? [[predicate]]).map((conditions) => ({ order, conditions })),
    );
    const counts = countKeys(clauses.flatMap(({ conditions }) => conditions));
    for (const { order, conditions } of clauses) {
      const rarest = rarestKey(conditions, counts);
      const others = conditions.filter((each) => each !== rarest?.condition);
      const entry: Entry = { order, holds: others.length === 0 ? null : compileAll(others), next: null };
      if (rarest) this.#add(rarest.key, entry);
      else this.#others = insert(this.#others, entry);
    }
    this.#paths.complete();
  }

  /** Place of the first predicate that takes the request; -1: none does. */
  find(request: RequestView): number {
    let first = this.#paths.first(request, NOWHERE);
    first = this.#loosePaths.first(request, first);
    first = this.#headers.first(request, first);
    first = this.#queries.first(request, first);
    if (this.#hosts.size > 0) first = firstOf(this.#hosts.get(hostOf(request.authority)), request, first);
    if (this.#methods.size > 0) first = firstOf(this.#methods.get(request.method), request, first);
    first = firstOf(this.#others, request, first);
    return first === NOWHERE ? -1 : first;
  }

  #add(key: Key, entry: Entry): void {
    if (key.kind === 'path') this.#pathsOf(key).addExact(key.path, entry);
    else if ('prefix' in key) this.#pathsOf(key).addPrefix(key.prefix, key.kind, entry);
    else if (key.kind === 'pattern') this.#paths.addPattern(key.regex, entry);
    else if (key.kind === 'header') this.#headers.add(key.name, key.value, entry);
    else if (key.kind === 'query') this.#queries.add(key.name, key.value, entry);
    else insertAt(key.kind === 'method' ? this.#methods : this.#hosts, key.value, entry);
  }

  #pathsOf({ ignoreCase }: { readonly ignoreCase: boolean }): PathIndex {
    return ignoreCase ? this.#loosePaths : this.#paths;
  }
}

interface KeyedCondition {
  readonly condition: Predicate;
  readonly key: Key;
}

/** How many conditions have each key, by its JSON. */
function countKeys(conditions: readonly Predicate[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const condition of conditions) {
    const text = JSON.stringify(keyOf(condition));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function rarestKey(conditions: readonly Predicate[], counts: ReadonlyMap<string, number>): KeyedCondition | null {
  let rarest: (KeyedCondition & { readonly count: number }) | null = null;
  for (const condition of conditions) {
    const key = keyOf(condition);
    if (!key) continue;
    // Patterns are tried together, however many have the same text.
    const count = key.kind === 'pattern' ? 1 : counts.get(JSON.stringify(key))!;
    const isBetter =
      !rarest ||
      count < rarest.count ||
      (count === rarest.count && TELLING.indexOf(key.kind) < TELLING.indexOf(rarest.key.kind));
    if (isBetter) rarest = { condition, key, count };
  }
  return rarest;
}

/** Beyond every list of routes, and still a small integer, which takes no memory. */
const NOWHERE = 0x3fffffff;
