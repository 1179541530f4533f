import { type Logger, pino } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** The least that is logged; `silent` logs nothing. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on standard output, written at once so that nothing is lost when the process dies. */
export function createLog(program: string, level: LogLevel): Logger {
  return pino({ name: program, level, base: { program } }, pino.destination({ fd: 1, sync: true }));
}
