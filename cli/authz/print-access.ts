import { someOf } from '../some-of.ts';
import type { AccessRow, PodsAccess } from './access-rows.ts';

/** A table for each group of pods. */
export function printAccess(groups: readonly PodsAccess[]): string[] {
  return groups.flatMap(({ pods, rows }, at) => [...(at > 0 ? [''] : []), someOf(pods, MAX_PODS), ...table(rows)]);
}

function table(rows: readonly AccessRow[]): string[] {
  const cells = [
    ['PORT', 'ROUTE', 'EFFECT', 'BY', 'WHO'],
    ...rows.map(({ port, route, effect, who, origin, field, place }) => [
      port === null ? '*' : String(port),
      route ?? '*',
      effect,
      [origin, field, place && `(${place})`].filter(Boolean).join(' '),
      who,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** Pods of a group that are named one by one. */
const MAX_PODS = 5;
