import type { AccessCondition, AccessLayer, AccessRule, PodAccess } from '../../api/access-policy.ts';
import type { Predicate } from '../../api/predicate.ts';
import { compileString } from '../../proxy/routing/predicate.ts';

/** Whether a request of a method is taken, of which nothing else is known; null: that depends on the rest. Pure. */
export function takesMethod(predicate: Predicate, method: string): boolean | null {
  if ('all' in predicate) return combined(predicate.all, method, false);
  if ('any' in predicate) return combined(predicate.any, method, true);
  if ('not' in predicate) {
    const holds = takesMethod(predicate.not, method);
    return holds === null ? null : !holds;
  }
  // The method that proxies keep no count of has no name here.
  return 'method' in predicate && method !== '' ? compileString(predicate.method)(method) : null;
}

function combined(parts: readonly Predicate[], method: string, decisive: boolean): boolean | null {
  const held = parts.map((part) => takesMethod(part, method));
  if (held.includes(decisive)) return decisive;
  return held.includes(null) ? null : !decisive;
}

/** What all ports demand, as far as it can be told of a request by its method. */
export function accessByMethod(access: PodAccess, method: string): PodAccess {
  return { ...access, layers: access.layers.map((layer) => layerByMethod(layer, method)) };
}

function layerByMethod({ deny, allow, origin }: AccessLayer, method: string): AccessLayer {
  return { deny: rulesByMethod(deny, method), allow: allow && rulesByMethod(allow, method), origin };
}

/** Rules, in which what the method alone decides is decided. */
export function rulesByMethod(rules: readonly AccessRule[], method: string): AccessRule[] {
  return rules.map((rule) => ({ ...rule, when: conditionByMethod(rule.when, method) }));
}

function conditionByMethod(condition: AccessCondition, method: string): AccessCondition {
  if ('all' in condition) return { all: condition.all.map((part) => conditionByMethod(part, method)) };
  if ('any' in condition) return { any: condition.any.map((part) => conditionByMethod(part, method)) };
  if ('not' in condition) return { not: conditionByMethod(condition.not, method) };
  if (!('request' in condition)) return condition;
  const taken = takesMethod(condition.request, method);
  return taken === null ? condition : taken ? { all: [] } : { any: [] };
}
