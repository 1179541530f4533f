import { type Endpoint, type OutboundTarget, OWN_BACKEND } from '../../api/routing.ts';
import { pickOfTwo } from '../balance/power-of-two.ts';
import { RetryBudget } from '../balance/retry-budget.ts';
import type { RequestView } from '../routing/predicate.ts';
import { type CompiledRoute, RouteTable } from '../routing/route-table.ts';
import { ResponseSeries } from '../telemetry/metrics.ts';
import type { Counter } from '../telemetry/registry.ts';
import { EndpointClient, type EndpointContext } from './endpoint-client.ts';

/** Series of one route of a target. */
export interface RouteSeries {
  /** After retries, as the application sees it. */
  readonly effective: ResponseSeries;
  /** Each attempt. */
  readonly actual: ResponseSeries;
  readonly retried: Counter;
  readonly skipped: Counter;
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
  #backends = new Map<string, EndpointClient[]>();
  #budget: RetryBudget;
  #budgetText = '';
  #waiting: (() => void)[] = [];
  #lastRequest: object | null = null;
  #lastRoute: CompiledRoute | null = null;
  readonly #series = new Map<string, RouteSeries>();
  /** Requests and connections under way. */
  active = 0;

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
    const routesText = JSON.stringify(description.routes);
    if (routesText !== this.#routesText) {
      this.#routes = new RouteTable(description.routes);
      this.#routesText = routesText;
      this.#lastRoute = null;
    }
    const budgetText = JSON.stringify(description.retryBudget);
    if (budgetText !== this.#budgetText) {
      this.#budget = new RetryBudget(description.retryBudget);
      this.#budgetText = budgetText;
    }
    this.#updateEndpoints(description);
    if ((this.#backends.get(OWN_BACKEND)?.length ?? 0) > 0) for (const wake of this.#waiting.splice(0)) wake();
  }

  route(request: RequestView): CompiledRoute {
    // Heads of repeated requests are shared by the engine.
    if (request === this.#lastRequest && this.#lastRoute) return this.#lastRoute;
    this.#lastRequest = request;
    this.#lastRoute = this.#routes.find(request);
    return this.#lastRoute;
  }

  /** The endpoint for the next attempt; null: the backend has none. */
  pick(backend: string, avoid: EndpointClient | null): EndpointClient | null {
    return pickOfTwo(this.#backends.get(backend) ?? [], performance.now(), Math.random, avoid);
  }

  /** Endpoints of a backend. */
  endpoints(backend: string): readonly EndpointClient[] {
    return this.#backends.get(backend) ?? [];
  }

  /** Calls `wake` when endpoints appear. @returns how to stop */
  whenEndpoints(wake: () => void): () => void {
    this.#waiting.push(wake);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== wake);
    };
  }

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
        skipped: metrics.routeRetryable.with({ ...routeLabels, skipped: 'no_budget' }),
      };
      this.#series.set(route, series);
    }
    return series;
  }

  /** Nobody uses the target any more. */
  retire(): void {
    for (const clients of this.#backends.values()) for (const client of clients) client.retire();
  }

  #updateEndpoints(description: OutboundTarget): void {
    const known = new Map<string, EndpointClient>();
    for (const clients of this.#backends.values())
      for (const client of clients) known.set(endpointKey(client.endpoint), client);
    const backends = new Map<string, EndpointClient[]>();
    const nowMs = performance.now();
    const labels = { authority: `${description.name}:${description.port}`, ...description.labels };
    const kept = new Set<EndpointClient>();
    for (const [key, backend] of Object.entries(description.backends)) {
      backends.set(
        key,
        backend.endpoints.map((endpoint) => {
          const id = endpointKey(endpoint);
          const client = known.get(id) ?? new EndpointClient(endpoint, labels, this.#context, nowMs);
          known.set(id, client);
          kept.add(client);
          return client;
        }),
      );
    }
    const before = this.#backends;
    this.#backends = backends;
    for (const clients of before.values()) for (const client of clients) if (!kept.has(client)) client.retire();
  }
}

/** A pod that keeps its UID but changes address or identity is another endpoint. */
function endpointKey({ uid, address, port, tls }: Endpoint): string {
  return `${uid} ${address} ${port} ${tls?.identity ?? ''} ${tls?.mode ?? ''}`;
}
