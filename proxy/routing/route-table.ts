import type { Route, WeightedBackend } from '../../api/routing.ts';
import type { RequestView } from './predicate.ts';
import { compileClasses } from './response-class.ts';
import { RouteIndex } from './route-index.ts';
import { Split } from './split.ts';

/** A route ready for use. */
export interface CompiledRoute {
  readonly route: Route;
  /** Whether an answer of this HTTP status (and gRPC status, '' where there is none) is a success. */
  isSuccess(status: number, grpcStatus: string): boolean;
  /** The backend of the next request, by weight; null: the route has no split, or one without any weight. */
  pick(): WeightedBackend | null;
}

/** Routes in order, compiled once; the first that matches takes the request. */
export class RouteTable {
  readonly #routes: readonly CompiledRoute[];
  readonly #index: RouteIndex;
  readonly #unmatched: 'default' | 'not-found';

  /**
   * @param options.unmatched what a request gets that no route takes: the default route, or {@link NOT_FOUND}
   * @throws PatternError when a regular expression cannot be used; translators refuse such a route before it comes here
   */
  constructor(routes: readonly Route[], options: { readonly unmatched?: 'not-found' } = {}) {
    this.#routes = routes.map(compileRoute);
    this.#index = new RouteIndex(routes.map(({ when }) => when));
    this.#unmatched = options.unmatched ?? 'default';
  }

  static readonly EMPTY = new RouteTable([]);

  /** The first route that takes a request, else {@link DEFAULT_ROUTE} or {@link NOT_FOUND}. */
  find(request: RequestView): CompiledRoute {
    const route = this.#routes[this.#index.find(request)];
    return route ?? (this.#unmatched === 'default' ? DEFAULT_ROUTE : NOT_FOUND);
  }
}

function compileRoute(route: Route): CompiledRoute {
  const split = new Split(route.split);
  return { route, isSuccess: compileClasses(route.classes), pick: () => split.next() };
}

const DEFAULT: Route = {
  name: '',
  when: { all: [] },
  split: [],
  timeouts: {},
  retry: null,
  classes: [],
  origin: 'default',
};

/** What takes a request that no route matches. */
export const DEFAULT_ROUTE: CompiledRoute = compileRoute(DEFAULT);

/** What stands for a request that no route matches where it is not to be forwarded: it is answered with 404. */
export const NOT_FOUND: CompiledRoute = compileRoute(DEFAULT);
