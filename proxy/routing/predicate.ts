import type { PathMatch, Predicate, ResponsePredicate, StringMatch } from '../../api/routing.ts';
import { compilePattern } from './pattern.ts';

/** What a route looks at. */
export interface RequestView {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly fields: readonly string[];
}

export type Matcher = (request: RequestView) => boolean;

/**
 * Compiles a predicate once per update. Regular expressions are RE2: linear in the text, whatever the pattern.
 *
 * @throws when a pattern does not compile; translators refuse such a route before it comes here
 */
export function compilePredicate(predicate: Predicate): Matcher {
  if ('all' in predicate) {
    const parts = predicate.all.map(compilePredicate);
    return (request) => parts.every((part) => part(request));
  }
  if ('any' in predicate) {
    const parts = predicate.any.map(compilePredicate);
    return (request) => parts.some((part) => part(request));
  }
  if ('not' in predicate) {
    const part = compilePredicate(predicate.not);
    return (request) => !part(request);
  }
  if ('method' in predicate) {
    const matches = compileString(predicate.method);
    return (request) => matches(request.method);
  }
  if ('path' in predicate) {
    const matches = compilePath(predicate.path);
    return (request) => matches(withoutQuery(request.path));
  }
  if ('authority' in predicate) {
    const matches = compileString(predicate.authority);
    return (request) => matches(request.authority);
  }
  if ('scheme' in predicate) {
    const matches = compileString(predicate.scheme);
    return (request) => matches(request.scheme);
  }
  if ('query' in predicate) {
    const matches = predicate.value ? compileString(predicate.value) : () => true;
    return (request) => {
      const value = new URLSearchParams(request.path.slice(withoutQuery(request.path).length)).get(predicate.query);
      return value !== null && matches(value);
    };
  }
  const name = predicate.header.toLowerCase();
  const matches = predicate.value ? compileString(predicate.value) : () => true;
  return ({ fields }) => {
    for (let i = 0; i < fields.length; i += 2)
      if (fields[i]!.toLowerCase() === name && matches(fields[i + 1]!)) return true;
    return false;
  };
}

/** Compiles the condition of a response class. */
export function compileResponsePredicate(predicate: ResponsePredicate): (status: number) => boolean {
  if ('all' in predicate) {
    const parts = predicate.all.map(compileResponsePredicate);
    return (status) => parts.every((part) => part(status));
  }
  if ('any' in predicate) {
    const parts = predicate.any.map(compileResponsePredicate);
    return (status) => parts.some((part) => part(status));
  }
  if ('not' in predicate) {
    const part = compileResponsePredicate(predicate.not);
    return (status) => !part(status);
  }
  const { min, max } = predicate.status;
  return (status) => status >= min && status <= max;
}

function compilePath(match: PathMatch): (path: string) => boolean {
  const { segments } = match;
  if (segments === undefined) return compileString(match);
  const prefix = segments.endsWith('/') ? segments.slice(0, -1) : segments;
  return (path) =>
    path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === SLASH);
}

function compileString(match: StringMatch): (text: string) => boolean {
  const { exact, prefix, regex } = match;
  if (exact !== undefined) return (text) => text === exact;
  if (prefix !== undefined) return (text) => text.startsWith(prefix);
  if (regex === undefined) return () => false;
  return compilePattern(regex);
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

const SLASH = 47;
