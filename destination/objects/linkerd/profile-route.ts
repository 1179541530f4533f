import type { ResponseClass, RetryPolicy, Route } from '../../../api/routing.ts';
import { parseDuration } from '../../../core/time/duration.ts';
import { FieldReader } from '../field-reader.ts';
import { isError, MalformedObject, type Problem } from '../problem.ts';
import { readRequestCondition, readResponseCondition } from './profile-condition.ts';

/**
 * Reads one route of a ServiceProfile, or returns null when anything in it is wrong: half a condition would take
 * requests that its author did not mean.
 */
export function readRoute(raw: unknown, path: string, origin: string, problems: Problem[]): Route | null {
  const faults: Problem[] = [];
  const route = readFields(raw, path, origin, faults);
  for (const fault of faults) problems.push(fault);
  return faults.some(isError) ? null : route;
}

function readFields(raw: unknown, path: string, origin: string, faults: Problem[]): Route | null {
  const reader = FieldReader.of(raw, path, faults);
  if (!reader) return null;
  reader.allow(['name', 'condition', 'isRetryable', 'timeout', 'responseClasses']);
  const name = reader.text('name');
  const when = readRequestCondition(reader.fields.condition, `${path}.condition`, faults);
  const isRetryable = reader.flag('isRetryable');
  const headMs = readTimeout(reader, faults, path);
  const classes = readClasses(reader, path, faults);
  if (name === null || when === null) return null;
  return {
    name,
    when,
    split: [],
    timeouts: headMs > 0 ? { headMs } : {},
    retry: isRetryable ? RETRY : null,
    classes,
    origin,
  };
}

/** `0s` and an absent timeout mean none. */
function readTimeout(reader: FieldReader, faults: Problem[], path: string): number {
  const text = reader.fields.timeout;
  if (text === undefined || text === null || text === '') return 0;
  const milliseconds = typeof text === 'string' ? parseDuration(text) : null;
  if (milliseconds === null)
    faults.push({ path: `${path}.timeout`, message: `"${text}" is no duration such as 300ms or 5s` });
  return milliseconds ?? 0;
}

function readClasses(reader: FieldReader, path: string, faults: Problem[]): ResponseClass[] {
  try {
    return reader.list('responseClasses').flatMap((raw, at) => {
      const place = `${path}.responseClasses[${at}]`;
      const fields = FieldReader.of(raw, place, faults);
      fields?.allow(['condition', 'isFailure']);
      const when = readResponseCondition(fields?.fields.condition, `${place}.condition`, faults);
      return when && fields ? [{ when, isFailure: fields.flag('isFailure') }] : [];
    });
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error;
    faults.push(error.problem);
    return [];
  }
}

/**
 * What `isRetryable` asks for: every answer that counts as a failure is tried again as often as the budget allows.
 * 64 KiB is linkerd2-proxy's bound of a body kept for replay.
 */
const RETRY: RetryPolicy = {
  on: { outcomes: ['failure', 'connect-failure', 'refused-stream'] },
  limit: 0,
  maxBodyBytes: 64 * 1024,
};
