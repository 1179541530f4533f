import type { InboundConfig, InboundPolicy, InboundPort, RateLimit } from '../../api/routing.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import type { PortRanges } from '../../core/config/port-ranges.ts';
import { Access, type Note } from '../access/access.ts';
import { attributesOf, type ClientAttributes, KnownClients } from '../access/client-attributes.ts';
import type { Judged } from '../access/layer.ts';
import { PortAccess } from '../access/port-access.ts';
import { afterToken, type Decider, type Demands, looksAtRequests, type Verdict, verdictOf } from '../access/verdict.ts';
import type { HttpRules } from '../routing/carriage.ts';
import type { Client } from '../routing/inbound-policy.ts';
import { PortRoutes } from '../routing/port-routes.ts';
import type { RequestView } from '../routing/predicate.ts';
import type { CompiledRoute } from '../routing/route-table.ts';
import { LabelValues } from '../telemetry/label-values.ts';
import { type Metrics, ResponseSeries } from '../telemetry/metrics.ts';
import type { Counter, Labels } from '../telemetry/registry.ts';
import type { Authentication } from '../tokens/request-authenticator.ts';
import { TokenChecks } from '../tokens/token-checks.ts';
import { NOBODY } from '../transport/mutual-tls.ts';
import { RateLimiter, type RateLimitScope } from './rate-limiter.ts';

/** What holds for one port of the pod. */
export interface PortRules extends HttpRules {
  /** What it demands of who wants in. */
  readonly demands: Demands;
  /** null: there is no bound. */
  readonly rateLimiter: RateLimiter | null;
  /** The Service that its requests are counted under: empty where it has no routes here. @param service FQDN, by anybody */
  counted(service: string): string;
  /** The route of a request. @param service FQDN that the request is for */
  route(service: string, request: RequestView): CompiledRoute;
}

/** What a port says of somebody who wants in. */
export interface PortVerdict extends Pick<Verdict, 'refusal' | 'why'> {
  readonly isRefused: boolean;
  /** Of the authorization series: what decided. */
  readonly labels: Labels;
  /** Counters of what is told of it and not enforced; of most none. */
  readonly noted: readonly Counter[];
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
  readonly #onFault: (fault: string) => void;
  /** Of the pod itself, which calls itself without proving it. */
  readonly #own: ClientAttributes;
  /** A client stays for as long as its connection. */
  readonly #attributes = new WeakMap<Client, ClientAttributes>();
  readonly #clients = new KnownClients();
  #access = Access.OPEN;
  /** Of the requests' tokens. */
  readonly tokens: TokenChecks;
  readonly #onUpdate = new Set<() => void>();
  /** Ports that have labels of their own: of the configuration, and where the application has taken a connection. */
  #named = new Set<number>();
  readonly #serving = new Set<number>();
  /** The first others. */
  readonly #others = new LabelValues(MOST_OTHER_PORTS);
  /** Of ports that are not configured. */
  #unnamed: { readonly opaque: PortRules; readonly detect: PortRules };

  /**
   * @param initial used until destination has spoken
   * @param own names of the pod
   * @param onFault told of rules that cannot be judged by, so that nobody is let in
   */
  constructor(
    initial: InboundConfig,
    opaque: PortRanges,
    metrics: Metrics,
    own: { readonly identity: string; readonly spiffe: string },
    onFault: (fault: string) => void,
  ) {
    this.#opaque = opaque;
    this.#own = attributesOf(own);
    this.#onFault = onFault;
    this.tokens = new TokenChecks(onFault);
    this.#config = initial;
    this.networks = new IpNetworks(initial.clusterNetworks);
    this.#metrics = metrics;
    this.#updateAccess(initial);
    this.#unnamed = this.#defaultRules();
  }

  /** Takes a new configuration. Connections stay; a rate limit that is the same keeps what it has counted. */
  update(next: InboundConfig): void {
    const tokenRules = this.tokens.update(next.tokenRules);
    const config = tokenRules ? { ...next, tokenRules } : next;
    this.#config = config;
    this.networks = new IpNetworks(config.clusterNetworks);
    this.#updateAccess(config);
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
        const access = this.#portAccess(port);
        return [
          port.port,
          {
            protocol: port.protocol,
            demands: access
              ? this.#demands(port.policy, access)
              : this.#demands({ mode: 'deny', origin: port.policy.origin }, PortAccess.NONE),
            hasRoutes: !routes.isEmpty || access?.hasRoutes === true,
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

  /** Judges a connection whose octets are passed on as they are. @param serverName that its TLS asks for; empty: none */
  judgeOctets(port: number, client: Client, serverName = ''): PortVerdict {
    return this.#judge(port, client, 'octets', serverName, NO_REQUEST, null);
  }

  /** Why nobody at the client's address may have octets of a port, whoever it proves to be; null: somebody may. */
  refusalOfAddress(port: number, { address, isLocal }: Client): PortVerdict | null {
    const facts = { client: null, address, port, serverName: null, request: null };
    for (const identity of ['', SOMEBODY]) {
      const { verdict } = verdictOf(this.rules(port).demands, { identity, isLocal, facts }, 'octets');
      if (verdict !== 'denied') return null;
    }
    return this.judgeOctets(port, { ...NOBODY, address, isLocal });
  }

  /**
   * Judges a request, whose path is in normal form where rules look at requests.
   *
   * @param authentication what was found of its tokens; null: none is looked at
   */
  judgeRequest(
    port: number,
    client: Client,
    request: RequestView,
    authentication: Pick<Authentication, 'token' | 'fault'> | null = null,
  ): PortVerdict {
    return this.#judge(port, client, 'requests', '', request, authentication);
  }

  /** Whether rules look at requests of a port: paths are brought into normal form then. */
  looksAtRequests(port: number): boolean {
    return looksAtRequests(this.rules(port).demands);
  }

  #judge(
    port: number,
    client: Client,
    judged: Judged,
    serverName: string,
    request: RequestView,
    authentication: Pick<Authentication, 'token' | 'fault'> | null,
  ): PortVerdict {
    const { token, fault } = authentication ?? NO_TOKEN;
    const facts = { client: this.#attributesOf(client), address: client.address, port, serverName, request, token };
    const { identity, isLocal } = client;
    const byRules = verdictOf(this.rules(port).demands, { identity, isLocal, facts }, judged);
    const final = afterToken(byRules, fault);
    const { verdict, refusal, why, decider } = final;
    const labels = { target_port: this.portLabel(port), ...labelsOf(decider), client_id: identity };
    // No rule has been asked of one that its token keeps out.
    const notes = final === byRules ? this.#access.notes(facts, judged) : [];
    const noted = notes.map((note) => this.#noteCounter(note, port, identity));
    return { isRefused: verdict !== 'allowed', refusal, why, labels, noted };
  }

  #noteCounter({ kind, verdict, rule }: Note, port: number, identity: string): Counter {
    const { authzAudit, authzDryRun } = this.#metrics;
    const decided = labelsOf(rule ? { kind: 'object', origin: rule.origin } : { kind: 'no-rule' });
    const labels = { target_port: this.portLabel(port), ...decided, client_id: identity };
    return kind === 'audit' ? authzAudit.with(labels) : authzDryRun.with({ ...labels, verdict });
  }

  #demands(policy: InboundPolicy, port: PortAccess): Demands {
    return { policy, port, pod: this.#access, networks: this.networks };
  }

  /** null: its rules cannot be judged by, and nobody is let in. */
  #portAccess(port: InboundPort): PortAccess | null {
    try {
      return new PortAccess(port);
    } catch (error) {
      this.#onFault(`port ${port.port}, ${port.policy.origin}: ${(error as Error).message}`);
      return null;
    }
  }

  /** Of the authorization series, for a probe that policies would refuse: as linkerd2-proxy names them. */
  probeLabels(port: number): Labels {
    return { target_port: this.portLabel(port), authz_kind: 'default', authz_name: 'probe', client_id: '' };
  }

  #attributesOf(client: Client): ClientAttributes {
    if (client.isLocal && client.identity === '') return this.#own;
    let attributes = this.#attributes.get(client);
    if (!attributes) {
      attributes = this.#clients.of(client);
      this.#attributes.set(client, attributes);
    }
    return attributes;
  }

  #updateAccess({ access }: InboundConfig): void {
    this.#access = new Access(access);
    for (const fault of this.#access.faults) this.#onFault(fault);
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
      demands: this.#demands(this.#config.defaultPolicy, PortAccess.NONE),
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

/** What decided, as the authorization series name it. */
function labelsOf(decider: Decider): Labels {
  if (decider.kind === 'policy') return { authz_kind: 'default', authz_name: decider.mode };
  if (decider.kind === 'no-rule') return { authz_kind: 'none', authz_name: '' };
  const [kind = '', namespace = '', name = ''] = decider.origin.replace(/^annotation\/\w+/, 'annotation').split('/');
  return {
    authz_group: GROUPS[kind] ?? '',
    authz_kind: kind.replace(/^Linkerd/, '').toLowerCase(),
    authz_namespace: namespace,
    authz_name: name,
  };
}

/** API groups of objects that decide, by the kinds in which they are told apart. */
const GROUPS: Readonly<Record<string, string>> = {
  PeerAuthentication: 'security.istio.io',
  RequestAuthentication: 'security.istio.io',
  AuthorizationPolicy: 'security.istio.io',
  Server: 'policy.linkerd.io',
  ServerAuthorization: 'policy.linkerd.io',
  LinkerdAuthorizationPolicy: 'policy.linkerd.io',
  TrafficTarget: 'access.smi-spec.io',
};

/** Stands for whoever a client may yet prove to be: no rule looks at it, since nothing has been proved. */
const SOMEBODY = 'somebody';

const NO_TOKEN = { token: null, fault: null };
/** What octets have of a request. */
const NO_REQUEST: RequestView = { method: '', path: '', authority: '', scheme: '', fields: [] };

/** A pod with more ports that nobody has named, and at which nothing answers, is being scanned. */
const MOST_OTHER_PORTS = 16;
