import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { cpus, release } from 'node:os';
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

/**
 * Adds figures to a file of JSON Lines and shows each line, each with what it depends on: commit, Node, kernel and processor,
 * and the day in UTC. Lines older than these fields lack them.
 */
export function record(file: string, figures: readonly Figure[], show: (line: string) => void = console.log): void {
  mkdirSync(dirname(file), { recursive: true });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  for (const figure of figures) {
    const line = JSON.stringify({ ...figure, commit, ...MACHINE });
    appendFileSync(file, `${line}\n`);
    show(line);
  }
}

/** What a figure depends on beside the sources. */
const MACHINE = {
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  kernel: release(),
  // Some kernels name no model: on arm64, say.
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim() || process.arch}`,
} as const;

/** Median, smallest and largest. */
export function summary(values: readonly number[]): { median: number; spread: [number, number] } {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)]!, spread: [sorted[0]!, sorted.at(-1)!] };
}
