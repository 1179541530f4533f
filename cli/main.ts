import { WeftError } from '../core/errors/weft-error.ts';
import { nearestName } from '../webhook/inject/nearest-name.ts';
import { UsageError } from './command.ts';
import { COMMANDS } from './command-list.ts';
import { version } from './commands/version.ts';
import { fileError, isFileError } from './file-error.ts';

/** `weft COMMAND`: one file per command under `commands/`. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    process.stdout.write(usage());
    return name === undefined ? EXIT_USAGE : 0;
  }
  if (name === '--version') return version.run(rest);
  if (name === 'help') return main([...rest, '--help']);
  const command = COMMANDS.find((each) => each.name === name);
  if (!command) throw unknownCommand(name);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

function unknownCommand(name: string): UsageError {
  const meant = nearestName(
    name,
    COMMANDS.map((each) => each.name),
  );
  const what = name.startsWith('-') ? `there is no option ${name} before a command` : `there is no command "${name}"`;
  return new UsageError(what, `${meant === null ? '' : `did you mean "weft ${meant}"? `}weft --help lists them`);
}

function usage(): string {
  const rows = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `usage: weft COMMAND [options]\n\n${rows.join('\n')}\n\nweft COMMAND --help, or weft help COMMAND, explains one; weft --version prints the version.\n`;
}

/** sysexits EX_USAGE. */
const EXIT_USAGE = 64;

/** Ends when what was printed has been taken: a pipe takes 64 KiB at once, and manifests are more. */
function end(code: number): void {
  process.stdout.write('', () => {
    if (process.stdout.errored) onLost(process.stdout.errored);
    else process.stderr.write('', () => process.exit(code));
  });
}

/** What was printed could not be written. */
function onLost(error: NodeJS.ErrnoException): void {
  // Whoever reads has read enough: `weft install | head`.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`weft: cannot print: ${error.message}\n`, () => process.exit(1));
}

process.stdout.on('error', onLost);

main(process.argv.slice(2)).then(end, (thrown: Error) => {
  const error = isFileError(thrown) ? fileError(thrown) : thrown;
  const hint = error instanceof WeftError ? error.hint : '';
  process.stderr.write(`weft: ${error.message}\n${hint ? `hint: ${hint}\n` : ''}`);
  end(error instanceof UsageError ? EXIT_USAGE : 1);
});
