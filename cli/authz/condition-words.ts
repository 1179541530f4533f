import type { AccessCondition } from '../../api/access-policy.ts';
import type { PathMatch, Predicate } from '../../api/predicate.ts';
import type { StringMatch } from '../../api/string-match.ts';

/** What an access rule asks for, in a line: `namespace default and path /api/*`. */
export function conditionWords(condition: AccessCondition): string {
  if ('request' in condition) return predicateWords(condition.request);
  if ('all' in condition) return allOf(condition.all.map(conditionWords));
  if ('any' in condition) return anyOf(condition.any.map(conditionWords));
  if ('not' in condition) return negated(conditionWords(condition.not));
  if ('client' in condition) return `${condition.client} ${stringWords(condition.value)}`;
  if ('address' in condition) return `address ${condition.address.join(' or ')}`;
  if ('forwardedAddress' in condition) return `forwarded address ${condition.forwardedAddress.join(' or ')}`;
  if ('ports' in condition) return `port ${condition.ports.join(' or ')}`;
  if ('portRanges' in condition)
    return `port ${condition.portRanges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(' or ')}`;
  if ('token' in condition)
    return `token ${[condition.token, ...(condition.claim ?? [])].join('.')} ${stringWords(condition.value)}`;
  return `TLS server name ${stringWords(condition.serverName)}`;
}

/** Which requests a route takes, in a line. */
export function predicateWords(predicate: Predicate): string {
  if ('all' in predicate) return allOf(predicate.all.map(predicateWords));
  if ('any' in predicate) return anyOf(predicate.any.map(predicateWords));
  if ('not' in predicate) return negated(predicateWords(predicate.not));
  if ('method' in predicate) return `method ${stringWords(predicate.method)}`;
  if ('path' in predicate) return `path ${pathWords(predicate.path)}`;
  if ('authority' in predicate) return `host ${stringWords(predicate.authority)}`;
  if ('scheme' in predicate) return `scheme ${stringWords(predicate.scheme)}`;
  const [kind, name] = 'header' in predicate ? ['header', predicate.header] : ['query', predicate.query];
  return `${kind} ${name} ${predicate.value ? stringWords(predicate.value) : 'is there'}`;
}

function allOf(parts: readonly string[]): string {
  const said = parts.filter((part) => part !== ANYTHING);
  return said.length === 0 ? ANYTHING : [...new Set(said)].map((part) => grouped(part, said.length)).join(' and ');
}

function anyOf(parts: readonly string[]): string {
  if (parts.length === 0) return 'nothing';
  if (parts.includes(ANYTHING)) return ANYTHING;
  const said = [...new Set(parts)];
  const [head] = said.map(headOf);
  const isOfOne = said.every((part) => headOf(part) === head && !/[()]| and | or /.test(part));
  return isOfOne ? head + said.map((part) => part.slice(head!.length)).join(' or ') : said.join(' or ');
}

/** `method ` of `method GET`. */
function headOf(part: string): string {
  return part.slice(0, part.lastIndexOf(' ') + 1);
}

/** What says "or" is one thing among several. */
function grouped(part: string, among: number): string {
  return among > 1 && part.includes(' or ') ? `(${part})` : part;
}

function negated(part: string): string {
  return part === ANYTHING ? 'nothing' : `not (${part})`;
}

function stringWords({ exact, prefix, suffix, present, regex, ignoreCase }: StringMatch): string {
  if (present) return '*';
  if (regex !== undefined) return `~ ${regex}`;
  const text = exact ?? (prefix !== undefined ? `${prefix}*` : `*${suffix}`);
  return ignoreCase ? `${text} (of either case)` : text;
}

function pathWords({ exact, prefix, suffix, segments, regex, ignoreCase }: PathMatch): string {
  if (segments !== undefined) return `${segments} and below`;
  return stringWords({
    ...(exact !== undefined && { exact }),
    ...(prefix !== undefined && { prefix }),
    ...(suffix !== undefined && { suffix }),
    ...(regex !== undefined && { regex }),
    ...(ignoreCase && { ignoreCase }),
  });
}

const ANYTHING = 'anything';
