import type { AccessLayer, AccessRule } from '../../api/access-policy.ts';
import type { AccessFacts } from './condition.ts';
import { compileRule, RuleIndex } from './rule-index.ts';

/** How connections are judged: request by request, or once. */
export type Judged = 'requests' | 'octets';

/** What rules say of somebody. */
export interface Decision {
  /** `unknown`: it depends on what is not known yet. */
  readonly verdict: 'allowed' | 'denied' | 'unknown';
  /** The rule that decided; null: none takes it, or none had to. */
  readonly rule: AccessRule | null;
}

/** One layer of a pod's access policy, compiled. Pure. */
export class Layer {
  readonly origin: string;
  readonly #of: Readonly<Record<Judged, Enforced>>;
  readonly #audit: Readonly<Record<Judged, RuleIndex>>;
  readonly #dryRun: Readonly<Record<Judged, Enforced>> | null;

  /** @throws Error where a rule cannot be judged by */
  constructor({ deny, allow, audit = [], dryRun, origin }: AccessLayer) {
    this.origin = origin;
    this.#of = enforced(deny, allow);
    this.#audit = indexesOf(audit);
    this.#dryRun = dryRun ? enforced(dryRun.deny, dryRun.allow) : null;
  }

  decide(facts: AccessFacts, judged: Judged): Decision {
    return decide(this.#of[judged], facts);
  }

  /** The rule that wants it told of; null: none does. */
  audited(facts: AccessFacts, judged: Judged): AccessRule | null {
    const found = this.#audit[judged].find(facts);
    return found === 'unknown' ? null : found;
  }

  /** What would be said of somebody if what is tried were in force too; null: nothing is tried. */
  tried(facts: AccessFacts, judged: Judged): Decision | null {
    return this.#dryRun && decide(this.#dryRun[judged], facts);
  }
}

interface Enforced {
  readonly deny: RuleIndex;
  readonly allow: RuleIndex | null;
}

function decide({ deny, allow }: Enforced, facts: AccessFacts): Decision {
  const refusing = deny.isEmpty ? null : deny.find(facts);
  if (refusing !== null && refusing !== 'unknown') return { verdict: 'denied', rule: refusing };
  const letting = allow ? allow.find(facts) : null;
  if (allow && letting === null) return DENIED_BY_NONE;
  if (refusing === 'unknown' || letting === 'unknown') return UNKNOWN;
  return letting === null ? ALLOWED_BY_NONE : { verdict: 'allowed', rule: letting };
}

function enforced(deny: readonly AccessRule[], allow: readonly AccessRule[] | null): Record<Judged, Enforced> {
  const [denying, allowing] = [indexesOf(deny), allow && indexesOf(allow)];
  const of = (judged: Judged): Enforced => ({ deny: denying[judged], allow: allowing?.[judged] ?? null });
  return { requests: of('requests'), octets: of('octets') };
}

/** Rules by what they take of each; most take the same of both. */
function indexesOf(rules: readonly AccessRule[]): Record<Judged, RuleIndex> {
  const requests = rules.map((rule) => compileRule(rule, rule.when));
  const octets = rules.flatMap((rule, at) => {
    const { whenOctets } = rule;
    if (whenOctets === undefined) return requests[at]!;
    return whenOctets === null ? [] : compileRule(rule, whenOctets);
  });
  return { requests: new RuleIndex(requests), octets: new RuleIndex(octets) };
}

const DENIED_BY_NONE: Decision = { verdict: 'denied', rule: null };
const ALLOWED_BY_NONE: Decision = { verdict: 'allowed', rule: null };
const UNKNOWN: Decision = { verdict: 'unknown', rule: null };
