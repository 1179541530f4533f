import type { Predicate } from '../../api/predicate.ts';
import type { StringMatch } from '../../api/string-match.ts';
import { Pattern } from '../../core/regex/pattern.ts';
import type { Problem } from './problem.ts';

/**
 * Why no path of a request can be so, as the rest of a sentence; null: one may be.
 *
 * @param match its pattern compiles
 * @param written as its author has it
 */
export function vainPath(match: StringMatch, written = textOf(match)): string | null {
  const { exact, prefix, regex } = match;
  const mayBegin = (text: string) =>
    regex === undefined ? (exact ?? prefix!).startsWith(text) : Pattern.compile(regex).mayBeginWith(text);
  // `OPTIONS *` is the one request whose path begins otherwise (RFC 9112 section 3.2.4).
  if (mayBegin('/') || mayBegin('*')) return null;
  return `"${written}" takes no path: each begins with "/"`;
}

/** As {@link vainPath} of methods, which are told apart by case (RFC 9110 section 9.1). */
export function vainMethod(match: StringMatch): string | null {
  const { exact, prefix, regex } = match;
  const pattern = regex === undefined ? null : Pattern.compile(regex);
  const takes = (method: string) =>
    pattern ? pattern.matches(method) : exact === undefined ? method.startsWith(prefix!) : method === exact;
  const written = textOf(match);
  const isMeant = METHODS.some((method) => takes(method.toLowerCase()) || method === written.toUpperCase());
  if (!isMeant || METHODS.some(takes)) return null;
  return `"${written}" takes no request: methods are in capitals; write ${written.toUpperCase()}`;
}

function textOf({ exact, prefix, regex }: StringMatch): string {
  return exact ?? prefix ?? regex!;
}

/**
 * Matches of an object of which the first that takes a request counts, so that one takes none where an earlier one says the
 * same; or, where they count as they are written, where an earlier one asks for a single thing that it asks for too.
 */
export class MatchesSeen {
  readonly #places = new Map<string, string>();
  readonly #byOrder: boolean;

  /** @param order `precise`: what asks for more comes first, wherever it is written */
  constructor(order: 'written' | 'precise') {
    this.#byOrder = order === 'written';
  }

  /**
   * Notes the match at `path` where it takes nothing.
   *
   * @param rest what else of it tells matches apart, in JSON
   */
  note(path: string, when: Predicate, rest: unknown, problems: Problem[]): void {
    const parts = ('all' in when ? when.all : [when]).map((part) => JSON.stringify(part)).sort();
    const placeOf = (some: readonly string[]) => this.#places.get(JSON.stringify([some, rest]));
    const same = placeOf(parts);
    const wider = this.#byOrder ? parts.map((part) => placeOf([part])).find((place) => place !== undefined) : undefined;
    const warn = (message: string) =>
      problems.push({ path, message: `takes nothing: ${message}`, severity: 'warning' });
    if (same !== undefined) warn(`${same} says the same and comes first`);
    else if (wider !== undefined) warn(`${wider} takes all that it would, and comes first`);
    if (same === undefined) this.#places.set(JSON.stringify([parts, rest]), path);
  }
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
