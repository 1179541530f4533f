import type { PathMatch, Predicate } from '../../api/predicate.ts';
import type { StringMatch } from '../../api/string-match.ts';
import { Pattern } from '../../core/regex/pattern.ts';
import { headerValue, hostOf, lowerCase, octetsOf, pathOf, pathTextOf, queryValue, textOf } from './request-parts.ts';

/** What a route looks at, as it came: one character an octet. */
export interface RequestView {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly fields: readonly string[];
}

/** A compiled predicate. Called for each request: it allocates nothing that outlives the call, and throws never. */
export type Matcher = (request: RequestView) => boolean;

/**
 * Compiles a predicate once per update.
 *
 * @throws PatternError when a regular expression cannot be used; translators refuse such a route before it comes here. Error for
 *   a match that this version does not know
 */
export function compilePredicate(predicate: Predicate): Matcher {
  if ('all' in predicate) return compileAll(predicate.all);
  if ('any' in predicate) {
    const parts = predicate.any.map(compilePredicate);
    return (request) => {
      for (let i = 0; i < parts.length; i++) if (parts[i]!(request)) return true;
      return false;
    };
  }
  if ('not' in predicate) {
    const part = compilePredicate(predicate.not);
    return (request) => !part(request);
  }
  if ('method' in predicate) {
    const matches = compileString(predicate.method);
    return (request) => matches(request.method);
  }
  if ('path' in predicate) return compilePath(predicate.path);
  if ('authority' in predicate) {
    const matches = compileString(predicate.authority);
    return (request) => matches(hostOf(request.authority));
  }
  if ('scheme' in predicate) {
    const matches = compileString(predicate.scheme);
    return (request) => matches(request.scheme);
  }
  const matches = predicate.value ? compileString(predicate.value) : () => true;
  if ('query' in predicate) {
    const name = octetsOf(predicate.query);
    return (request) => {
      const value = queryValue(request.path, name);
      return value !== null && matches(value);
    };
  }
  const name = predicate.header.toLowerCase();
  // The engines keep Host and the path apart from the fields.
  if (name === 'host') return (request) => request.authority !== '' && matches(request.authority);
  if (name === ':path') return (request) => matches(request.path);
  return (request) => {
    const value = headerValue(request.fields, name);
    return value !== null && matches(value);
  };
}

/** Compiles predicates that must all hold. */
export function compileAll(predicates: readonly Predicate[]): Matcher {
  const parts = predicates.map(compilePredicate);
  if (parts.length === 1) return parts[0]!;
  return (request) => {
    for (let i = 0; i < parts.length; i++) if (!parts[i]!(request)) return false;
    return true;
  };
}

function compilePath(match: PathMatch): Matcher {
  const { exact, prefix, suffix, segments, regex, ignoreCase = false } = match;
  if (regex !== undefined) {
    const pattern = Pattern.compile(regex);
    return (request) => pattern.matches(pathTextOf(request.path));
  }
  const part = exact ?? prefix ?? suffix ?? (segments === undefined ? undefined : withoutLastSlash(segments));
  if (part === undefined) throw new Error(noMatch(match));
  const wanted = comparable(part, ignoreCase);
  const matches =
    exact !== undefined
      ? (path: string) => path === wanted
      : prefix !== undefined
        ? (path: string) => path.startsWith(wanted)
        : suffix !== undefined
          ? (path: string) => path.endsWith(wanted)
          : (path: string) => path.startsWith(wanted) && isEndOfSegment(path, wanted.length);
  if (ignoreCase) return (request) => matches(lowerCase(pathOf(request.path)));
  return (request) => matches(pathOf(request.path));
}

/** Whether a segment of the path ends before `at`. */
export function isEndOfSegment(path: string, at: number): boolean {
  return path.length === at || path.charCodeAt(at) === SLASH;
}

/** `/a/` and `/a` are the same prefix of segments (Gateway API, `PathPrefix`). */
export function withoutLastSlash(segments: string): string {
  return segments.endsWith('/') ? segments.slice(0, -1) : segments;
}

/** A path of a manifest as it is compared with a request's. */
export function comparable(path: string, ignoreCase: boolean): string {
  return octetsOf(ignoreCase ? lowerCase(path) : path);
}

/**
 * Compiles a match of a text that comes one character an octet.
 *
 * @throws PatternError when its pattern cannot be used; Error for a kind of match that this version does not know
 */
export function compileString(match: StringMatch): (octets: string) => boolean {
  if (match.present) return (octets) => octets !== '';
  if (match.regex !== undefined) {
    const pattern = Pattern.compile(match.regex);
    return (octets) => pattern.matches(textOf(octets));
  }
  const ignoreCase = match.ignoreCase === true;
  const part = match.exact ?? match.prefix ?? match.suffix;
  if (part === undefined) throw new Error(noMatch(match));
  const wanted = comparable(part, ignoreCase);
  const matches =
    match.exact !== undefined
      ? (octets: string) => octets === wanted
      : match.prefix !== undefined
        ? (octets: string) => octets.startsWith(wanted)
        : (octets: string) => octets.endsWith(wanted);
  return ignoreCase ? (octets) => matches(lowerCase(octets)) : matches;
}

/** Under a `not`, what takes nothing would take everything: one that is not known is no match at all. */
function noMatch(match: object): string {
  return `knows no match by ${Object.keys(match).join(', ') || 'nothing'}`;
}

const SLASH = 47;
