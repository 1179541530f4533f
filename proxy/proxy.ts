import { dirname, join } from 'node:path';

import { bindEitherFamily } from '../core/config/bind.ts';
import { type Clock, systemClock } from '../core/time/clock.ts';
import { AdminServer } from './admin/server.ts';
import type { ProxyConfig } from './config.ts';
import { Certifier } from './control/certifier.ts';
import { FIRST_ANSWER_MS } from './control/discovery.ts';
import { KeptWords } from './control/kept-words.ts';
import { WatchClient } from './control/watch-client.ts';
import { DataPath, type Way } from './data-path.ts';
import type { InboundPorts } from './inbound/ports.ts';
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
  const kept = new KeptWords(config.trustBundleFile && join(dirname(config.trustBundleFile), KEPT_WORDS), log);
  const path = new DataPath(config, {
    originalDestination: await loadOriginalDestination(),
    clock,
    log,
    onTrust: (bundle, renewIssuedBefore) => void certifier.useTrustBundle(bundle, renewIssuedBefore),
    onTold: () => kept.keep({ inbound: ports.config, revocations: mutualTls.revocations }),
  });
  const { metrics, failures, connections, mutualTls, ports, discovery, targets } = path;
  processMetrics(metrics.registry);
  const earlier = await kept.read();
  if (earlier) {
    path.revoke(earlier.revocations);
    ports.update(earlier.inbound);
  }
  // Nobody comes in before destination has said who may, to this container or to an earlier one of the pod.
  const told = earlier ? Promise.resolve() : firstUpdate(ports);
  const watch = new WatchClient({ config, mutualTls, clock, log, metrics, listener: discovery });
  discovery.use(watch);

  const servers: Listening[] = [];
  let serving = false;
  let isCertified = false;
  const serve = async () => {
    const listen = async (way: Way, addresses: ProxyConfig['inboundListen']) => {
      if (!connections.isDraining) servers.push(...(await listenAll(path, way, addresses)));
    };
    await listen('outbound', config.outboundListen);
    await listen('explicit', config.explicitListen);
    const warning = clock.after(FIRST_ANSWER_MS, () =>
      log.warn({}, 'destination has not said who may come in: until it does, nobody may'),
    );
    await told;
    warning.cancel();
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
    onCertified: () => {
      if (isCertified) return watch.renew();
      isCertified = true;
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
    notReady: () => {
      if (connections.isDraining) return 'draining';
      if (!mutualTls.isReady) return 'no valid certificate';
      return serving ? '' : 'destination has not said who may come in';
    },
    state: () => ({
      identity: config.identity,
      connected: watch.isConnected,
      inbound: ports.config,
      targets: discovery.targets(),
    }),
    callers: () => path.callers.page(Date.now()),
    endpoints: () => endpointStates(targets.all(), performance.now()),
    identity: () => ({
      identity: config.identity,
      spiffe: config.spiffe,
      chain: mutualTls.credentials?.chain ?? '',
      trustBundle: mutualTls.credentials?.trustBundle ?? '',
      keyExchanges: metrics.keyExchanges(),
      revoked: {
        serials: mutualTls.revocations.serials.length,
        identities: mutualTls.revocations.identities.length,
      },
    }),
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

/** Beside the bundle: what destination has said of who may come in. */
const KEPT_WORDS = 'words.json.gz';
/** Targets unused for this long are let go of. */
const IDLE_TARGET_MS = 10 * 60_000;

function firstUpdate(ports: InboundPorts): Promise<void> {
  return new Promise((resolve) => {
    const stop = ports.whenUpdated(() => {
      stop();
      resolve();
    });
  });
}

function listenAll(path: DataPath, way: Way, addresses: ProxyConfig['inboundListen']): Promise<Listening[]> {
  return Promise.all(addresses.map((address) => bindEitherFamily(address, (each) => path.listen(way, each))));
}
