import { hostname } from 'node:os';

import { ConfigError, EXIT_CONFIG } from '../core/config/environment.ts';
import { ApiClient } from '../core/kubernetes/api-client.ts';
import { createLog, type Logger } from '../core/log/log.ts';
import { systemClock } from '../core/time/clock.ts';
import { type DestinationConfig, readConfig } from './config.ts';
import { Destination } from './destination.ts';
import { Reports } from './objects/reports.ts';
import { Metrics } from './server/metrics.ts';
import type { VerdictWriter } from './status/status-keeper.ts';
import { StatusWriter } from './status/status-writer.ts';
import { EventWriter } from './watch/events.ts';
import { FolderSource } from './watch/folder.ts';
import { KubernetesSource } from './watch/kubernetes.ts';
import type { Source } from './watch/source.ts';

/** Runs destination until SIGTERM or SIGINT. Exit code 64: the environment is wrong; 1: it could not start. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog('destination', config.logLevel);
  const reports = new Reports();
  const metrics = new Metrics();
  try {
    const origin = await openSource(config, { reports, metrics, log });
    const destination = new Destination({ config, ...origin, reports, metrics, log });
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => void shutDown(destination, signal, log));
    log.info(await destination.start(), 'ready');
  } catch (error) {
    log.error(error, 'destination cannot start');
    process.exit(1);
  }
}

/** A cluster's faults become Events and conditions of status too; those of a folder are logged alone. */
async function openSource(
  config: DestinationConfig,
  { reports, metrics, log }: { reports: Reports; metrics: Metrics; log: Logger },
): Promise<{ source: Source; verdictWriter?: VerdictWriter }> {
  if (config.source === 'folder') return { source: new FolderSource(config.folders, reports) };
  const client = await ApiClient.fromCluster();
  const events = new EventWriter({
    client,
    clock: systemClock,
    instance: hostname(),
    observer: {
      onWritten: () => {
        metrics.eventsWritten.inc();
      },
      onDropped: (reason) => {
        metrics.eventsDropped.inc();
        log.debug({ reason }, 'an Event is left out');
      },
    },
  });
  reports.onNew((report) => void events.write(report));
  const onProblem = (message: string) => log.warn({ message }, 'trouble with the API server');
  const source = new KubernetesSource({ client, reports, onProblem });
  return { source, verdictWriter: new StatusWriter(client, onProblem) };
}

async function shutDown(destination: Destination, signal: string, log: Logger): Promise<void> {
  log.info({ signal }, 'draining');
  await destination.stop();
  log.info('stopped');
  process.exit(0);
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
});
