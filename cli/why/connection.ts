import { isIP } from 'node:net';

import type { OutboundTarget, WeightedBackend } from '../../api/routing.ts';
import { carriageOf, outgoing } from '../../proxy/routing/carriage.ts';
import { ConnectionTable } from '../../proxy/routing/connection-table.ts';
import { hostOf } from '../../proxy/routing/request-parts.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Question } from './question.ts';
import { nameOf, type RouteName } from './route-name.ts';

/** What decides a connection whose octets are passed on as they are. */
export interface ExplainedConnection {
  /** The name that the client asks for in TLS, in lower case; empty: none, or it is no TLS. */
  readonly serverName: string;
  /** null: none takes it, and it goes to the Service itself. */
  readonly route: ConnectionRouteName | null;
  /** Those before it that do not take the connection, in order. */
  readonly passedOver: readonly ConnectionRouteName[];
  /** Routes of requests, none of which is looked at. */
  readonly withoutEffect: readonly RouteName[];
}

/** A route of connections, and which it takes. */
export interface ConnectionRouteName extends RouteName {
  /** Server names; null: whatever the connection is. */
  readonly sni: readonly string[] | null;
}

/**
 * How a request is carried. `octets`: nobody on the way reads it. `malformed`: its port is declared as HTTP, and TLS comes
 * instead.
 */
export type Carried = 'http' | 'octets' | 'malformed';

/** How the client's proxy carries a request to a target of this protocol. */
export function carriedAs(protocol: OutboundTarget['protocol'], { scheme }: Question['request']): Carried {
  const carriage = carriageOf(outgoing(protocol));
  if (carriage === 'octets') return 'octets';
  if (scheme !== 'https') return 'http';
  return carriage === 'detect' ? 'octets' : 'malformed';
}

/** Which route takes a connection to a target, and where it leads. */
export function explainConnection(
  state: MeshState,
  { routes, connectionRoutes = [] }: OutboundTarget,
  { request }: Question,
): { readonly connection: ExplainedConnection; readonly split: readonly WeightedBackend[] } {
  const serverName = request.scheme === 'https' ? serverNameOf(request.authority) : '';
  const route = new ConnectionTable(connectionRoutes).find(serverName)?.route ?? null;
  const named = connectionRoutes.map((each) => ({ ...nameOf(state, each), sni: each.sni ?? null }));
  const at = route ? connectionRoutes.indexOf(route) : named.length;
  return {
    connection: {
      serverName,
      route: named[at] ?? null,
      passedOver: named.slice(0, at),
      withoutEffect: routes.map((each) => nameOf(state, each)),
    },
    split: route?.split ?? [],
  };
}

/** What a client asks for in TLS that asks for this authority in HTTP: an address is no server name (RFC 6066 section 3). */
function serverNameOf(authority: string): string {
  const host = hostOf(authority).replace(/\.$/, '');
  return isIP(host.replace(/^\[|\]$/g, '')) === 0 ? host : '';
}
