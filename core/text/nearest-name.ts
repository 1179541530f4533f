/** How far a name may be from the one that was meant. */
export interface Nearness {
  /** Characters that may be missing, too many, or others. */
  readonly most: number;
  /** How many of them it counts that two neighbours are swapped: 2, as each is another one, or 1. */
  readonly swap: 1 | 2;
}

/** The candidate that differs least from `name`, the first of several; null: all differ in more than a third of its characters, or than is said. */
export function nearestName(
  name: string,
  candidates: readonly string[],
  { most, swap }: Nearness = { most: Math.floor(name.length / 3), swap: 2 },
): string | null {
  let nearest: string | null = null;
  let least = most + 1;
  for (const candidate of candidates) {
    // So much at least has to be added or left out.
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name, candidate, swap);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

/** Insertions, deletions and replacements of single characters, and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string, swap: number): number {
  let twoAbove: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = isSwap ? twoAbove[column - 2]! + swap : replaced;
      current.push(Math.min(replaced, swapped, above[column]! + 1, current[column - 1]! + 1));
    }
    twoAbove = above;
    above = current;
  }
  return above[b.length]!;
}
