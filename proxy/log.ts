/**
 * The proxy's log: JSON lines in pino's form, without pino, which costs 8 to 11 MiB in every pod (docs/adr/0004).
 */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** The least that is logged; `silent` logs nothing. */
export type LogLevel = (typeof LOG_LEVELS)[number];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Writes lines of JSON to standard output, each with pino's number of its level, milliseconds since the epoch and the
 * fields given. `level` may be changed at any time.
 */
export class Log {
  level: LogLevel;

  constructor(level: LogLevel) {
    this.level = level;
  }

  debug(fields: Fields, message: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: Fields, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: Fields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: Fields, message: string): void {
    this.#write('error', fields, message);
  }

  #write(level: LogLevel, fields: Fields, message: string): void {
    const rank = LOG_LEVELS.indexOf(level);
    if (rank < LOG_LEVELS.indexOf(this.level)) return;
    process.stdout.write(
      `${JSON.stringify({ level: (rank + 1) * 10, time: Date.now(), program: 'proxy', ...fields, msg: message })}\n`,
    );
  }
}
