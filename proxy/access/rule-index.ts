import type { AccessCondition, AccessRule } from '../../api/access-policy.ts';
import type { PathMatch } from '../../api/predicate.ts';
import { octetsOf, pathOf } from '../routing/request-parts.ts';
import { type AccessFacts, type Condition, compileCondition } from './condition.ts';

/** What came of a look at rules: the one that takes it, `unknown` where one may yet, null where none does. */
export type Found = AccessRule | 'unknown' | null;

/**
 * Rules of which one is looked for that takes somebody. Those that name their clients, or paths, one by one are found by the
 * name, so that a thousand of them cost no more than a few.
 */
export class RuleIndex {
  readonly #all: readonly CompiledRule[];
  readonly #byClient: ReadonlyMap<string, PathIndex>;
  readonly #ofAnyClient: PathIndex;

  /** @throws Error as {@link compileCondition} */
  constructor(rules: readonly { readonly rule: AccessRule; readonly when: AccessCondition }[]) {
    const byClient = new Map<string, CompiledRule[]>();
    const ofAnyClient: CompiledRule[] = [];
    this.#all = rules.map(({ rule, when }) => {
      const compiled = { rule, holds: compileCondition(when), paths: pathsOf(when) };
      const clients = clientsOf(when);
      if (!clients) ofAnyClient.push(compiled);
      for (const client of clients ?? []) {
        const list = byClient.get(client);
        if (list) list.push(compiled);
        else byClient.set(client, [compiled]);
      }
      return compiled;
    });
    this.#byClient = new Map([...byClient].map(([client, list]) => [client, new PathIndex(list)]));
    this.#ofAnyClient = new PathIndex(ofAnyClient);
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Looks for a rule that takes somebody. Throws never. */
  find(facts: AccessFacts): Found {
    const { client } = facts;
    if (!client) return first(this.#all, facts);
    const found = this.#ofAnyClient.find(facts);
    if (found !== null && found !== 'unknown') return found;
    let isKnown = found === null;
    if (this.#byClient.size > 0)
      for (const key of [client.identity, client.principal, accountKey(client.namespace, client.serviceAccount)]) {
        const named = this.#byClient.get(key)?.find(facts) ?? null;
        if (named !== null && named !== 'unknown') return named;
        if (named === 'unknown') isKnown = false;
      }
    return isKnown ? null : 'unknown';
  }
}

interface CompiledRule {
  readonly rule: AccessRule;
  readonly holds: Condition;
  /** One of these paths has every request that it takes; null: any. */
  readonly paths: readonly PathMatch[] | null;
}

/** Rules by the paths that they name. */
class PathIndex {
  readonly #all: readonly CompiledRule[];
  readonly #ofAnyPath: readonly CompiledRule[];
  readonly #exact = new Map<string, CompiledRule[]>();
  /** By the length of the prefix. */
  readonly #prefixes = new Map<number, Map<string, CompiledRule[]>>();

  constructor(rules: readonly CompiledRule[]) {
    this.#all = rules;
    // A few are looked at as fast as they are found.
    const isLong = rules.length > FEW;
    this.#ofAnyPath = isLong ? rules.filter(({ paths }) => !paths) : rules;
    if (!isLong) return;
    for (const rule of rules)
      for (const { exact, prefix = '' } of rule.paths ?? []) {
        if (exact !== undefined) add(this.#exact, octetsOf(exact), rule);
        else {
          const text = octetsOf(prefix);
          const ofLength = this.#prefixes.get(text.length) ?? new Map<string, CompiledRule[]>();
          this.#prefixes.set(text.length, ofLength);
          add(ofLength, text, rule);
        }
      }
  }

  find(facts: AccessFacts): Found {
    if (!facts.request) return first(this.#all, facts);
    const found = first(this.#ofAnyPath, facts);
    if (found !== null && found !== 'unknown') return found;
    if (this.#all === this.#ofAnyPath) return found;
    const path = pathOf(facts.request.path);
    let isKnown = found === null;
    const look = (rules: readonly CompiledRule[] | undefined): AccessRule | null => {
      const named = rules ? first(rules, facts) : null;
      if (named === 'unknown') isKnown = false;
      return named === 'unknown' ? null : named;
    };
    const exact = look(this.#exact.get(path));
    if (exact) return exact;
    for (const [length, rules] of this.#prefixes) {
      if (length > path.length) continue;
      const named = look(rules.get(path.slice(0, length)));
      if (named) return named;
    }
    return isKnown ? null : 'unknown';
  }
}

function first(rules: readonly CompiledRule[], facts: AccessFacts): Found {
  let isKnown = true;
  for (let i = 0; i < rules.length; i++) {
    const holds = rules[i]!.holds(facts);
    if (holds === true) return rules[i]!.rule;
    if (holds === null) isKnown = false;
  }
  return isKnown ? null : 'unknown';
}

function add(map: Map<string, CompiledRule[]>, key: string, rule: CompiledRule): void {
  const list = map.get(key);
  if (list) list.push(rule);
  else map.set(key, [rule]);
}

/** Keys of the only clients that a condition can take; null: it names none. */
function clientsOf(condition: AccessCondition): readonly string[] | null {
  if ('all' in condition) {
    const account = accountOf(condition.all);
    if (account !== null) return [account];
    return fewest(condition.all.map(clientsOf));
  }
  if ('any' in condition) return union(condition.any.map(clientsOf));
  if (!('client' in condition) || condition.value.exact === undefined || condition.value.ignoreCase) return null;
  return condition.client === 'identity' || condition.client === 'principal' ? [condition.value.exact] : null;
}

/** The service account that conditions name between them. */
function accountOf(parts: readonly AccessCondition[]): string | null {
  const exact = (attribute: 'namespace' | 'serviceAccount') => {
    for (const part of parts) if ('client' in part && part.client === attribute) return part.value.exact;
    return undefined;
  };
  const [namespace, account] = [exact('namespace'), exact('serviceAccount')];
  return namespace === undefined || account === undefined ? null : accountKey(namespace, account);
}

/** Like nothing that an identity or a principal can be. */
function accountKey(namespace: string, account: string): string {
  return `${namespace} ${account}`;
}

/** Paths that every request has which a condition can take; null: it names none. */
function pathsOf(condition: AccessCondition): readonly PathMatch[] | null {
  if ('all' in condition) return fewest(condition.all.map(pathsOf));
  if ('any' in condition) return union(condition.any.map(pathsOf));
  if (!('request' in condition) || !('path' in condition.request)) return null;
  const { path } = condition.request;
  return (path.exact === undefined && path.prefix === undefined) || path.ignoreCase ? null : [path];
}

function fewest<T>(lists: readonly (readonly T[] | null)[]): readonly T[] | null {
  const named = lists.filter((list) => list !== null);
  return named.length === 0 ? null : named.reduce((a, b) => (b.length < a.length ? b : a));
}

function union<T>(lists: readonly (readonly T[] | null)[]): readonly T[] | null {
  const named = lists.filter((list) => list !== null);
  return named.length === 0 || named.length < lists.length ? null : named.flat();
}

const FEW = 8;
