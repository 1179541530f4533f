import type { AccessCondition } from '../../../api/access-policy.ts';
import type { Predicate } from '../../../api/predicate.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import { IpNetworks } from '../../../core/config/ip-networks.ts';
import { type AuthorizationRule, type Demand, HTTP_ONLY, OF_TOKENS } from '../../objects/istio/authorization-policy.ts';
import { isPathTemplate, pathTemplateRegex, quoted } from '../../objects/istio/path-template.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';

/** For what pod a rule is translated, and whether tokens of its requests are looked at. */
export interface Subject {
  readonly pod: Pod;
  readonly looksAtTokens: boolean;
}

/** What a rule takes of requests. */
export function conditionOf({ from, to, when }: AuthorizationRule, subject: Subject): AccessCondition {
  const alternatives = (entries: AuthorizationRule['from']): AccessCondition[] =>
    entries.length === 0
      ? []
      : [anyOf(entries.map((demands) => allOf(demands.flatMap((each) => partsOf(each, subject)))))];
  return allOf([...alternatives(from), ...alternatives(to), ...when.flatMap((each) => partsOf(each, subject))]);
}

/**
 * What a rule takes of connections whose requests nobody sees; null: none; undefined: what it takes of requests. A rule that
 * lets in takes none where it speaks of requests at all; of one that refuses that part is left out, so that it refuses more.
 *
 * Source: AuthorizationPolicy, "HTTP-only fields on TCP ports"; istio `pilot/pkg/security/authz/model`.
 */
export function octetsConditionOf(
  rule: AuthorizationRule,
  subject: Subject,
  action: 'ALLOW' | 'DENY' | 'AUDIT',
): AccessCondition | null | undefined {
  const { from, to, when } = rule;
  const isHttp = ({ attribute }: Demand) => HTTP_ONLY.has(attribute);
  if (![...from.flat(), ...to.flat(), ...when].some(isHttp)) return undefined;
  if (action === 'ALLOW') return null;
  const rest = (demands: readonly Demand[]) => demands.filter((each) => !isHttp(each));
  return conditionOf({ ...rule, from: from.map(rest), to: to.map(rest), when: rest(when) }, subject);
}

/** One of the values, and none of the others. */
function partsOf({ attribute, names, values, notValues }: Demand, subject: Subject): AccessCondition[] {
  const one = (value: string) => attributeIs(attribute, names, value, subject);
  return [
    ...(values.length > 0 ? [anyOf(values.map(one))] : []),
    ...(notValues.length > 0 ? [{ not: anyOf(notValues.map(one)) }] : []),
  ];
}

function attributeIs(
  attribute: Demand['attribute'],
  names: readonly string[],
  value: string,
  { pod, looksAtTokens }: Subject,
): AccessCondition {
  const [name = ''] = names;
  // Where none is looked at, none has proved anything.
  if (OF_TOKENS.has(attribute) && !looksAtTokens) return NEVER;
  switch (attribute) {
    case 'source.ip':
      return { address: [value] };
    case 'remote.ip':
      return { forwardedAddress: [value] };
    case 'source.namespace':
      return { client: 'namespace', value: globMatch(value) };
    case 'source.principal':
      return { client: 'principal', value: stringMatch(value) };
    case 'source.trustDomain':
      return { client: 'trustDomain', value: stringMatch(value) };
    case 'source.serviceAccount': {
      const [namespace = '', account = ''] = value.split('/');
      return {
        all: [
          { client: 'namespace', value: { exact: namespace } },
          { client: 'serviceAccount', value: { exact: account } },
        ],
      };
    }
    case 'destination.port':
      return { ports: [Number(value)] };
    case 'destination.ip': {
      const networks = new IpNetworks([value]);
      return pod.ips.some((ip) => networks.has(ip)) ? ALWAYS : NEVER;
    }
    case 'connection.sni':
      return { serverName: stringMatch(value) };
    case 'request.headers':
      return { request: { header: name.toLowerCase(), value: stringMatch(value) } };
    case 'host':
      return { request: hostIs(value) };
    case 'method':
      return { request: { method: stringMatch(value) } };
    case 'path':
      return { request: { path: isPathTemplate(value) ? { regex: pathTemplateRegex(value) } : pathMatch(value) } };
    case 'request.auth.principal':
      return { token: 'principal', value: stringMatch(value) };
    case 'request.auth.audiences':
      return { token: 'audiences', value: stringMatch(value) };
    case 'request.auth.presenter':
      return { token: 'presenter', value: stringMatch(value) };
    case 'request.auth.claims':
      return { token: 'claims', claim: names, value: stringMatch(value) };
  }
}

/** `abc`, `abc*`, `*abc`, or `*`: anything that is there. Anywhere else the asterisk stands for itself. */
function stringMatch(value: string): StringMatch {
  if (value === '*') return { present: true };
  if (value.startsWith('*')) return { suffix: value.slice(1) };
  if (value.endsWith('*')) return { prefix: value.slice(0, -1) };
  return { exact: value };
}

/** As {@link stringMatch}, with asterisks anywhere. */
function globMatch(value: string): StringMatch {
  if (!value.slice(1, -1).includes('*') && !(value.length > 1 && value.startsWith('*') && value.endsWith('*')))
    return stringMatch(value);
  return { regex: value.split('*').map(quoted).join('(?s:.*)') };
}

function pathMatch(value: string) {
  const { present, ...match } = stringMatch(value);
  return present ? { prefix: '' } : match;
}

/** Whatever the case, and however it is written: with the port or a dot at its end, or without. */
function hostIs(value: string): Predicate {
  const match = stringMatch(value.toLowerCase());
  if (match.present) return { header: 'host', value: match };
  const absolute = match.exact ?? match.suffix;
  const forms: Predicate[] = [{ header: 'host', value: { ...match, ignoreCase: true } }, { authority: match }];
  const field = match.exact === undefined ? 'suffix' : 'exact';
  return { any: absolute === undefined ? forms : [...forms, { authority: { [field]: `${absolute}.` } }] };
}

function allOf(parts: readonly AccessCondition[]): AccessCondition {
  return parts.length === 1 ? parts[0]! : { all: parts };
}

function anyOf(parts: readonly AccessCondition[]): AccessCondition {
  return parts.length === 1 ? parts[0]! : { any: parts };
}

const ALWAYS: AccessCondition = { all: [] };
const NEVER: AccessCondition = { any: [] };
