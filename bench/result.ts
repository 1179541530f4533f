import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** One figure of a run. */
export interface Figure {
  readonly case: string;
  readonly contestant: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly rounds: number;
  /** Smallest and largest value over the rounds. */
  readonly spread: readonly [number, number];
}

/** Adds figures to a file of JSON Lines and prints them. */
export function record(file: string, figures: readonly Figure[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  for (const figure of figures) {
    const line = JSON.stringify({ ...figure, commit, node: process.version });
    appendFileSync(file, `${line}\n`);
    console.log(line);
  }
}

/** Median, smallest and largest. */
export function summary(values: readonly number[]): { median: number; spread: [number, number] } {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)]!, spread: [sorted[0]!, sorted.at(-1)!] };
}
