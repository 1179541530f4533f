import type { Socket } from 'node:net';

import type { Revocations } from '../api/revocations.ts';
import { IpNetworks } from '../core/config/ip-networks.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { Allowance } from '../core/time/allowance.ts';
import type { Clock } from '../core/time/clock.ts';
import { FailureLog } from './admin/failure-log.ts';
import type { ProxyConfig } from './config.ts';
import { Connections } from './connections.ts';
import { Discovery } from './control/discovery.ts';
import { Application } from './inbound/application.ts';
import { InboundListener } from './inbound/listener.ts';
import { InboundPorts } from './inbound/ports.ts';
import type { Log } from './log.ts';
import { countEjected } from './outbound/endpoint-state.ts';
import { ExplicitProxy } from './outbound/explicit-proxy.ts';
import { Ingress } from './outbound/ingress.ts';
import { OutboundListener } from './outbound/listener.ts';
import { NamedTargets } from './outbound/named-targets.ts';
import { targetFault } from './outbound/target-fault.ts';
import { Targets } from './outbound/targets.ts';
import { Unanswered } from './outbound/unanswered.ts';
import { Callers } from './telemetry/callers.ts';
import { Metrics } from './telemetry/metrics.ts';
import { type Listening, listen } from './transport/listen.ts';
import { Loopback } from './transport/loopback.ts';
import { MutualTls } from './transport/mutual-tls.ts';
import type { OriginalDestination } from './transport/original-destination.ts';

/** What of the configuration the data path follows. */
export type DataPathConfig = Pick<
  ProxyConfig,
  | 'identity'
  | 'spiffe'
  | 'trustDomain'
  | 'podIps'
  | 'applicationAddress'
  | 'clusterDomain'
  | 'defaultInboundPolicy'
  | 'opaquePorts'
  | 'halfClosedPorts'
  | 'discoveryFailurePolicy'
  | 'clusterNetworks'
  | 'probePaths'
  | 'ingress'
  | 'outboundConnectTimeoutMs'
  | 'inboundConnectTimeoutMs'
  | 'silenceMs'
  | 'undecidedMs'
  | 'maxConnections'
  | 'limits'
>;

/** What the data path needs of the process around it. */
export interface DataPathContext {
  readonly originalDestination: OriginalDestination;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes a trust bundle that discovery delivers, and the time before which no certificate in use may have been made. */
  readonly onTrust: (bundle: string, renewIssuedBefore: string) => void;
  /** Destination has said anew who may come in, or who is revoked. */
  readonly onTold: () => void;
}

/** The ways into a proxy. */
export type Way = 'inbound' | 'outbound' | 'explicit';

/**
 * The data path of one proxy, from metrics to listeners, put together in one place: what the program runs and what tests do.
 * Nothing listens, and nobody is asked, until it is told to.
 *
 *     discovery ─▶ targets ─▶ outbound, explicit ─▶ endpoints
 *         │                        └─ loopback ─▶ inbound ─▶ application
 *         └─────▶ ports (policy, routes, limits) ───┘
 */
export class DataPath {
  readonly metrics = new Metrics();
  readonly failures = new FailureLog();
  readonly callers = new Callers();
  /** Those that are open, for a drain. */
  readonly connections = new Connections();
  readonly mutualTls: MutualTls;
  readonly ports: InboundPorts;
  readonly discovery: Discovery;
  readonly targets: Targets;
  readonly #maxConnections: number;
  readonly #log: Log;
  readonly #accept: Readonly<Record<Way, (socket: Socket, onKnown: () => void) => void>>;

  constructor(config: DataPathConfig, { originalDestination, clock, log, onTrust, onTold }: DataPathContext) {
    const { metrics, failures, connections } = this;
    const { silenceMs, undecidedMs, limits, halfClosedPorts } = config;
    this.#maxConnections = config.maxConnections;
    this.#log = log;
    // Whoever likes may show a bad certificate as often as he likes.
    const warnings = new Allowance(clock, { burst: 10, perMinute: 10 });
    this.mutualTls = new MutualTls(() => clock.now(), {
      onKeyExchange: (group) => {
        metrics.keyExchange(group).value++;
      },
      onFault: ({ direction, address, fault }) => {
        if (warnings.take())
          log.warn({ direction, address, reason: fault.reason }, `a peer is refused: ${fault.message}`);
      },
    });
    // In force until destination has spoken.
    const defaultPolicy = { mode: config.defaultInboundPolicy, origin: 'environment' } as const;
    const initial = { defaultPolicy, ports: [], clusterNetworks: [] };
    this.ports = new InboundPorts(initial, config.opaquePorts, metrics, config, (fault) =>
      log.error({ fault }, 'a policy cannot be judged by, and nobody is let in'),
    );
    this.discovery = new Discovery({
      clock,
      faultOf: targetFault,
      onInbound: (inbound) => {
        this.ports.update(inbound);
        onTold();
      },
      onTrust,
      onRevoked: (revocations) => {
        this.revoke(revocations);
        onTold();
      },
      onExceeded: (limit) => metrics.exceeded('outbound', 'src', limit),
    });

    const loopback = new Loopback(config.podIps, (socket, destination) => inbound.acceptOwn(socket, destination));
    const connectTimeoutMs = config.outboundConnectTimeoutMs;
    const endpoints = { mutualTls: this.mutualTls, metrics, log, connectTimeoutMs, loopback };
    // Until destination has named them.
    const networks = new IpNetworks(config.clusterNetworks);
    const unanswered = new Unanswered({
      policy: config.discoveryFailurePolicy,
      isInside: (address) =>
        (this.ports.config.clusterNetworks.length > 0 ? this.ports.networks : networks).has(address),
      isOwn: (address) => loopback.isOwn(address),
    });
    this.targets = new Targets(this.discovery, endpoints, unanswered);
    metrics.registry.collect(() => countEjected(metrics, this.targets.all(), performance.now()));
    const context = { metrics, failures, clock, random: Math.random };
    const named = new NamedTargets(this.targets, context);
    const outbound = new OutboundListener({
      context,
      targets: this.targets,
      named,
      ingress: config.ingress ? new Ingress(named, context, endpoints) : null,
      originalDestination,
      loopback,
      connections,
      log,
      connectTimeoutMs,
      silenceMs,
      undecidedMs,
      limits,
      halfClosedPorts,
    });
    const explicit = new ExplicitProxy(this.targets, context, outbound, unanswered);
    const inbound = new InboundListener({
      context: {
        ports: this.ports,
        application: new Application(metrics, this.ports, config.inboundConnectTimeoutMs),
        metrics,
        failures,
        spiffe: config.spiffe,
        applicationAddress: config.applicationAddress,
        probePaths: config.probePaths,
        callers: this.callers,
        clusterDomain: config.clusterDomain,
      },
      mutualTls: this.mutualTls,
      originalDestination,
      connections,
      log,
      identity: config.identity,
      trustDomain: config.trustDomain,
      podIps: config.podIps,
      connectTimeoutMs: config.inboundConnectTimeoutMs,
      silenceMs,
      undecidedMs,
      limits,
      halfClosedPorts,
    });
    this.#accept = {
      inbound: (socket, onKnown) => inbound.accept(socket, onKnown),
      outbound: (socket) => outbound.accept(socket),
      explicit: (socket) => explicit.accept(socket),
    };
  }

  /** Trusts nobody of `revocations` any more, and tells the operator whose connections that has ended. */
  revoke(revocations: Revocations): void {
    for (const { direction, address, fault } of this.mutualTls.revoke(revocations)) {
      const errors = direction === 'inbound' ? this.metrics.inboundErrors : this.metrics.outboundErrors;
      errors.with({ error: fault.reason }).value++;
      this.failures.add(direction, fault, { target: '', route: '', method: '', path: '', endpoint: address });
      this.#log.warn({ direction, address, reason: fault.reason }, `a connection was ended: ${fault.message}`);
    }
  }

  /** Takes connections at an address from now on. Rejects where it is taken or absent. */
  listen(way: Way, address: SocketAddress): Promise<Listening> {
    const direction = way === 'inbound' ? 'inbound' : 'outbound';
    return listen(address, this.#accept[way], {
      connections: this.#maxConnections,
      isShared: way === 'inbound',
      onRefused: () => this.metrics.exceeded(direction, 'src', 'connection_limit'),
    });
  }
}
