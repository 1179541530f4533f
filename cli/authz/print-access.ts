import { someOf } from '../some-of.ts';
import { tableLines } from '../table.ts';
import { withPlace } from '../why/print-route.ts';
import type { AccessRow, PodsAccess } from './access-rows.ts';

/** A table for each group of pods. */
export function printAccess(groups: readonly PodsAccess[]): string[] {
  return groups.flatMap(({ pods, rows }, at) => [...(at > 0 ? [''] : []), someOf(pods, MAX_PODS), ...table(rows)]);
}

function table(rows: readonly AccessRow[]): string[] {
  return tableLines([
    ['PORT', 'ROUTE', 'EFFECT', 'BY', 'WHO'],
    ...rows.map(({ port, route, effect, who, origin, field, place }) => [
      port === null ? '*' : String(port),
      route ?? '*',
      effect,
      withPlace([origin, field], place),
      who,
    ]),
  ]);
}

/** Pods of a group that are named one by one. */
const MAX_PODS = 5;
