import type { Predicate, RetryPolicy, Route } from '../../api/routing.ts';
import { compileString } from '../../proxy/routing/predicate.ts';

/** Methods whose requests do not mean the same once and twice (RFC 9110 section 9.2.2, RFC 5789 section 2). */
export const UNSAFE_TO_REPEAT: readonly string[] = ['POST', 'PATCH'];

/**
 * Methods of {@link UNSAFE_TO_REPEAT} that the route takes and whose requests its retry rule may send again after the
 * application has seen them; empty: none, or the rule covers only what never reached it.
 */
export function repeatedMethods({ when, retry }: Route): readonly string[] {
  if (!retry || !mayFollowDelivery(retry)) return [];
  return UNSAFE_TO_REPEAT.filter((method) => takesMethod(when, method) !== 'no');
}

/** Whether an outcome that the rule tries again may come from a request that reached the application. */
function mayFollowDelivery({ on }: RetryPolicy): boolean {
  const isHarmless = on.outcomes.every((outcome) => outcome === 'connect-failure' || outcome === 'refused-stream');
  return !isHarmless || (on.statuses ?? []).length > 0 || (on.grpc ?? []).length > 0;
}

/** Whether a predicate takes requests of a method: all, none, or it depends on what else they are. */
function takesMethod(predicate: Predicate, method: string): 'yes' | 'no' | 'maybe' {
  if ('all' in predicate) return least(predicate.all.map((part) => takesMethod(part, method)));
  if ('any' in predicate) return NEGATION[least(predicate.any.map((part) => NEGATION[takesMethod(part, method)]))];
  if ('not' in predicate) return NEGATION[takesMethod(predicate.not, method)];
  if ('method' in predicate) return compileString(predicate.method)(method) ? 'yes' : 'no';
  return 'maybe';
}

/** What holds of a conjunction. */
function least(parts: readonly ('yes' | 'no' | 'maybe')[]): 'yes' | 'no' | 'maybe' {
  if (parts.includes('no')) return 'no';
  return parts.includes('maybe') ? 'maybe' : 'yes';
}

const NEGATION = { yes: 'no', no: 'yes', maybe: 'maybe' } as const;
