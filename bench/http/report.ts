import { join } from 'node:path';

import { type Figure, record, summary } from '../result.ts';
import type { Case } from './cases.ts';
import type { Metric, Sample } from './measure.ts';

/** Adds the figures of a case to a file of results and prints its table. */
export function report(each: Case, samples: ReadonlyMap<string, readonly Sample[]>, folder: string): void {
  const columns = COLUMNS.filter(({ metric }) =>
    [...samples.values()].some((all) => all.some((sample) => sample[metric] !== undefined)),
  );
  const ours = samples.get('weft')!;
  const figures: Figure[] = [];
  const table = [
    ['contestant', ...columns.flatMap(({ title }, at) => (at === 0 ? [title, 'spread', 'x weft'] : [title]))],
  ];
  for (const [name, all] of samples) {
    const row = [name];
    for (const [at, { metric, unit, digits }] of columns.entries()) {
      const values = all.flatMap((sample) => sample[metric] ?? []);
      if (values.length === 0) {
        row.push(...(at === 0 ? ['', '', ''] : ['']));
        continue;
      }
      const { median, spread } = summary(values);
      figures.push({
        case: each.name,
        contestant: name,
        metric,
        unit,
        value: round(median),
        rounds: values.length,
        spread: [round(spread[0]), round(spread[1])],
      });
      row.push(median.toFixed(digits));
      if (at > 0) continue;
      // A ratio is one of the same round; shown is the median of the rounds.
      const ratios = all.flatMap(
        (sample, round) => (sample[metric] ?? Number.NaN) / (ours[round]?.[metric] ?? Number.NaN),
      );
      row.push(spread.map((value) => value.toFixed(digits)).join('..'), summary(ratios).median.toFixed(2));
    }
    table.push(row);
  }
  record(join(folder, `${each.name}.jsonl`), figures);
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

/** In the order of the table; the first that a case has is the one that ratios are taken of. */
const COLUMNS: readonly { metric: Metric; unit: string; title: string; digits: number }[] = [
  { metric: 'mb_per_cpu_second', unit: 'MB/s', title: 'MB/CPU-s', digits: 0 },
  { metric: 'kib_per_connection', unit: 'KiB', title: 'KiB/connection', digits: 1 },
  { metric: 'cpu_ms_per_1000', unit: 'ms', title: 'CPU ms/1000', digits: 1 },
  { metric: 'requests_per_second', unit: '1/s', title: 'req/s', digits: 0 },
  { metric: 'mb_per_second', unit: 'MB/s', title: 'MB/s', digits: 0 },
  { metric: 'p50', unit: 'ms', title: 'p50 ms', digits: 2 },
  { metric: 'p99', unit: 'ms', title: 'p99 ms', digits: 2 },
  { metric: 'p999', unit: 'ms', title: 'p99.9 ms', digits: 2 },
  { metric: 'unshared_loaded', unit: 'MiB', title: 'MiB', digits: 1 },
];

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
