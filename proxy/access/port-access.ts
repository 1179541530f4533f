import type { AccessRule } from '../../api/access-policy.ts';
import type { InboundPort } from '../../api/routing.ts';
import { compilePredicate, type Matcher } from '../routing/predicate.ts';
import type { AccessFacts } from './condition.ts';
import type { Judged } from './layer.ts';
import { compileRule, type Found, RuleIndex } from './rule-index.ts';

/** What the authorizations of a port say of somebody. */
export type Authorized =
  /** A rule lets it in. */
  | { readonly kind: 'authorized'; readonly rule: AccessRule }
  /** None does: the port's own policy decides. */
  | { readonly kind: 'unauthorized' }
  /** It is of no route that the port has. */
  | { readonly kind: 'not-found' }
  /** It depends on what is not known. */
  | { readonly kind: 'unknown' };

/** Whom a port lets in besides its own policy, compiled: those whom it authorizes for anything, or for a route. */
export class PortAccess {
  /** Authorizes nobody. */
  static readonly NONE = new PortAccess({});

  readonly #authorizations: RuleIndex;
  readonly #routes: readonly { readonly matches: Matcher; readonly authorizations: RuleIndex }[] | null;

  /** @throws Error where a rule cannot be judged by */
  constructor({ authorizations = [], accessRoutes }: Pick<InboundPort, 'authorizations' | 'accessRoutes'>) {
    this.#authorizations = indexOf(authorizations);
    this.#routes =
      accessRoutes?.map(({ when, authorizations: own }) => ({
        matches: compilePredicate(when),
        authorizations: indexOf(own),
      })) ?? null;
  }

  /** Whether its requests have to be of some route. */
  get hasRoutes(): boolean {
    return this.#routes !== null;
  }

  /** Looks for what authorizes somebody; where requests are judged, the request is known. Throws never. */
  find(facts: AccessFacts, judged: Judged): Authorized {
    const route = judged === 'requests' ? this.#routes?.find(({ matches }) => matches(facts.request!)) : null;
    if (route === undefined && this.#routes) return { kind: 'not-found' };
    const found = foundIn(this.#authorizations, facts);
    const rule = (found === 'unknown' ? null : found) ?? (route ? foundIn(route.authorizations, facts) : null);
    if (rule !== null && rule !== 'unknown') return { kind: 'authorized', rule };
    if (rule === 'unknown' || found === 'unknown') return { kind: 'unknown' };
    return { kind: 'unauthorized' };
  }
}

function foundIn(index: RuleIndex, facts: AccessFacts): Found {
  return index.isEmpty ? null : index.find(facts);
}

function indexOf(rules: readonly AccessRule[]): RuleIndex {
  return new RuleIndex(rules.map((rule) => compileRule(rule, rule.when)));
}
