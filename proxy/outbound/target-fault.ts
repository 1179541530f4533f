import type { OutboundTarget } from '../../api/routing.ts';
import { filtersFault } from '../filters/filter-fault.ts';
import { ConnectionTable } from '../routing/connection-table.ts';
import { RouteTable } from '../routing/route-table.ts';

/**
 * Why a description of a target cannot be followed: a pattern that is none, or a filter that would write what no head can hold.
 * The proxy then keeps the last one that it could, and destination is told. null: it can.
 */
export function targetFault({ routes, connectionRoutes = [] }: OutboundTarget): string | null {
  for (const { name, filters, split } of routes)
    for (const each of [filters, ...split.map((alternative) => alternative.filters)]) {
      const fault = each ? filtersFault(each) : null;
      if (fault !== null) return `route "${name}": a text of its filters ${fault}`;
    }
  try {
    new RouteTable(routes);
    new ConnectionTable(connectionRoutes);
    return null;
  } catch (error) {
    return `its routes cannot be compiled: ${(error as Error).message}`;
  }
}
