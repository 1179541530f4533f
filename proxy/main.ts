import { ConfigError, EXIT_CONFIG } from '../core/config/environment.ts';
import { awaitReady } from './admin/await-ready.ts';
import { readConfig } from './config.ts';
import { Log } from './log.ts';
import { startProxy } from './proxy.ts';

/**
 * The proxy. `proxy` runs it; `proxy await` blocks until the proxy of this pod is ready (postStart hook of an ordinary
 * container, so that the application starts after it).
 */
async function main(): Promise<void> {
  if (process.argv[2] === 'await') return awaitReady();
  const config = readConfig(process.env);
  const log = new Log(config.logLevel);
  let ending = false;
  const end = (why: string) => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'shutting down');
    void proxy.drain().then(() => process.exit(0));
  };
  const proxy = await startProxy(config, log, () => end('asked on the admin port'));
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
}

main().catch((error: Error) => {
  process.stderr.write(`weft proxy: ${error.message}\n`);
  process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
});
