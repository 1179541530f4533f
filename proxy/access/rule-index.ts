import type { AccessCondition, AccessRule } from '../../api/access-policy.ts';
import type { PathMatch } from '../../api/predicate.ts';
import { octetsOf, pathOf } from '../routing/request-parts.ts';
import type { ClientAttributes } from './client-attributes.ts';
import { type AccessFacts, type Condition, compileCondition } from './condition.ts';

/** What came of a look at rules: the one that takes it, `unknown` where one may yet, null where none does. */
export type Found = AccessRule | 'unknown' | null;

/** A rule with what it takes, compiled. */
export interface CompiledRule {
  readonly rule: AccessRule;
  readonly holds: Condition;
  /** Keys of the only clients that it can take; null: any. */
  readonly clients: readonly string[] | null;
  /** One of these paths has every request that it takes; null: any. */
  readonly paths: readonly PathMatch[] | null;
}

/** @param when what it takes. @throws Error as {@link compileCondition} */
export function compileRule(rule: AccessRule, when: AccessCondition): CompiledRule {
  return { rule, holds: compileCondition(when), clients: clientsOf(when), paths: pathsOf(when) };
}

/**
 * Rules of which one is looked for that takes somebody. Those that may take a client are found when it first comes, by its name
 * where they name clients one by one, and then by the path where they name paths: a thousand of them cost no more than a few.
 */
export class RuleIndex {
  readonly #all: readonly CompiledRule[];
  readonly #byClient = new Map<string, CompiledRule[]>();
  readonly #ofAnyClient: CompiledRule[] = [];
  /** Those that may take a client, for as long as somebody knows it. */
  readonly #ofClient = new WeakMap<ClientAttributes, PathIndex>();

  constructor(rules: readonly CompiledRule[]) {
    this.#all = rules;
    for (const rule of rules) {
      if (!rule.clients) this.#ofAnyClient.push(rule);
      for (const client of rule.clients ?? []) add(this.#byClient, client, rule);
    }
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Looks for a rule that takes somebody. Throws never. */
  find(facts: AccessFacts): Found {
    const { client } = facts;
    if (!client) return first(this.#all, facts);
    let rules = this.#ofClient.get(client);
    if (!rules) {
      rules = new PathIndex(this.#mayTake(client));
      this.#ofClient.set(client, rules);
    }
    return rules.find(facts);
  }

  #mayTake(client: ClientAttributes): CompiledRule[] {
    const { identity, principal, namespace, serviceAccount } = client;
    const named = [identity, principal, accountKey(namespace, serviceAccount)].flatMap(
      (key) => this.#byClient.get(key) ?? [],
    );
    const facts = { client, address: null, port: null, serverName: null, request: null };
    return [...new Set([...this.#ofAnyClient, ...named])].filter(({ holds }) => holds(facts) !== false);
  }
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
