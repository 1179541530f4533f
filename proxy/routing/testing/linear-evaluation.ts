import { RE2JS } from 're2js';

import type { Predicate } from '../../../api/predicate.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import type { RequestView } from '../predicate.ts';

/**
 * The place of the first predicate that takes a request, found by trying one after the other in the plainest way; -1:
 * none does. It shares nothing with what it is compared to.
 */
export function firstByTrying(predicates: readonly Predicate[], request: RequestView): number {
  return predicates.findIndex((predicate) => holds(predicate, request));
}

function holds(predicate: Predicate, request: RequestView): boolean {
  if ('all' in predicate) return predicate.all.every((part) => holds(part, request));
  if ('any' in predicate) return predicate.any.some((part) => holds(part, request));
  if ('not' in predicate) return !holds(predicate.not, request);
  if ('method' in predicate) return isMatch(predicate.method, request.method);
  if ('scheme' in predicate) return isMatch(predicate.scheme, request.scheme);
  if ('authority' in predicate)
    return isMatch(predicate.authority, request.authority.toLowerCase().replace(/:[0-9]*$/, ''));
  if ('header' in predicate) {
    const name = predicate.header.toLowerCase();
    const lines = request.fields.filter((_, i) => i % 2 === 1 && request.fields[i - 1]!.toLowerCase() === name);
    return lines.length > 0 && isMatch(predicate.value, decoded(lines.join(name === 'cookie' ? '; ' : ', ')));
  }
  const [path = '', ...rest] = decoded(request.path).split('?');
  if ('query' in predicate) {
    const value = new URLSearchParams(rest.join('?')).get(predicate.query);
    return value !== null && isMatch(predicate.value, value);
  }
  const { exact, prefix, segments, regex, ignoreCase } = predicate.path;
  if (regex !== undefined) return RE2JS.compile(regex).matches(path);
  const fold = (text: string) => (ignoreCase ? text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : text);
  if (exact !== undefined) return fold(path) === fold(exact);
  if (prefix !== undefined) return fold(path).slice(0, prefix.length) === fold(prefix);
  const wanted = fold(segments!).replace(/\/$/, '').split('/');
  return fold(path).split('/').slice(0, wanted.length).join('/') === wanted.join('/');
}

function isMatch(match: StringMatch | undefined, text: string): boolean {
  if (!match) return true;
  if (match.exact !== undefined) return text === match.exact;
  if (match.prefix !== undefined) return text.indexOf(match.prefix) === 0;
  return RE2JS.compile(match.regex!).matches(text);
}

function decoded(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('utf8');
}
