import type { InboundConfig, InboundPolicy, RateLimit } from '../../api/routing.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import type { PortRanges } from '../../core/config/port-ranges.ts';
import type { HttpRules } from '../routing/carriage.ts';
import { type Client, judge } from '../routing/inbound-policy.ts';
import { PortRoutes } from '../routing/port-routes.ts';
import type { RequestView } from '../routing/predicate.ts';
import type { CompiledRoute } from '../routing/route-table.ts';
import { LabelValues } from '../telemetry/label-values.ts';
import { type Metrics, ResponseSeries } from '../telemetry/metrics.ts';
import type { Counter, Labels } from '../telemetry/registry.ts';
import { RateLimiter, type RateLimitScope } from './rate-limiter.ts';

/** What holds for one port of the pod. */
export interface PortRules extends HttpRules {
  readonly policy: InboundPolicy;
  /** null: there is no bound. */
  readonly rateLimiter: RateLimiter | null;
  /** The Service that its requests are counted under: empty where it has no routes here. @param service FQDN, by anybody */
  counted(service: string): string;
  /** The route of a request. @param service FQDN that the request is for */
  route(service: string, request: RequestView): CompiledRoute;
}

/** The pod's inbound rules, replaced live. */
export class InboundPorts {
  readonly #opaque: PortRanges;
  #config: InboundConfig;
  #byPort: ReadonlyMap<number, PortRules> = new Map();
  /** By port, with the rule as text: a limit that stays keeps what has been counted. */
  #limiters = new Map<number, { readonly text: string; readonly limiter: RateLimiter }>();
  networks: IpNetworks;
  readonly #series = new Map<string, ResponseSeries>();
  readonly #metrics: Metrics;
  readonly #onUpdate = new Set<() => void>();
  /** Ports that have labels of their own: of the configuration, and where the application has taken a connection. */
  #named = new Set<number>();
  readonly #serving = new Set<number>();
  /** The first others. */
  readonly #others = new LabelValues(MOST_OTHER_PORTS);
  /** Of ports that are not configured. */
  #unnamed: { readonly opaque: PortRules; readonly detect: PortRules };

  /** @param initial used until destination has spoken */
  constructor(initial: InboundConfig, opaque: PortRanges, metrics: Metrics) {
    this.#opaque = opaque;
    this.#config = initial;
    this.networks = new IpNetworks(initial.clusterNetworks);
    this.#metrics = metrics;
    this.#unnamed = this.#defaultRules();
  }

  /** Takes a new configuration. Connections stay; a rate limit that is the same keeps what it has counted. */
  update(config: InboundConfig): void {
    this.#config = config;
    this.networks = new IpNetworks(config.clusterNetworks);
    this.#unnamed = this.#defaultRules();
    this.#named = new Set(config.ports.map(({ port }) => port));
    this.#limiters = new Map(
      config.ports.flatMap(({ port, rateLimit }) => {
        if (!rateLimit) return [];
        const text = JSON.stringify(rateLimit);
        const known = this.#limiters.get(port);
        if (known?.text === text) return [[port, known]];
        return [[port, { text, limiter: new RateLimiter(rateLimit, this.#refusals(port, rateLimit)) }]];
      }),
    );
    this.#byPort = new Map(
      config.ports.map((port) => {
        const routes = new PortRoutes(port.routes);
        return [
          port.port,
          {
            protocol: port.protocol,
            policy: port.policy,
            hasRoutes: !routes.isEmpty,
            hasRateLimit: port.rateLimit !== undefined,
            rateLimiter: this.#limiters.get(port.port)?.limiter ?? null,
            counted: (service) => (routes.has(service) ? service : ''),
            route: (service, request) => routes.find(service, request),
          },
        ];
      }),
    );
    for (const hear of [...this.#onUpdate]) hear();
  }

  /** Calls `hear` after each update: what has been let in may not be let in now. @returns how to stop */
  whenUpdated(hear: () => void): () => void {
    this.#onUpdate.add(hear);
    return () => this.#onUpdate.delete(hear);
  }

  get config(): InboundConfig {
    return this.#config;
  }

  /** The same object until the next update. */
  rules(port: number): PortRules {
    return this.#byPort.get(port) ?? this.#unnamed[this.#opaque.has(port) ? 'opaque' : 'detect'];
  }

  /** Whether the policy of a port refuses a client. */
  refuses({ policy }: PortRules, client: Client): boolean {
    return judge(policy, client, this.networks) === 'denied';
  }

  /** Labels of what the policy of a port says of a client. */
  authzLabels(port: number, { identity }: Client): Labels {
    const { mode } = this.rules(port).policy;
    return { target_port: this.portLabel(port), authz_kind: 'default', authz_name: mode, client_id: identity };
  }

  /**
   * A port as metrics name it. Strangers may knock at any of 65,535: those that are configured, or served, and the first
   * others have labels of their own.
   */
  portLabel(port: number): string {
    const text = String(port);
    return this.#named.has(port) || this.#serving.has(port) ? text : this.#others.of(text);
  }

  /** The application has taken a connection at a port. Its own ports bound their number. */
  noteServing(port: number): void {
    this.#serving.add(port);
  }

  #defaultRules(): { readonly opaque: PortRules; readonly detect: PortRules } {
    const detect: PortRules = {
      protocol: 'detect',
      policy: this.#config.defaultPolicy,
      hasRoutes: false,
      hasRateLimit: false,
      rateLimiter: null,
      counted: () => '',
      route: (service, request) => PortRoutes.EMPTY.find(service, request),
    };
    return { detect, opaque: { ...detect, protocol: 'opaque' } };
  }

  /** Counters of a limit on a port. They begin at 0 when the limit does, so that a rate shows the first refusal. */
  #refusals(port: number, { origin }: RateLimit): Record<RateLimitScope, Counter> {
    const [kind = '', , name = ''] = origin.split('/');
    const labels = { target_port: String(port), ratelimit_kind: kind, ratelimit_name: name };
    const counter = (scope: RateLimitScope) => this.#metrics.rateLimited.with({ ...labels, ratelimit_scope: scope });
    return { total: counter('total'), identity: counter('identity'), override: counter('override') };
  }

  /** Series of a route of a Service of this pod. */
  routeSeries(service: string, destinationPort: number, route: string): ResponseSeries {
    const port = this.portLabel(destinationPort);
    const key = `${service} ${port} ${route}`;
    let series = this.#series.get(key);
    if (!series) {
      const { routeRequests, routeResponses, routeLatency } = this.#metrics;
      const labels = { direction: 'inbound', dst: `${service}:${port}`, ...(route === '' ? {} : { rt_route: route }) };
      series = new ResponseSeries(labels, routeRequests, routeResponses, routeLatency);
      this.#series.set(key, series);
    }
    return series;
  }
}

/** A pod with more ports that nobody has named, and at which nothing answers, is being scanned. */
const MOST_OTHER_PORTS = 16;
