import { WeftError } from '../core/errors/weft-error.ts';

/** One verb of the CLI. */
export interface Command {
  readonly name: string;
  /** One line for `weft --help`. */
  readonly summary: string;
  /** The whole text of `weft COMMAND --help`. */
  readonly help: string;
  /** @returns the exit code */
  run(args: readonly string[]): Promise<number>;
}

/** The command line is wrong: exit code 64. */
export class UsageError extends WeftError {
  constructor(message: string, hint = '') {
    super('usage', message, { hint });
    this.name = 'UsageError';
  }
}
