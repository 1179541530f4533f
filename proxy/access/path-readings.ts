import { escapedOctet } from '../routing/request-parts.ts';

/**
 * How paths are read where policies look at them. The path that a request is judged by is the one that the application gets:
 * normalised ({@link normalTarget}). Applications that read it more leniently than that are thought of as well: a request has
 * to be let in by each of its {@link otherReadings}.
 *
 * Source: RFC 3986 sections 5.2.4 and 6.2.2; Istio's path normalisation, `BASE`.
 */

/**
 * A request's target with its path in normal form: escapes of unreserved characters undone, backslashes turned round, segments
 * `.` and `..` removed. The query stays as it is. Paths that are in that form already, and targets that are none (`*`), are
 * returned as they are.
 *
 * @returns null: an octet 0 or a fragment, which no client may send and servers take for an end
 */
export function normalTarget(target: string): string | null {
  if (!target.startsWith('/')) return target;
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (path.includes('\0') || path.includes('#') || path.includes('%00')) return null;
  if (!ODD.test(path)) return target;
  const plain = path.replace(ESCAPE, (code) => {
    const character = escapedOctet(code);
    return UNRESERVED.test(character) ? character : code;
  });
  const normal = withoutDots(plain.replaceAll('\\', '/'));
  return query < 0 ? normal : normal + target.slice(query);
}

/**
 * What servers may make of a path in normal form that are more lenient: that undo every escape, take several slashes for one,
 * or leave out parameters of segments (`;a=b`).
 *
 * @param target as {@link normalTarget} returns it
 * @returns targets, without the one that is given; most requests have none
 */
export function otherReadings(target: string): readonly string[] {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (!target.startsWith('/') || !AMBIGUOUS.test(path)) return NONE;
  const rest = query < 0 ? '' : target.slice(query);
  const variants = new Set(readingsOf(path));
  // What begins with two slashes names a host first, to who reads a URL in it (RFC 3986 section 4.2).
  if (path.startsWith('//')) for (const each of readingsOf(path.replace(AUTHORITY, '') || '/')) variants.add(each);
  variants.delete(path);
  return [...variants].map((reading) => reading + rest);
}

/** A path as it is and as more lenient servers read it. */
function readingsOf(path: string): string[] {
  const plain = undone(path);
  const readings = [path, plain, withoutDots(plain), merged(plain), path.replace(SLASHES, '/')];
  if (path.includes(';')) readings.push(merged(undone(path.replace(PARAMETERS, ''))));
  const end = path.search(END);
  if (end >= 0) readings.push(merged(undone(path.slice(0, end))));
  return readings;
}

/** Several slashes as one, and then without dots. */
function merged(plain: string): string {
  return withoutDots(plain.replace(SLASHES, '/'));
}

/** Every escape undone but that of a question mark, which would look like the end of the path. */
function undone(path: string): string {
  return path.replace(ESCAPE, (code) => (/^%3f$/i.test(code) ? code : escapedOctet(code))).replaceAll('\\', '/');
}

/** RFC 3986 section 5.2.4. What would lead above the root ends there. */
function withoutDots(path: string): string {
  if (!DOT_SEGMENT.test(path)) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (isLast) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/** Something that a normal path may not have. */
const ODD = /[%\\]|\/\.{1,2}(\/|$)/;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;
/** RFC 3986 section 2.3. */
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const DOT_SEGMENT = /\/\.{1,2}(\/|$)/;
const AMBIGUOUS = /[%;]|\/\//;
const SLASHES = /\/{2,}/g;
const PARAMETERS = /;[^/]*/g;
/** An escaped question mark or hash, at which a path ends once it is undone. */
const END = /%3f|%23/i;
const AUTHORITY = /^\/{2,}[^/]*/;
const NONE: readonly string[] = [];
