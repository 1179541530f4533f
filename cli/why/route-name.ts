import type { Route } from '../../api/routing.ts';
import type { MeshState } from '../state/mesh-state.ts';

/** Which object wrote a route, and where in it. */
export interface RouteName {
  /** Empty: the route has no name. */
  readonly name: string;
  readonly origin: string;
  /** Empty: the object as a whole. */
  readonly field: string;
  /** `path:line` of the object; empty where it came from an API server. */
  readonly place: string;
}

/** Names a route; one of connections has no name of its own. */
export function nameOf(
  state: MeshState,
  { name = '', origin, path = '' }: Pick<Route, 'origin' | 'path'> & { readonly name?: string },
): RouteName {
  return { name, origin, field: path, place: placeOf(state, origin) };
}

/**
 * `path:line` of the object in which the text of a rule ends: `ServiceProfile/default/api`, `annotation/pod/default/web-0`,
 * `weft.dev/opaque-ports/Namespace/default`. Empty: it ends in none, or the object came from an API server.
 */
export function placeOf(state: MeshState, rule: string): string {
  const [, ofAll] = /(?:^|\/)namespace\/([^/]+)$/i.exec(rule) ?? [];
  if (ofAll !== undefined) return state.placeOf({ kind: 'Namespace', namespace: '', name: ofAll });
  const [, kind, namespace, name] = /(?:^|\/)([A-Za-z]+)\/([^/]+)\/([^/]+)$/.exec(rule) ?? [];
  if (!kind || !namespace || !name) return '';
  return state.placeOf({ kind: kind === 'pod' ? 'Pod' : kind, namespace, name });
}
