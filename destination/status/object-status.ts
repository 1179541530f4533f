import { ACCEPTED_CONDITION, API_GROUP } from '../../api/names.ts';
import type { Fields } from '../objects/json.ts';
import type { Verdict } from './verdict.ts';

/** Who wrote an entry of a route's status. Source: Gateway API, RouteParentStatus. */
export const CONTROLLER_NAME = `${API_GROUP}/mesh`;

/**
 * The status that says a verdict, with everything in it that others wrote; null: it says so already.
 *
 * @param raw the object as the API server has it
 * @param now RFC 3339, seconds
 */
export function statusWith(raw: Fields, verdict: Verdict, now: string): Fields | null {
  const status = objectOf(raw.status);
  const { generation } = objectOf(raw.metadata);
  const conditions = listOf(status.conditions);
  const condition = conditionOf(ACCEPTED_CONDITION, verdict, generation, now);
  const before = conditions.find(({ type }) => type === ACCEPTED_CONDITION);
  if (before && isSame(before, condition)) return null;
  const { targetRef } = objectOf(raw.spec);
  // Linkerd's definition of HTTPLocalRateLimitPolicy demands in a status whom it is about.
  const about = targetRef === undefined ? {} : { targetRef };
  return {
    ...status,
    ...about,
    conditions: [...conditions.filter((each) => each !== before), keepTime(before, condition)],
  };
}

/** As {@link statusWith} for routes of Gateway API, which have conditions for each parent. */
export function routeStatusWith(raw: Fields, verdict: Verdict, now: string): Fields | null {
  const status = objectOf(raw.status);
  const { generation } = objectOf(raw.metadata);
  const { parentRefs } = objectOf(raw.spec);
  const entries = listOf(status.parents);
  const others = entries.filter(({ controllerName }) => controllerName !== CONTROLLER_NAME);
  const own = entries.filter(({ controllerName }) => controllerName === CONTROLLER_NAME);
  const condition = conditionOf('Accepted', verdict, generation, now);
  const next = listOf(parentRefs)
    .filter(({ kind, group = '' }) => kind === 'Service' && (group === '' || group === 'core'))
    .map((parentRef) => {
      const known = own.find((each) => JSON.stringify(each.parentRef) === JSON.stringify(parentRef));
      const before = listOf(known?.conditions).find(({ type }) => type === 'Accepted');
      return { parentRef, controllerName: CONTROLLER_NAME, conditions: [keepTime(before, condition)] };
    });
  if (JSON.stringify(own) === JSON.stringify(next)) return null;
  return { ...status, parents: [...others, ...next] };
}

function conditionOf(type: string, verdict: Verdict, generation: unknown, now: string): Fields {
  return {
    type,
    status: verdict.isAccepted ? 'True' : 'False',
    reason: verdict.reason,
    message: verdict.message.slice(0, MAX_MESSAGE),
    ...(typeof generation === 'number' && { observedGeneration: generation }),
    lastTransitionTime: now,
  };
}

/** The time of a condition is when its status last changed; one that is the same is returned as it was. */
function keepTime(before: Fields | undefined, condition: Fields): Fields {
  if (!before) return condition;
  if (isSame(before, condition)) return before;
  return before.status === condition.status
    ? { ...condition, lastTransitionTime: before.lastTransitionTime }
    : condition;
}

function isSame(a: Fields, b: Fields): boolean {
  return ['status', 'reason', 'message', 'observedGeneration'].every((name) => a[name] === b[name]);
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

/** Source: metav1.Condition. */
const MAX_MESSAGE = 32_768;
