import type { Backend, Endpoint } from '../../api/routing.ts';
import { Balancer } from '../balance/balancer.ts';
import type { BreakerContext } from '../breaker/breaker.ts';
import { breakerOf } from '../breaker/breaker-of.ts';
import { EjectionBound } from '../breaker/ejection-bound.ts';
import { EjectionLog } from '../breaker/ejection-log.ts';
import type { Counter, Labels } from '../telemetry/registry.ts';
import type { BackendShare } from './backend-share.ts';
import { EndpointClient, type EndpointContext } from './endpoint-client.ts';

/**
 * A backend of a target as the data path uses it: endpoints with load, connections and breakers, and a balancer over them.
 *
 * An update keeps what it does not change: an endpoint that is still there keeps its connections and its breaker.
 */
export class OutboundBackend {
  readonly share: BackendShare = { limits: {}, connections: 0, pending: 0, active: 0, retries: 0 };
  readonly #context: EndpointContext;
  /** Of the series of the backend as a whole. */
  readonly labels: Labels;
  readonly #targetLabels: Labels;
  readonly #ejections: Counter;
  readonly #ejectionLog: EjectionLog;
  #description: Backend;
  #endpoints: readonly EndpointClient[] = [];
  #balancer: Balancer<EndpointClient>;
  #bound = new EjectionBound(1, 0);

  /** @param labels of the target, for the series of endpoints */
  constructor(description: Backend, labels: Labels, context: EndpointContext) {
    this.#context = context;
    this.#targetLabels = labels;
    const named = backendLabels(description, labels);
    this.labels = { ...labels, ...named };
    this.#ejections = context.metrics.ejections.with(this.labels);
    this.#ejectionLog = new EjectionLog(context.log, { target: labels.authority ?? '', ...named });
    this.#balancer = new Balancer(description.balancer);
    this.#description = { ...description, endpoints: [] };
    this.update(description);
  }

  get description(): Backend {
    return this.#description;
  }

  get endpoints(): readonly EndpointClient[] {
    return this.#endpoints;
  }

  /** The endpoint for the next attempt; null: there is none, or all are ejected. The rest as in {@link Balancer}. */
  pick(
    nowMs: number,
    hash: number,
    avoid: readonly EndpointClient[] | null,
    leavesLocality = false,
  ): EndpointClient | null {
    return this.#balancer.pick(nowMs, hash, avoid, leavesLocality);
  }

  /** As failures call it: `host:port`, and its subset. */
  get name(): string {
    const { service, port, subset } = this.#description;
    return `${service}:${port}${subset ? `, subset ${subset}` : ''}`;
  }

  /** What bound another attempt would exceed; null: none. @param version of the attempt at `client` */
  overflow(client: EndpointClient, version: 'http1' | 'http2'): string | null {
    const { limits, active, pending } = this.share;
    if (limits.maxRequests !== undefined && active >= limits.maxRequests)
      return `${active} requests are under way to ${this.name}, as many as may be`;
    if (limits.maxPendingRequests === undefined || pending < limits.maxPendingRequests) return null;
    if (client.pool(version).isFree) return null;
    return `${pending} requests wait for a connection to ${this.name}, as many as may`;
  }

  /**
   * Takes a new description: endpoints that stay keep connections, latencies and breaker, those that go finish what
   * they have.
   */
  update(description: Backend): void {
    const before = this.#description;
    this.#description = description;
    this.share.limits = description.limits ?? {};
    if (!isSame(before.balancer, description.balancer)) this.#balancer = new Balancer(description.balancer);
    const isNewBreaker = !isSame(before.breaker, description.breaker) || this.#endpoints.length === 0;
    if (isNewBreaker) this.#bound = boundOf(description);
    this.#replaceEndpoints(description.endpoints, isNewBreaker);
    this.#bound.total = this.#endpoints.length;
    this.#balancer.update(this.#endpoints);
  }

  /** Requests under way finish; connections close after them, and no endpoint is picked any more. */
  retire(): void {
    for (const client of this.#endpoints) client.retire();
    this.#endpoints = [];
    this.#balancer.update([]);
  }

  #replaceEndpoints(endpoints: readonly Endpoint[], isNewBreaker: boolean): void {
    const known = new Map(this.#endpoints.map((client) => [endpointKey(client.endpoint), client]));
    const nowMs = performance.now();
    const kept = new Set<EndpointClient>();
    const next = endpoints.map((endpoint) => {
      let client = known.get(endpointKey(endpoint));
      const isNew = !client;
      client ??= new EndpointClient(endpoint, this.#targetLabels, this.share, this.#context, nowMs);
      if (isNew || isNewBreaker) this.#giveBreaker(client);
      kept.add(client);
      return client;
    });
    for (const client of this.#endpoints) if (!kept.has(client)) client.retire();
    this.#endpoints = next;
  }

  #giveBreaker(client: EndpointClient): void {
    const { breaker } = this.#description;
    const who = { id: client.id, pod: client.endpoint.labels.dst_pod ?? '' };
    let sinceMs = 0;
    const context: BreakerContext = {
      bound: this.#bound,
      random: Math.random,
      onEject: (cause, durationMs) => {
        const nowMs = performance.now();
        this.#ejections.value++;
        client.ejections++;
        if (sinceMs === 0) sinceMs = nowMs;
        this.#ejectionLog.ejected(who, cause, durationMs, nowMs);
      },
      onReturn: () => {
        const nowMs = performance.now();
        this.#ejectionLog.returned(who, nowMs - sinceMs, nowMs);
        sinceMs = 0;
      },
    };
    client.breaker = breaker ? breakerOf(breaker, context) : null;
  }
}

/** At most half may be ejected by Linkerd's breakers, which name no bound, so that one bad rule cannot stop a Service. */
function boundOf({ breaker }: Backend): EjectionBound {
  return breaker?.kind === 'outlier-detection'
    ? new EjectionBound(breaker.maxEjectionPercent / 100, breaker.minHealthPercent / 100)
    : new EjectionBound(0.5, 0);
}

/** A pod that keeps its UID but changes address or identity is another endpoint; so is one in another group of nearness. */
function endpointKey({ uid, address, port, tls, locality }: Endpoint): string {
  return `${uid} ${address} ${port} ${tls?.identity ?? ''} ${tls?.mode ?? ''} ${locality ?? 0}`;
}

/** A target may say what its backends are called in metrics. */
function backendLabels({ service, port, subset }: Backend, labels: Labels): Labels {
  return { backend: labels.backend ?? `${service}:${port}`, ...(subset && { subset }) };
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
