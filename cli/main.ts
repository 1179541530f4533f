import { WeftError } from '../core/errors/weft-error.ts';
import { UsageError } from './command.ts';
import { COMMANDS } from './command-list.ts';

/** `weft COMMAND`: one file per command under `commands/`. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage());
    return name === undefined ? EXIT_USAGE : 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (!command) throw new UsageError(`there is no command "${name}"`, `weft --help lists them`);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

function usage(): string {
  const rows = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `usage: weft COMMAND [options]\n\n${rows.join('\n')}\n\nweft COMMAND --help explains one.\n`;
}

/** sysexits EX_USAGE. */
const EXIT_USAGE = 64;

/** Ends when what was printed has been taken: a pipe takes 64 KiB at once, and manifests are more. */
function end(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

// Whoever reads has read enough: `weft install | head`.
process.stdout.on('error', () => process.exit(0));

main(process.argv.slice(2)).then(end, (error: Error) => {
  const hint = error instanceof WeftError ? error.hint : '';
  process.stderr.write(`weft: ${error.message}\n${hint ? `hint: ${hint}\n` : ''}`);
  const isUsage = error instanceof UsageError || /^ERR_PARSE_ARGS/.test((error as { code?: string }).code ?? '');
  end(isUsage ? EXIT_USAGE : 1);
});
