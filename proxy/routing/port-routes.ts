import type { InboundPort } from '../../api/routing.ts';
import type { RequestView } from './predicate.ts';
import { type CompiledRoute, RouteTable } from './route-table.ts';

/** The routes that the requests of a pod's port are counted under, compiled once per update. */
export class PortRoutes {
  readonly #byService: ReadonlyMap<string, RouteTable>;
  /** Of requests for Services without routes of their own. */
  readonly #own: RouteTable;

  constructor(routes: InboundPort['routes']) {
    this.#byService = new Map(Object.entries(routes).map(([service, list]) => [service, new RouteTable(list)]));
    this.#own = this.#byService.get('') ?? RouteTable.EMPTY;
  }

  static readonly EMPTY = new PortRoutes({});

  /** Whether the port has HTTP rules of its own. */
  get isEmpty(): boolean {
    return this.#byService.size === 0;
  }

  /** Whether a Service has routes of its own. */
  has(service: string): boolean {
    return service !== '' && this.#byService.has(service);
  }

  /** @param service FQDN that the request is for */
  find(service: string, request: RequestView): CompiledRoute {
    return (this.#byService.get(service) ?? this.#own).find(request);
  }
}

/** FQDN of the Service that an authority names; a dot may end it, as that of an absolute name does (RFC 3986 section 3.2.2). */
export function serviceNamed(authority: string, clusterDomain: string): string {
  const name = authority.replace(/\.?(?::\d+)?$/, '').toLowerCase();
  return name.endsWith('.svc') ? `${name}.${clusterDomain}` : name;
}
