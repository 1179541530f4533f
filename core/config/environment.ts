/** What is wrong with a text: a sentence that follows the name of what it was given for. */
export class Fault {
  readonly sentence: string;

  constructor(sentence: string) {
    this.sentence = sentence;
  }
}

/** A kind of text that a setting may have. */
export interface Kind<T> {
  /** For users: `duration`, `host:port`, `auto, enabled or disabled`. */
  readonly name: string;
  readonly parse: (text: string) => T | Fault;
}

/** A variable of a program's environment. */
export interface Setting<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  /** Text that counts when the variable is unset or empty; `$(NAME)` is another setting's text. null: it must be set. */
  readonly fallback: string | null;
  /** For users: what it is for, in a sentence. */
  readonly meaning: string;
}

/**
 * Declares a variable. @param fallback text that an unset or empty one has; null: it must be set @param meaning a
 * sentence for the reference
 */
export function setting<T>(name: string, kind: Kind<T>, fallback: string | null, meaning: string): Setting<T> {
  return { name, kind, fallback, meaning };
}

/** The environment of one program, from which its configuration is read and its page of the reference is made. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** What {@link readEnvironment} makes of settings: each key with the type that its kind parses to. */
export type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * Reads a program's settings and collects every problem before anything fails. Only a program's `config.ts` calls it;
 * nothing else reads `process.env`.
 *
 * @param check looks at values together and names problems; what could not be read is absent
 * @throws ConfigError naming every problem
 */
export function readEnvironment<S extends Settings>(
  settings: S,
  variables: Readonly<Record<string, string | undefined>>,
  check: (values: Partial<Values<S>>, problem: (key: keyof S, sentence: string) => void) => void = () => {},
): Values<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, { name, kind }] of Object.entries(settings)) {
    const text = textOf(name, settings, variables);
    const value = text === null ? new Fault('is not set') : kind.parse(text);
    if (value instanceof Fault) problems.push(`${name} ${value.sentence}`);
    else values[key] = value;
  }
  check(values as Partial<Values<S>>, (key, sentence) => problems.push(`${settings[key]!.name} ${sentence}`));
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Values<S>;
}

function textOf(
  name: string,
  settings: Settings,
  variables: Readonly<Record<string, string | undefined>>,
): string | null {
  if (variables[name]) return variables[name];
  const fallback = Object.values(settings).find((each) => each.name === name)?.fallback ?? null;
  return fallback?.replace(/\$\((\w+)\)/g, (_, other) => textOf(other, settings, variables) ?? '') ?? null;
}

/** The environment is wrong: exit with {@link EXIT_CONFIG}. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is wrong:\n  ${problems.join('\n  ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Exit code of a program whose configuration is wrong (sysexits `EX_USAGE`, as linkerd2-proxy's). */
export const EXIT_CONFIG = 64;
