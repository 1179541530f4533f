import type { AccessCondition, ClientAttribute } from '../../api/access-policy.ts';
import type { TokenAttribute } from '../../api/request-authentication.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import { compilePredicate, compileString, type RequestView } from '../routing/predicate.ts';
import { headerValue } from '../routing/request-parts.ts';
import { type TokenAttributes, tokenValues } from './token-attributes.ts';

/** What is known of somebody who wants in. */
export interface AccessFacts {
  /** What has been proved of the client, all of it empty where nothing has; null: it may yet prove something. */
  readonly client: Readonly<Record<ClientAttribute, string>> | null;
  /** The other end of the connection; null: not known. */
  readonly address: string | null;
  /** Of the pod; null: not known. */
  readonly port: number | null;
  /** What a TLS client asked for; empty: nothing; null: it may yet ask. */
  readonly serverName: string | null;
  /** null: none has come, or none ever will, which the condition of octets is for. */
  readonly request: RequestView | null;
  /** Of the request's token; null: it has none that was found good. Absent: it is not known whether it has. */
  readonly token?: TokenAttributes | null;
}

/** Whether a condition holds; null: that depends on what is not known yet. Throws never. */
export type Condition = (facts: AccessFacts) => boolean | null;

/**
 * Compiles a condition once per update.
 *
 * @throws Error for one that this version does not know, or a pattern that cannot be used: nobody may pass by it
 */
export function compileCondition(condition: AccessCondition): Condition {
  if ('all' in condition) return combined(condition.all.map(compileCondition), false);
  if ('any' in condition) return combined(condition.any.map(compileCondition), true);
  if ('not' in condition) {
    const part = compileCondition(condition.not);
    return (facts) => {
      const holds = part(facts);
      return holds === null ? null : !holds;
    };
  }
  if ('client' in condition) {
    const { client: attribute } = condition;
    if (!ATTRIBUTES.includes(attribute)) throw new Error(`no client has a "${attribute}"`);
    const matches = compileString(condition.value);
    // What is not known is taken by no match, whatever it is.
    return ({ client }) => client && client[attribute] !== '' && matches(client[attribute]);
  }
  if ('address' in condition) {
    const networks = new IpNetworks(condition.address);
    return ({ address }) => (address === null ? null : networks.has(address));
  }
  if ('forwardedAddress' in condition) {
    const networks = new IpNetworks(condition.forwardedAddress);
    return ({ address, request }) => {
      const asked = request && (forwardedBy(request) ?? address);
      return asked === null ? null : networks.has(asked);
    };
  }
  if ('ports' in condition) {
    const { ports } = condition;
    return ({ port }) => (port === null ? null : ports.includes(port));
  }
  if ('portRanges' in condition) {
    const { portRanges } = condition;
    return ({ port }) => (port === null ? null : portRanges.some(([from, to]) => port >= from && port <= to));
  }
  if ('serverName' in condition) {
    const matches = compileString(condition.serverName);
    return ({ serverName }) => (serverName === null ? null : matches(serverName));
  }
  if ('token' in condition) {
    const { token: attribute, claim = [] } = condition;
    if (!TOKEN_ATTRIBUTES.includes(attribute)) throw new Error(`no token has a "${attribute}"`);
    const matches = compileString(condition.value);
    return ({ request, token }) => {
      if (!request || token === undefined) return null;
      return token !== null && tokenValues(token, attribute, claim).some(matches);
    };
  }
  if (!('request' in condition)) throw new Error(`knows no condition ${Object.keys(condition).join(', ')}`);
  const matches = compilePredicate(condition.request);
  return ({ request }) => request && matches(request);
}

/** Holds as the first part that is `decisive`, else as the contrary, unless a part is not known. */
function combined(parts: readonly Condition[], decisive: boolean): Condition {
  if (parts.length === 1) return parts[0]!;
  return (facts) => {
    let isKnown = true;
    for (let i = 0; i < parts.length; i++) {
      const holds = parts[i]!(facts);
      if (holds === decisive) return decisive;
      if (holds === null) isKnown = false;
    }
    return isKnown ? !decisive : null;
  };
}

/** The last address that `X-Forwarded-For` names: whom the last hop before this one had it from. null: it names none. */
function forwardedBy({ fields }: RequestView): string | null {
  const value = headerValue(fields, 'x-forwarded-for');
  if (value === null) return null;
  const last = value.slice(value.lastIndexOf(',') + 1).trim();
  return last === '' ? null : last;
}

const ATTRIBUTES: readonly ClientAttribute[] = ['identity', 'principal', 'namespace', 'serviceAccount', 'trustDomain'];
const TOKEN_ATTRIBUTES: readonly TokenAttribute[] = ['principal', 'presenter', 'audiences', 'claims'];
