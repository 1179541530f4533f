import { bindEitherFamily } from '../core/config/bind.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { AdminServer } from './admin/server.ts';
import type { ProxyConfig } from './config.ts';
import { Certifier } from './control/certifier.ts';
import { FIRST_ANSWER_MS } from './control/discovery.ts';
import { WatchClient } from './control/watch-client.ts';
import { DataPath, type Way } from './data-path.ts';
import { firstWord } from './inbound/first-word.ts';
import type { Log } from './log.ts';
import { endpointStates } from './outbound/endpoint-state.ts';
import { processMetrics } from './telemetry/process-metrics.ts';
import type { Listening } from './transport/listen.ts';
import { loadOriginalDestination } from './transport/original-destination.ts';
import { windowBudget } from './transport/window-budget.ts';

/** A proxy that runs. */
export interface RunningProxy {
  /** Stops taking connections and requests, lets those under way finish within the grace period, ends. */
  drain(): Promise<void>;
}

/**
 * Puts a proxy together and starts it: admin at once, what goes out once it is certified, what comes in once destination has said
 * who may.
 */
export async function startProxy(config: ProxyConfig, log: Log, onShutdown: () => void): Promise<RunningProxy> {
  const clock: Clock = systemClock;
  windowBudget.total = config.windowBudget;
  const path = new DataPath(config, {
    originalDestination: await loadOriginalDestination(),
    clock,
    log,
    onTrust: (bundle) => void certifier.useTrustBundle(bundle),
  });
  const { metrics, failures, connections, mutualTls, ports, discovery, targets } = path;
  processMetrics(metrics.registry);
  const watch = new WatchClient({ config, mutualTls, clock, log, metrics, listener: discovery });
  discovery.use(watch);

  const servers: Listening[] = [];
  let serving = false;
  const serve = async () => {
    const told = firstWord(ports, clock, FIRST_ANSWER_MS);
    const listen = async (way: Way, addresses: ProxyConfig['inboundListen']) => {
      if (!connections.isDraining) servers.push(...(await listenAll(path, way, addresses)));
    };
    await listen('outbound', config.outboundListen);
    await listen('explicit', config.explicitListen);
    if (!(await told))
      log.warn(
        { policy: config.defaultInboundPolicy, waitedMs: FIRST_ANSWER_MS },
        'destination has not said who may come in; until it does, the default policy decides',
      );
    await listen('inbound', config.inboundListen);
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

function listenAll(path: DataPath, way: Way, addresses: ProxyConfig['inboundListen']): Promise<Listening[]> {
  return Promise.all(addresses.map((address) => bindEitherFamily(address, (each) => path.listen(way, each))));
}
