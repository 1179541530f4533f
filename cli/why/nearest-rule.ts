import type { AccessCondition, AccessRule } from '../../api/access-policy.ts';
import { type AccessFacts, compileCondition } from '../../proxy/access/condition.ts';
import { conditionWords } from '../authz/condition-words.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { placeOf } from './route-name.ts';

/** A rule that would have let a request in, but for some of what it asks for. */
export interface NearestRule {
  readonly origin: string;
  /** Empty: the object as a whole. */
  readonly field: string;
  readonly place: string;
  /** What does not hold of the request and its client, each in words. */
  readonly lacks: readonly string[];
}

/**
 * Of layers that have no rule that takes a request, the rule that lacks least; the first of several.
 *
 * @returns null: every layer has one that takes it, or has none at all
 */
export function nearestRule(
  state: MeshState,
  layers: readonly (readonly AccessRule[])[],
  facts: AccessFacts,
): NearestRule | null {
  const lacking = layers
    .map((rules) => rules.map((rule) => ({ rule, lacks: lackOf(rule.when, facts) })))
    .filter((rules) => rules.every(({ lacks }) => lacks.length > 0))
    .flat();
  const nearest = lacking.reduce<(typeof lacking)[number] | null>(
    (best, each) => (best && best.lacks.length <= each.lacks.length ? best : each),
    null,
  );
  if (!nearest) return null;
  const { origin, path = '' } = nearest.rule;
  return { origin, field: path, place: placeOf(state, origin), lacks: nearest.lacks };
}

/** The parts of a condition that do not hold; of alternatives those of the first that lacks least. */
function lackOf(condition: AccessCondition, facts: AccessFacts): string[] {
  const plain = unwrapped(condition);
  if ('all' in plain) return [...new Set(plain.all.flatMap((part) => lackOf(part, facts)))];
  if (compileCondition(plain)(facts) === true) return [];
  if (!('any' in plain) || plain.any.every(isLeaf)) return [conditionWords(plain)];
  return plain.any
    .map((part) => lackOf(part, facts))
    .reduce((least, each) => (each.length < least.length ? each : least));
}

/** What is asked of a request, as conditions of their own. */
function unwrapped(condition: AccessCondition): AccessCondition {
  if (!('request' in condition)) return condition;
  const { request } = condition;
  if ('all' in request) return { all: request.all.map((part) => ({ request: part })) };
  return 'any' in request ? { any: request.any.map((part) => ({ request: part })) } : condition;
}

function isLeaf(condition: AccessCondition): boolean {
  const plain = unwrapped(condition);
  return !('all' in plain) && !('any' in plain);
}
