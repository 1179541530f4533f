import type { Server, Socket } from 'node:net';

import type { InboundConfig } from '../api/routing.ts';
import { bindEitherFamily } from '../core/config/bind.ts';
import type { SocketAddress } from '../core/config/socket-address.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { FailureLog } from './admin/failure-log.ts';
import { AdminServer } from './admin/server.ts';
import type { ProxyConfig } from './config.ts';
import { Connections } from './connections.ts';
import { Certifier } from './control/certifier.ts';
import { Discovery } from './control/discovery.ts';
import { WatchClient } from './control/watch-client.ts';
import { Application } from './inbound/application.ts';
import { InboundListener } from './inbound/listener.ts';
import { InboundPorts } from './inbound/ports.ts';
import type { Log } from './log.ts';
import { countEjected, endpointStates } from './outbound/endpoint-state.ts';
import { ExplicitProxy } from './outbound/explicit-proxy.ts';
import { Ingress } from './outbound/ingress.ts';
import { OutboundListener } from './outbound/listener.ts';
import { NamedTargets } from './outbound/named-targets.ts';
import { Targets } from './outbound/targets.ts';
import { Metrics } from './telemetry/metrics.ts';
import { processMetrics } from './telemetry/process-metrics.ts';
import { type ConnectionLimit, listen } from './transport/listen.ts';
import { Loopback } from './transport/loopback.ts';
import { MutualTls } from './transport/mutual-tls.ts';
import { loadOriginalDestination } from './transport/original-destination.ts';
import { windowBudget } from './transport/window-budget.ts';

/** A proxy that runs. */
export interface RunningProxy {
  /** Stops taking connections and requests, lets those under way finish within the grace period, ends. */
  drain(): Promise<void>;
}

/** Puts a proxy together and starts it: admin at once, traffic once it is certified. */
export async function startProxy(config: ProxyConfig, log: Log, onShutdown: () => void): Promise<RunningProxy> {
  const clock: Clock = systemClock;
  const metrics = new Metrics();
  processMetrics(metrics.registry);
  windowBudget.total = config.windowBudget;
  const failures = new FailureLog();
  const connections = new Connections();
  const mutualTls = new MutualTls(() => clock.now());
  const originalDestination = await loadOriginalDestination();

  const initial: InboundConfig = {
    defaultPolicy: { mode: config.defaultInboundPolicy, origin: 'environment' },
    ports: [],
    clusterNetworks: [],
  };
  const ports = new InboundPorts(initial, config.opaquePorts, metrics);
  const discovery = new Discovery({
    clock,
    onInbound: (inbound) => ports.update(inbound),
    onTrust: (bundle) => void certifier.useTrustBundle(bundle),
  });
  const watch = new WatchClient({ config, mutualTls, clock, log, metrics, listener: discovery });
  discovery.use(watch);

  const loopback = new Loopback(config.podIps, (socket, destination) => inbound.acceptOwn(socket, destination));
  const endpoints = { mutualTls, metrics, log, connectTimeoutMs: config.outboundConnectTimeoutMs, loopback };
  const targets = new Targets(discovery, endpoints);
  metrics.registry.collect(() => countEjected(metrics, targets.all(), performance.now()));
  const outboundContext = { metrics, failures };
  const named = new NamedTargets(targets, outboundContext);
  const outbound = new OutboundListener({
    context: outboundContext,
    targets,
    named,
    ingress: config.ingress ? new Ingress(named, outboundContext, endpoints) : null,
    originalDestination,
    loopback,
    connections,
    log,
    connectTimeoutMs: config.outboundConnectTimeoutMs,
    silenceMs: config.silenceMs,
    undecidedMs: config.undecidedMs,
    limits: config.limits,
  });
  const explicit = new ExplicitProxy(targets, outboundContext, outbound);
  const inbound = new InboundListener({
    context: {
      ports,
      application: new Application(metrics, config.inboundConnectTimeoutMs),
      metrics,
      failures,
      spiffe: config.spiffe,
      applicationAddress: config.applicationAddress,
      probePaths: config.probePaths,
      clusterDomain: config.clusterDomain,
    },
    mutualTls,
    originalDestination,
    connections,
    log,
    identity: config.identity,
    podIps: config.podIps,
    connectTimeoutMs: config.inboundConnectTimeoutMs,
    silenceMs: config.silenceMs,
    undecidedMs: config.undecidedMs,
    limits: config.limits,
  });

  const limitOf = (direction: 'inbound' | 'outbound') => ({
    connections: config.maxConnections,
    onRefused: () => metrics.exceeded(direction, 'src', 'connection_limit'),
  });
  const servers: Server[] = [];
  let serving = false;
  const serve = async () => {
    const { inboundListen, outboundListen, explicitListen } = config;
    servers.push(
      ...(await listenAll(inboundListen, (socket) => inbound.accept(socket), limitOf('inbound'))),
      ...(await listenAll(outboundListen, (socket) => outbound.accept(socket), limitOf('outbound'))),
      ...(await listenAll(explicitListen, (socket) => explicit.accept(socket), limitOf('outbound'))),
    );
    serving = true;
    log.info({ identity: config.identity, startMs: Math.round(performance.now()) }, 'ready');
  };

  const certifier = new Certifier({
    config,
    mutualTls,
    clock,
    log,
    metrics,
    onReady: () => {
      watch.start();
      serve().catch((error: Error) => {
        log.error({ error: error.message }, 'cannot listen');
        process.exit(1);
      });
    },
  });
  const admin = new AdminServer({
    metrics,
    failures,
    log,
    isReady: () => serving && mutualTls.isReady && !connections.isDraining,
    state: () => ({
      identity: config.identity,
      connected: watch.isConnected,
      inbound: ports.config,
      targets: discovery.targets(),
    }),
    endpoints: () => endpointStates(targets.all(), performance.now()),
    shutdown: config.adminShutdown ? onShutdown : null,
  });
  await admin.listen(config.adminListen);
  certifier.start();
  const eviction = setInterval(() => {
    if (watch.isConnected) targets.evict(IDLE_TARGET_MS);
  }, 60_000).unref();

  return {
    async drain() {
      log.info({ connections: connections.size }, 'draining');
      for (const server of servers) server.close();
      connections.drain();
      const deadline = performance.now() + config.shutdownGraceMs;
      while (connections.size > 0 && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (connections.size > 0)
        log.warn({ connections: connections.size }, 'the grace period is over; closing what is left');
      connections.destroy();
      clearInterval(eviction);
      certifier.stop();
      watch.stop();
      admin.close();
    },
  };
}

/** Targets unused for this long are let go of. */
const IDLE_TARGET_MS = 10 * 60_000;

function listenAll(
  addresses: readonly SocketAddress[],
  accept: (socket: Socket) => void,
  limit: ConnectionLimit,
): Promise<Server[]> {
  return Promise.all(addresses.map((address) => bindEitherFamily(address, (each) => listen(each, accept, limit))));
}
