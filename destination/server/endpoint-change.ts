import type { Endpoint, OutboundTarget } from '../../api/routing.ts';

/** How one endpoint set of a target changed. */
export interface EndpointChange {
  /** Key of the backend. */
  readonly backend: string;
  /** Added or replaced, by uid and port. */
  readonly add: readonly Endpoint[];
  /** Uids. */
  readonly remove: readonly string[];
}

/**
 * The change between two states of a target if it is in the endpoints of one backend alone, or null.
 *
 * Whoever applies a change adds first and removes by uid, so a uid that comes back with another port needs the whole
 * state; so does a change of most endpoints, which would be no shorter.
 */
export function endpointChange(before: OutboundTarget, after: OutboundTarget): EndpointChange | null {
  if (frameOf(before) !== frameOf(after)) return null;
  const changes = Object.keys(after.backends)
    .map((backend) => compare(backend, before.backends[backend]!.endpoints, after.backends[backend]!.endpoints))
    .filter(({ add, remove }) => add.length > 0 || remove.length > 0);
  const change = changes[0];
  if (!change || changes.length > 1) return null;
  const removed = new Set(change.remove);
  return change.add.some(({ uid }) => removed.has(uid)) ? null : change;
}

function compare(backend: string, before: readonly Endpoint[], after: readonly Endpoint[]): EndpointChange {
  const old = new Map(before.map((endpoint) => [idOf(endpoint), JSON.stringify(endpoint)]));
  const add = after.filter((endpoint) => old.get(idOf(endpoint)) !== JSON.stringify(endpoint));
  const present = new Set(after.map(idOf));
  const remove = before.filter((endpoint) => !present.has(idOf(endpoint))).map(({ uid }) => uid);
  return { backend, add, remove };
}

/** Everything but the endpoints. */
function frameOf(target: OutboundTarget): string {
  const backends = Object.entries(target.backends).map(([key, { endpoints: _, ...rest }]) => [key, rest]);
  return JSON.stringify({ ...target, backends });
}

function idOf({ uid, port }: Endpoint): string {
  return `${uid} ${port}`;
}
