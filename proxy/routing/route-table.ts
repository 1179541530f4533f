import type { Route, WeightedBackend } from '../../api/routing.ts';
import { compilePredicate, compileResponsePredicate, type Matcher, type RequestView } from './predicate.ts';
import { Split } from './split.ts';

/** A route ready for use. */
export interface CompiledRoute {
  readonly route: Route;
  readonly matches: Matcher;
  /** Whether an answer of this HTTP status (and gRPC status, where there is one) is a success. */
  isSuccess(status: number, grpcStatus: string): boolean;
  /** The alternative of the next request, by weight; null: the route has no split. */
  pick(): WeightedBackend | null;
}

/** Routes in order; the first that matches takes the request, else the default route does. */
export class RouteTable {
  readonly #routes: readonly CompiledRoute[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map(compileRoute);
  }

  static readonly EMPTY = new RouteTable([]);

  find(request: RequestView): CompiledRoute {
    for (let i = 0; i < this.#routes.length; i++) {
      const candidate = this.#routes[i]!;
      if (candidate.matches(request)) return candidate;
    }
    return DEFAULT_ROUTE;
  }
}

function compileRoute(route: Route): CompiledRoute {
  const classes = route.classes.map((each) => ({
    holds: compileResponsePredicate(each.when),
    isFailure: each.isFailure,
  }));
  const split = new Split(route.split);
  return {
    route,
    matches: compilePredicate(route.when),
    isSuccess(status, grpcStatus) {
      for (let i = 0; i < classes.length; i++) if (classes[i]!.holds(status)) return !classes[i]!.isFailure;
      if (grpcStatus !== '') return !GRPC_FAILURES.has(grpcStatus);
      return status < 500;
    },
    pick: () => split.next(),
  };
}

/** gRPC statuses that are the server's failure: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES = new Set(['2', '4', '13', '14', '15']);

/** What takes a request that no route matches. */
export const DEFAULT_ROUTE: CompiledRoute = compileRoute({
  name: '',
  when: { all: [] },
  split: [],
  timeouts: {},
  retry: null,
  classes: [],
  origin: 'default',
});
