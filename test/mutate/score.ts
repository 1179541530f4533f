import type { Mutant } from './place.ts';

/** What came of the mutants of an area. */
export interface Score {
  readonly area: string;
  readonly seed: number;
  /** Mutants that the tests noticed: by failing, by a crash, or by taking too long. */
  readonly noticed: number;
  readonly survivors: readonly Pick<Mutant, 'file' | 'line' | 'text'>[];
  /** Drawn, but listed as unnoticeable: not counted. */
  readonly equivalents: number;
  /** Drawn, but not accepted by the types: not counted. */
  readonly refused: number;
}

/** Draws the table of areas, and below it each survivor. */
export function tableOf(scores: readonly Score[]): string {
  const rows = scores.map(({ area, seed, noticed, survivors, equivalents, refused }) => {
    const mutants = noticed + survivors.length;
    return [area, seed, mutants, noticed, percent(noticed, mutants), equivalents, refused].map(String);
  });
  const table = [['area', 'seed', 'mutants', 'noticed', '%', 'equivalent', 'not typed'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  for (const { survivors } of scores)
    for (const { file, line, text } of survivors) lines.push(`${file}:${line}  ${text}`);
  return lines.join('\n');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : ((100 * part) / whole).toFixed(0);
}
