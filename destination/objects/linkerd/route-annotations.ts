import type { RetryPolicy, Timeouts } from '../../../api/routing.ts';
import { LINKERD_GRPC_CODES, linkerdStatuses } from '../../../core/retry/linkerd-conditions.ts';
import { parseDuration } from '../../../core/time/duration.ts';
import { annotationPath } from '../kubernetes/settings.ts';
import type { Problem } from '../problem.ts';

/** What Linkerd's annotations of a Service or a route say of retries and timeouts. */
export interface RouteAnnotations {
  readonly retry: RetryPolicy | null;
  readonly timeouts: Timeouts;
}

/**
 * Reads `retry.linkerd.io/*` and `timeout.linkerd.io/*`; null: there is none of them.
 *
 * What is wrong is noted and left out. Without a condition that can be read nothing is tried again, whatever the limit.
 *
 * @see https://linkerd.io/2/reference/retries/, https://linkerd.io/2/reference/timeouts/
 */
export function readRouteAnnotations(
  annotations: Readonly<Record<string, string>>,
  problems: Problem[],
): RouteAnnotations | null {
  const names = Object.keys(annotations).filter((name) => /^(?:retry|timeout)\.linkerd\.io\//.test(name));
  if (names.length === 0) return null;
  for (const name of names)
    if (!KNOWN.includes(name))
      problems.push({ path: annotationPath(name), message: `is unknown; known are ${KNOWN.join(', ')}` });
  const duration = (name: string) => readDuration(annotations, name, problems);
  const requestMs = duration('timeout.linkerd.io/request');
  const responseMs = duration('timeout.linkerd.io/response');
  const idleMs = duration('timeout.linkerd.io/idle');
  return {
    retry: readRetry(annotations, problems),
    timeouts: { ...(requestMs && { requestMs }), ...(responseMs && { responseMs }), ...(idleMs && { idleMs }) },
  };
}

function readRetry(annotations: Readonly<Record<string, string>>, problems: Problem[]): RetryPolicy | null {
  const statuses = readList(
    annotations,
    HTTP,
    linkerdStatuses,
    'one of 5xx, gateway-error, a status such as 503, a range such as 500-503',
    problems,
  );
  const grpc = readList(
    annotations,
    GRPC,
    (text) => LINKERD_GRPC_CODES.get(text) ?? null,
    `one of ${[...LINKERD_GRPC_CODES.keys()].join(', ')}`,
    problems,
  );
  const limit = readLimit(annotations, problems);
  const perTryMs = readDuration(annotations, TIMEOUT, problems);
  if (statuses.length === 0 && grpc.length === 0) return null;
  return {
    on: {
      outcomes: ['connect-failure', 'refused-stream', 'head-timeout'],
      ...(statuses.length > 0 && { statuses }),
      ...(grpc.length > 0 && { grpc }),
    },
    limit,
    maxBodyBytes: 64 * 1024,
    ...(perTryMs && { perTryMs }),
    backoff: { baseMs: 25, maxMs: 250 },
  };
}

function readList<T>(
  annotations: Readonly<Record<string, string>>,
  name: string,
  read: (text: string) => T | null,
  allowed: string,
  problems: Problem[],
): T[] {
  const entries = annotations[name]?.split(',').map((text) => text.trim()) ?? [];
  return entries.flatMap((entry) => {
    const value = read(entry);
    if (value === null)
      problems.push({ path: annotationPath(name), message: `"${entry}" is not ${allowed}; it is left out` });
    return value ?? [];
  });
}

function readLimit(annotations: Readonly<Record<string, string>>, problems: Problem[]): number {
  const text = annotations[LIMIT];
  if (text === undefined) return 1;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  problems.push({ path: annotationPath(LIMIT), message: `"${text}" is no whole number from 1 to 99999; 1 applies` });
  return 1;
}

/** Milliseconds; 0: there is none. */
function readDuration(annotations: Readonly<Record<string, string>>, name: string, problems: Problem[]): number {
  const text = annotations[name];
  if (text === undefined) return 0;
  const ms = parseDuration(text);
  if (ms === null)
    problems.push({
      path: annotationPath(name),
      message: `"${text}" is no duration such as 300ms or 5s; none applies`,
    });
  return ms ?? 0;
}

const HTTP = 'retry.linkerd.io/http';
const GRPC = 'retry.linkerd.io/grpc';
const LIMIT = 'retry.linkerd.io/limit';
const TIMEOUT = 'retry.linkerd.io/timeout';
const KNOWN = [
  HTTP,
  GRPC,
  LIMIT,
  TIMEOUT,
  'timeout.linkerd.io/request',
  'timeout.linkerd.io/response',
  'timeout.linkerd.io/idle',
];
