import { type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import { ConnectionTable } from '../routing/connection-table.ts';
import type { RequestView } from '../routing/predicate.ts';
import { type CompiledRoute, RouteTable } from '../routing/route-table.ts';
import { ResponseSeries } from '../telemetry/metrics.ts';
import type { Counter } from '../telemetry/registry.ts';
import { OutboundBackend } from './backend.ts';
import type { EndpointContext } from './endpoint-client.ts';

/** Series of one route of a target. */
export interface RouteSeries {
  /** After retries, as the application sees it. */
  readonly effective: ResponseSeries;
  /** Each attempt. */
  readonly actual: ResponseSeries;
  readonly retried: Counter;
  /** Those that were not made, by cause. */
  skipped(cause: 'no_budget' | 'limit'): Counter;
}

/**
 * A target as the data path uses it: compiled routes, endpoints with their load and connections, retry budget.
 *
 * An update keeps what it does not change: endpoints that are still there keep their connections, and no routing change
 * closes any.
 */
export class Target {
  readonly key: string;
  readonly #context: EndpointContext;
  #description: OutboundTarget;
  #routes = RouteTable.EMPTY;
  #routesText = '';
  #connections = ConnectionTable.EMPTY;
  #connectionsText = '';
  #backends = new Map<string, OutboundBackend>();
  #budget: RetryBudget;
  #budgetText = '';
  #waiting: (() => void)[] = [];
  #lastRequest: object | null = null;
  #lastRoute: CompiledRoute | null = null;
  readonly #series = new Map<string, RouteSeries>();
  /** Requests and connections under way. */
  active = 0;
  /** Nothing is where it was: it takes nothing more, and what is asked next is for whatever is there then. */
  isRetired = false;

  constructor(key: string, description: OutboundTarget, context: EndpointContext) {
    this.key = key;
    this.#context = context;
    this.#description = description;
    this.#budget = new RetryBudget(description.retryBudget);
    this.update(description);
  }

  get description(): OutboundTarget {
    return this.#description;
  }

  get budget(): RetryBudget {
    return this.#budget;
  }

  /** Takes a new description of the same target. */
  update(description: OutboundTarget): void {
    this.#description = description;
    const routesText = JSON.stringify([description.routes, description.unmatched]);
    if (routesText !== this.#routesText) {
      this.#routes = new RouteTable(description.routes, description);
      this.#routesText = routesText;
      this.#lastRoute = null;
    }
    const connectionsText = JSON.stringify(description.connectionRoutes ?? []);
    if (connectionsText !== this.#connectionsText) {
      this.#connections = new ConnectionTable(description.connectionRoutes ?? []);
      this.#connectionsText = connectionsText;
    }
    const budgetText = JSON.stringify(description.retryBudget);
    if (budgetText !== this.#budgetText) {
      this.#budget = new RetryBudget(description.retryBudget);
      this.#budgetText = budgetText;
    }
    this.#updateBackends(description);
    for (const wake of [...this.#waiting]) wake();
  }

  /** The route that takes a request, or what stands for one where none does. */
  route(request: RequestView): CompiledRoute {
    // Heads of repeated requests are shared by the engine.
    if (request === this.#lastRequest && this.#lastRoute) return this.#lastRoute;
    this.#lastRequest = request;
    this.#lastRoute = this.#routes.find(request);
    return this.#lastRoute;
  }

  /** The backend that routes call `key`. */
  backend(key: string): OutboundBackend {
    return this.#backends.get(key) ?? this.#backends.get(OWN_BACKEND)!;
  }

  /** Every backend that its routes may choose. */
  get backends(): readonly OutboundBackend[] {
    return [...this.#backends.values()];
  }

  /** Whether the name that a TLS client asks for makes a difference: to a route of its connections, or to whom they are for. */
  get looksAtServerName(): boolean {
    return this.#description.byHost === true || this.#connections.looksAtServerName;
  }

  /** The backend of a connection whose octets are passed on as they are. @param sni of its ClientHello; empty: none */
  connectionBackend(sni: string): OutboundBackend {
    return this.backend(this.#connections.find(sni)?.pick()?.backend ?? OWN_BACKEND);
  }

  /** Whether any backend has an endpoint. */
  get hasEndpoints(): boolean {
    for (const { endpoints } of this.#backends.values()) if (endpoints.length > 0) return true;
    return false;
  }

  /** Calls `wake` at each change. @returns how to stop */
  whenEndpoints(wake: () => void): () => void {
    this.#waiting.push(wake);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== wake);
    };
  }

  /** Series of a route, made at first use. @param route its name; empty: the default route */
  series(route: string): RouteSeries {
    let series = this.#series.get(route);
    if (!series) {
      const { metrics } = this.#context;
      const { name, port, labels } = this.#description;
      const routeLabels = {
        direction: 'outbound',
        dst: `${name}:${port}`,
        ...labels,
        ...(route === '' ? {} : { rt_route: route }),
      };
      series = {
        effective: new ResponseSeries(routeLabels, metrics.routeRequests, metrics.routeResponses, metrics.routeLatency),
        actual: new ResponseSeries(routeLabels, metrics.routeActualRequests, metrics.routeActualResponses, null),
        retried: metrics.routeRetryable.with(routeLabels),
        skipped: (cause) => metrics.routeRetryable.with({ ...routeLabels, skipped: cause }),
      };
      this.#series.set(route, series);
    }
    return series;
  }

  /** Whether a description is of this target still, and not of another one that has come to its address. */
  isDescribedBy({ name, kind, port }: OutboundTarget): boolean {
    return name === this.#description.name && kind === this.#description.kind && port === this.#description.port;
  }

  /** Nobody uses the target any more. Requests under way finish; those that wait for an endpoint are told. */
  retire(): void {
    this.isRetired = true;
    for (const backend of this.#backends.values()) backend.retire();
    for (const wake of [...this.#waiting]) wake();
  }

  #updateBackends({ name, port, labels, backends }: OutboundTarget): void {
    const series = { authority: `${name}:${port}`, ...labels };
    const before = this.#backends;
    this.#backends = new Map();
    for (const [key, description] of Object.entries(backends)) {
      const known = before.get(key);
      known?.update(description);
      this.#backends.set(key, known ?? new OutboundBackend(description, series, this.#context));
      before.delete(key);
    }
    for (const backend of before.values()) backend.retire();
  }
}
