/** An error that an operator reads: a stable code, what failed, why, and what to do next. */
export class WeftError extends Error {
  /** Snake-case token that never changes, shared by log, metric and test. */
  readonly code: string;
  /** What to do next; empty when the message says it. */
  readonly hint: string;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WeftError';
    this.code = code;
    this.hint = options.hint ?? '';
  }
}

/** The message of anything thrown, which need not be an Error. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
