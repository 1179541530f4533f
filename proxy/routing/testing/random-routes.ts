import type { Predicate } from '../../../api/predicate.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import type { Random } from '../../../core/testing/random.ts';
import type { RequestView } from '../predicate.ts';

/** Predicates of few words, so that several of a list take the same request; most demand more than one thing. */
export function randomPredicates(random: Random, count: number): Predicate[] {
  return Array.from({ length: count }, () => ({
    all: Array.from({ length: random.pick([1, 2, 2, 3, 4]) }, () => randomPredicate(random, 0)),
  }));
}

function randomPredicate(random: Random, depth: number): Predicate {
  const kind = random.below(depth < 2 ? 22 : 17);
  if (kind < 8) return { path: randomPath(random) };
  if (kind < 10) return { method: { exact: random.pick(METHODS) } };
  if (kind < 13) return randomValue(random, { header: random.pick(HEADERS) });
  if (kind < 15) return randomValue(random, { query: random.pick(PARAMETERS) });
  if (kind < 16) return { authority: randomMatch(random, HOSTS) };
  if (kind < 17) return { scheme: { exact: random.pick(['http', 'https']) } };
  if (kind < 18) return { not: randomPredicate(random, depth + 1) };
  const parts = Array.from({ length: random.below(4) }, () => randomPredicate(random, depth + 1));
  return kind < 21 ? { all: parts } : { any: parts };
}

/** A request that such predicates are about, one character an octet. */
export function randomRequest(random: Random): RequestView {
  const fields: string[] = [];
  for (let i = random.below(5); i > 0; i--) fields.push(random.pick(HEADERS), octets(random.pick(VALUES)));
  let path = randomText(random);
  for (let i = random.below(4), sign = '?'; i > 0; i--, sign = '&')
    path += sign + random.pick(RAW_PARAMETERS) + random.pick(['=', '=', '=', '']) + random.pick(RAW_VALUES);
  return {
    method: random.pick(METHODS),
    path: octets(path),
    authority: random.pick(HOSTS).toUpperCase() + random.pick(['', '', ':', ':80', ':8080']),
    scheme: random.pick(['http', 'https']),
    fields,
  };
}

type PathPredicate = Extract<Predicate, { path: unknown }>['path'];

function randomPath(random: Random): PathPredicate {
  const flags = random.below(5) === 0 ? { ignoreCase: true } : {};
  const kind = random.below(4);
  if (kind === 0) return { exact: randomText(random), ...flags };
  if (kind === 1) return { prefix: randomText(random).slice(0, 1 + random.below(6)), ...flags };
  if (kind === 2) return { segments: randomText(random), ...flags };
  let regex = '';
  for (let i = random.below(4); i >= 0; i--) regex += `/${random.pick(SEGMENT_PATTERNS)}`;
  return { regex };
}

function randomText(random: Random): string {
  let text = '';
  for (let i = random.below(4); i >= 0; i--) text += `/${random.pick(SEGMENTS)}`;
  return text;
}

function randomValue(random: Random, of: { header: string } | { query: string }): Predicate {
  return random.below(4) === 0 ? of : { ...of, value: randomMatch(random, VALUES) };
}

function randomMatch(random: Random, texts: readonly string[]): StringMatch {
  const kind = random.below(4);
  if (kind < 2) return { exact: random.pick(texts) };
  if (kind === 2) return { prefix: random.pick(texts).slice(0, 2) };
  return { regex: random.pick(['.*', '.', '[a-z]+', 'a.*|b.*', '.*é.*', '[^,;]*', '\\[.*\\]', 'v[12]', '(?i)A.*']) };
}

function octets(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const METHODS = ['GET', 'POST', 'PUT'];
const SEGMENTS = ['', 'a', 'a', 'b', 'ab', 'A', 'api', 'API', 'é', 'É', '1', '12', 'a%2Fb'];
const SEGMENT_PATTERNS = [
  'a',
  'b',
  'api',
  '[^/]*',
  '[^/]+',
  '.*',
  '\\d+',
  '(?i:a|api)',
  '(a|b)*',
  '[ab]{1,2}',
  '\\pL+',
  '',
];
const HEADERS = ['x', 'X', 'x-version', 'X-Version', 'cookie', 'Cookie', 'yy'];
const VALUES = ['', 'a', 'b', 'a, b', 'a; b', 'v1', 'v2', 'V1', 'é', 'a b', 'a=b', 'ab', '%'];
const PARAMETERS = ['q', 'Q', 'a b', 'é', ''];
const RAW_PARAMETERS = ['q', 'q', 'Q', 'a+b', 'a%20b', 'é', '%C3%A9', '%c3%a9', '%71', '', '%7'];
const RAW_VALUES = [
  '',
  'a',
  'b',
  'a,+b',
  'a%2C%20b',
  'v1',
  'v2',
  '%76%32',
  'é',
  '%C3%a9',
  'a+b',
  'a=b',
  '%',
  '%zz',
  '%e9',
];
const HOSTS = ['api', 'api.default', 'web', '[fd00::1]', '[::]', 'a', 'ab'];
