import { ConfigError, EXIT_CONFIG } from '../core/config/environment.ts';
import { createLog, type Logger } from '../core/log/log.ts';
import { readConfig } from './config.ts';
import { Destination } from './destination.ts';
import { Counters } from './server/metrics.ts';
import { FolderSource } from './watch/folder.ts';
import { Reports } from './watch/reports.ts';

/** Runs destination until SIGTERM or SIGINT. Exit code 64: the environment is wrong; 1: it could not start. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog('destination', config.logLevel);
  const reports = new Reports();
  const counters = new Counters();
  const source = new FolderSource(config.folders, reports);
  const destination = new Destination({ config, source, reports, counters, log });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void shutDown(destination, signal, log));
  try {
    log.info(await destination.start(), 'ready');
  } catch (error) {
    log.error(error, 'destination cannot start');
    process.exit(1);
  }
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
