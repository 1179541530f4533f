/**
 * The one of `words` that somebody may have meant: it differs in two letters at most (one of a short word), or begins with
 * what was written; empty: none does.
 */
export function nearest(written: string, words: readonly string[]): string {
  const begun = words.find((word) => written.length > 1 && word.startsWith(written));
  if (begun !== undefined) return begun;
  const scored = words.map((word) => ({ word, distance: distanceOf(written, word) }));
  const [best] = scored.sort((a, b) => a.distance - b.distance);
  return best && best.distance <= (written.length > 4 ? 2 : 1) ? best.word : '';
}

/** Letters to insert, to take away, to change or to swap with their neighbour until one word is the other. */
function distanceOf(a: string, b: string): number {
  // rows[i][j]: between the first i letters of a and the first j of b.
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          rows[i - 1]![j]! + 1,
          row[j - 1]! + 1,
          change,
          isSwap ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
