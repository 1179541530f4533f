import type { CircuitBreaker } from '../../../api/traffic-policy.ts';
import { parseDuration } from '../../../core/time/duration.ts';
import { annotationPath } from '../kubernetes/settings.ts';
import type { Problem } from '../problem.ts';

/**
 * Reads `balancer.linkerd.io/failure-accrual*` of a Service; null: circuits are not broken.
 *
 * A wrong value is noted and the default taken: whoever asked for a breaker wants one.
 *
 * @see https://linkerd.io/2/reference/circuit-breaking/
 */
export function readFailureAccrual(
  annotations: Readonly<Record<string, string>>,
  problems: Problem[],
): CircuitBreaker | null {
  const mode = annotations[MODE];
  if (mode === undefined) return null;
  if (mode !== 'consecutive' && mode !== 'unified') {
    problems.push({
      path: annotationPath(MODE),
      message: `"${mode}" is neither consecutive nor unified; circuits are not broken`,
    });
    return null;
  }
  const read = (name: string, parse: (text: string) => number | null, allowed: string, fallback: number) => {
    const text = annotations[name];
    if (text === undefined) return fallback;
    const value = parse(text);
    if (value === null)
      problems.push({ path: annotationPath(name), message: `"${text}" is not ${allowed}; ${fallback} applies` });
    return value ?? fallback;
  };
  const duration = (name: string, fallbackMs: number) =>
    read(name, parseDuration, 'a duration such as 1s (ms below)', fallbackMs);
  const minPenaltyMs = duration(`${CONSECUTIVE}-min-penalty`, 1000);
  const maxPenaltyMs = Math.max(minPenaltyMs, duration(`${CONSECUTIVE}-max-penalty`, 60_000));
  const penalty = {
    minPenaltyMs,
    maxPenaltyMs,
    jitterRatio: read(`${CONSECUTIVE}-jitter-ratio`, between(0, 100), 'a number from 0 to 100', 0.5),
    maxFailures: read(`${CONSECUTIVE}-max-failures`, whole, 'a whole number of at least 1', 7),
  };
  if (mode === 'consecutive') return { kind: 'consecutive-failures', ...penalty };
  return {
    kind: 'success-rate',
    ...penalty,
    threshold: read(`${SUCCESS_RATE}-threshold`, between(0, 1), 'a number from 0 to 1', 0.8),
    windowMs: Math.max(10, duration(`${SUCCESS_RATE}-window`, 10_000)),
    minRequests: read(`${SUCCESS_RATE}-min-requests`, whole, 'a whole number of at least 1', 5),
  };
}

function whole(text: string): number | null {
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : null;
}

function between(min: number, max: number): (text: string) => number | null {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : null;
  };
}

const MODE = 'balancer.linkerd.io/failure-accrual';
const CONSECUTIVE = 'balancer.linkerd.io/failure-accrual-consecutive';
const SUCCESS_RATE = 'balancer.alpha.linkerd.io/failure-accrual-success-rate';
