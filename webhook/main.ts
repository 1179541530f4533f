import { ConfigError, EXIT_CONFIG } from '../core/config/environment.ts';
import { errorMessage, WeftError } from '../core/errors/weft-error.ts';
import { createLog } from '../core/log/log.ts';
import { readConfig } from './config.ts';
import { startWebhook } from './webhook.ts';

/** Runs the webhook until SIGTERM or SIGINT. Exit codes: 0 asked to end, 1 could not start, 64 wrong configuration. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog('webhook', config.logLevel);
  try {
    const webhook = await startWebhook(config, log);
    log.info({ address: webhook.address, admin: webhook.admin }, 'ready');
    await new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
    log.info('draining');
    await webhook.close();
    log.info('stopped');
    process.exit(0);
  } catch (error) {
    const { code, hint } = error instanceof WeftError ? error : { code: 'unexpected', hint: '' };
    log.fatal({ reason: code, ...(hint ? { hint } : {}) }, `the webhook cannot start: ${errorMessage(error)}`);
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
});
