import { ConfigError, EXIT_CONFIG } from '../config/environment.ts';
import { errorMessage, WeftError } from '../errors/weft-error.ts';
import { createLog, type Logger, type LogLevel } from '../log/log.ts';

/** A program as it runs. */
export interface RunningProgram {
  /** `host:port` of its service, as bound. */
  readonly address: string;
  /** The same of its admin port. */
  readonly admin: string;
  /** Ends what is under way and closes everything. */
  close(): Promise<void>;
}

/**
 * Runs a program until SIGTERM or SIGINT, which ends it at once while it still starts, and ends the process. Exit codes: 0 asked to end, 1 could not start, 64 wrong
 * configuration (BSD sysexits). Logs `ready` with both addresses, `draining` and `stopped`.
 *
 * @param readConfig may throw ConfigError, whose message names every variable that is wrong
 */
export async function runProgram<C extends { readonly logLevel: LogLevel }>(
  name: string,
  readConfig: (environment: NodeJS.ProcessEnv) => C,
  start: (config: C, log: Logger) => Promise<RunningProgram>,
): Promise<void> {
  const config = configOf(readConfig);
  const log = createLog(name, config.logLevel);
  let program: RunningProgram | null = null;
  const asked = new Promise<string>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  // As a container's first process it gets no signal that it does not listen for: also while it starts.
  void asked.then((signal) => {
    log.info({ signal }, 'draining');
    if (!program) process.exit(0);
  });
  try {
    program = await start(config, log);
  } catch (error) {
    const { code, hint } = error instanceof WeftError ? error : { code: 'unexpected', hint: '' };
    log.fatal({ reason: code, ...(hint ? { hint } : {}) }, `${name} cannot start: ${errorMessage(error)}`);
    process.exit(1);
  }
  log.info({ address: program.address, admin: program.admin }, 'ready');
  await asked;
  await program.close();
  log.info('stopped');
  process.exit(0);
}

function configOf<C>(readConfig: (environment: NodeJS.ProcessEnv) => C): C {
  try {
    return readConfig(process.env);
  } catch (error) {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
  }
}
