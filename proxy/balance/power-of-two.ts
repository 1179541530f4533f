/** Something that can be chosen. */
export interface Candidate {
  /** False: not to be chosen while another is. */
  isReady(nowMs: number): boolean;
  cost(nowMs: number): number;
}

/**
 * Picks the cheaper of two candidates taken at random ("power of two choices", Mitzenmacher 2001): nearly as even as
 * always taking the cheapest, without sending everybody there at once.
 *
 * Candidates that are not ready are left out while there is a ready one; `avoid` (the endpoint of a failed attempt) too.
 *
 * @returns null when there is no candidate at all
 */
export function pickOfTwo<C extends Candidate>(
  candidates: readonly C[],
  nowMs: number,
  random: () => number,
  avoid: C | null = null,
): C | null {
  let pool: readonly C[] = candidates;
  if (avoid !== null || !areAllReady(candidates, nowMs)) {
    const ready = candidates.filter((candidate) => candidate !== avoid && candidate.isReady(nowMs));
    if (ready.length > 0) pool = ready;
  }
  const count = pool.length;
  if (count <= 1) return pool[0] ?? null;
  const first = Math.floor(random() * count);
  let second = Math.floor(random() * (count - 1));
  if (second >= first) second++;
  const a = pool[first]!;
  const b = pool[second]!;
  return b.cost(nowMs) < a.cost(nowMs) ? b : a;
}

/** A loop, because a closure would be allocated with every request. */
function areAllReady(candidates: readonly Candidate[], nowMs: number): boolean {
  for (let i = 0; i < candidates.length; i++) if (!candidates[i]!.isReady(nowMs)) return false;
  return true;
}
