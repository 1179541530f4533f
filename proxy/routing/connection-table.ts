import type { ConnectionRoute, WeightedBackend } from '../../api/routing.ts';
import { Split } from './split.ts';

/** A route of connections ready for use. */
export interface CompiledConnectionRoute {
  readonly route: ConnectionRoute;
  /** The backend of the next connection, by weight; null: the route has no split, or one without any weight. */
  pick(): WeightedBackend | null;
}

/** Routes of connections whose octets are passed on as they are, in order; the first that matches takes the connection. */
export class ConnectionTable {
  readonly #routes: readonly CompiledConnectionRoute[];
  /** Whether the ClientHello has to be waited for. */
  readonly looksAtServerName: boolean;

  constructor(routes: readonly ConnectionRoute[]) {
    this.#routes = routes.map((route) => {
      const split = new Split(route.split);
      return { route, pick: () => split.next() };
    });
    this.looksAtServerName = routes.some(({ sni }) => sni);
  }

  static readonly EMPTY = new ConnectionTable([]);

  /** @param serverName of its ClientHello, in lower case; empty: none. @returns null: no route takes the connection */
  find(serverName: string): CompiledConnectionRoute | null {
    return this.#routes.find(({ route }) => !route.sni || route.sni.some((name) => covers(name, serverName))) ?? null;
  }
}

/** Whether a server name is one that a route names: itself, or below it (`*.example.com`). */
function covers(name: string, serverName: string): boolean {
  return name.startsWith('*')
    ? serverName.endsWith(name.slice(1)) && serverName.length > name.length - 1
    : name === serverName;
}
