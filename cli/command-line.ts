import { type ParseArgsConfig, parseArgs } from 'node:util';

import { Fault, type Kind } from '../core/config/environment.ts';
import { nearestName } from '../webhook/inject/nearest-name.ts';
import { UsageError } from './command.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Reads the arguments of a command: its options, and exactly as many words as it wants.
 *
 * @param command for messages, `install`
 * @param words what the words are called, `METHOD`, `URL`; none: it takes options alone
 * @throws UsageError that names what is wrong, and the option that may have been meant
 */
export function readArguments<const O extends Options>(
  command: string,
  args: readonly string[],
  options: O,
  words: readonly string[] = [],
): ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>> {
  const help = `weft ${command} --help explains it`;
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    const given = parsed.positionals;
    if (given.length < words.length)
      throw new UsageError(`weft ${command} wants ${words.slice(given.length).join(' and ')}`, help);
    if (given.length > words.length)
      throw new UsageError(`weft ${command} does not expect "${given[words.length]}"`, help);
    return parsed;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as Error & { code?: string };
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new UsageError(`weft ${command}: ${message}`, help);
    const option = /'(-[^']*)'/.exec(message)?.[1] ?? '';
    const meant = nearestName(option.replace(/^-+/, ''), Object.keys(options));
    throw new UsageError(
      `weft ${command} has no option ${option}`,
      meant === null ? help : `did you mean --${meant}? ${help}`,
    );
  }
}

/** The value of an option. @param option as it is written, `--image` @throws UsageError that says what would be right */
export function readValue<T>(option: string, text: string, kind: Kind<T>): T {
  const value = kind.parse(text);
  if (value instanceof Fault) throw new UsageError(`${option} ${value.sentence}`);
  return value;
}
