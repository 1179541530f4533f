/** Something that can be chosen. */
export interface Candidate {
  /** The same for the same endpoint in every proxy: consistent hashing rests on it. */
  readonly id: string;
  /** Index of its group of nearness. */
  readonly locality: number;
  /** When it was first seen, `performance.now()`. */
  readonly sinceMs: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** What another request would cost here, by latency and load. */
  cost(nowMs: number): number;
  /** False: not to be chosen while another is there; connecting to it has just failed. */
  isReady(nowMs: number): boolean;
  /** True: not to be chosen at all; its circuit breaker is open. */
  isEjected(nowMs: number): boolean;
}

/**
 * Those that may be chosen: never an ejected one; of the others those that are ready and not in `avoid` (endpoints that
 * were tried already); where there is no such one those that are ready, since one that cannot be connected to is worse than
 * one that has failed once; and else all.
 *
 * @returns `candidates` itself where all may be, which is the rule and costs no allocation
 */
export function eligible<C extends Candidate>(
  candidates: readonly C[],
  nowMs: number,
  avoid: readonly Candidate[] | null,
): readonly C[] {
  if (avoid === null && areAllReady(candidates, nowMs)) return candidates;
  const admitted = candidates.filter((each) => !each.isEjected(nowMs));
  const ready = admitted.filter((each) => each.isReady(nowMs));
  const untried = avoid === null ? ready : ready.filter((each) => !avoid.includes(each));
  return untried.length > 0 ? untried : ready.length > 0 ? ready : admitted;
}

/** A loop, because a closure would be allocated with every request. */
function areAllReady(candidates: readonly Candidate[], nowMs: number): boolean {
  for (let i = 0; i < candidates.length; i++)
    if (candidates[i]!.isEjected(nowMs) || !candidates[i]!.isReady(nowMs)) return false;
  return true;
}
