import { parseDuration } from './duration.ts';
import { PortRanges } from './port-ranges.ts';
import { parseSocketAddress, type SocketAddress } from './socket-address.ts';

/**
 * Reads a program's settings from its environment and collects every problem before anything fails.
 *
 * Only a program's `config.ts` makes one; nothing else reads `process.env`.
 */
export class Environment {
  readonly #variables: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(variables: Readonly<Record<string, string | undefined>>) {
    this.#variables = variables;
  }

  /** The text, `fallback` when unset or empty, or a problem when there is no fallback. */
  text(name: string, fallback?: string): string {
    const value = this.#variables[name];
    if (value !== undefined && value !== '') return value;
    if (fallback === undefined) this.problem(name, 'is not set');
    return fallback ?? '';
  }

  /** Milliseconds. */
  duration(name: string, fallbackMs: number): number {
    return this.#parsed(name, fallbackMs, parseDuration, 'is no duration such as 300ms, 10s or 24h');
  }

  integer(name: string, fallback: number, range: { min: number; max: number }): number {
    const parse = (text: string) => (/^\d+$/.test(text) && +text >= range.min && +text <= range.max ? +text : null);
    return this.#parsed(name, fallback, parse, `is no whole number from ${range.min} to ${range.max}`);
  }

  /** Comma-separated, without white space around the entries. */
  list(name: string, fallback: readonly string[] = []): readonly string[] {
    const text = this.text(name, '');
    return text === ''
      ? fallback
      : text
          .split(',')
          .map((entry) => entry.trim())
          .filter((entry) => entry !== '');
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const parse = (text: string) => allowed.find((value) => value === text) ?? null;
    return this.#parsed(name, fallback, parse, `is none of ${allowed.join(', ')}`);
  }

  /** `host:port`; without a fallback an unset variable is a problem. */
  address(name: string, fallback?: string): SocketAddress {
    const text = this.text(name, fallback);
    const address = parseSocketAddress(text);
    if (!address && text !== '') this.problem(name, `"${text}" is no host:port`);
    return address ?? { host: '', port: 0 };
  }

  /** A comma list of `host:port`. */
  addresses(name: string, fallback: string): readonly SocketAddress[] {
    const found: SocketAddress[] = [];
    for (const entry of this.list(name, fallback === '' ? [] : fallback.split(','))) {
      const address = parseSocketAddress(entry);
      if (address) found.push(address);
      else this.problem(name, `"${entry}" is no host:port`);
    }
    return found;
  }

  ports(name: string, fallback: string): PortRanges {
    const parsed = PortRanges.parse(this.text(name, fallback));
    if (typeof parsed !== 'string') return parsed;
    this.problem(name, parsed);
    return PortRanges.EMPTY;
  }

  /** Notes a problem with a variable. */
  problem(name: string, sentence: string): void {
    this.#problems.push(`${name} ${sentence}`);
  }

  /** Throws one {@link ConfigError} naming every problem, if there is any. */
  check(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #parsed<T>(name: string, fallback: T, parse: (text: string) => T | null, complaint: string): T {
    const text = this.#variables[name];
    if (text === undefined || text === '') return fallback;
    const value = parse(text);
    if (value === null) this.problem(name, `"${text}" ${complaint}`);
    return value ?? fallback;
  }
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
