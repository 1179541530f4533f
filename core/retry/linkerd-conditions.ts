import type { StatusRange } from '../../api/routing.ts';

/** The statuses of `5xx`, `gateway-error`, `503` or `500-503`; null: it is none of them. @see https://linkerd.io/2/reference/retries/ */
export function linkerdStatuses(text: string): StatusRange | null {
  if (text === '5xx') return { min: 500, max: 599 };
  if (text === 'gateway-error') return { min: 502, max: 504 };
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text);
  if (!match) return null;
  const min = Number(match[1]);
  const max = Number(match[2] ?? match[1]);
  return min <= max ? { min, max } : null;
}

/** Codes of gRPC by the names under which Linkerd tries them again. */
export const LINKERD_GRPC_CODES: ReadonlyMap<string, number> = new Map([
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
]);
