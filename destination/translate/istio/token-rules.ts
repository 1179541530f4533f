import type { AccessLayer } from '../../../api/access-policy.ts';
import type { TokenRule } from '../../../api/request-authentication.ts';
import type { JwtRule, RequestAuthentication } from '../../objects/istio/request-authentication.ts';
import { selectsWorkload } from '../../objects/istio/workload-selector.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry, Mesh } from '../inquiry.ts';
import { rootNamespaces } from './root-namespaces.ts';

/**
 * How tokens of a pod's requests are checked: by the rules of all RequestAuthentications that select it, of its namespace and of
 * the root namespaces. They add up; where several take a token, the narrowest says what the application gets of it, and of those
 * of one scope the oldest.
 */
export function tokenRulesOf(inquiry: Inquiry, pod: Pod): TokenRule[] {
  return selecting(inquiry, pod).flatMap((object) => object.rules.map((rule) => tokenRule(inquiry, object, rule)));
}

/** What refuses everything for those that cannot be read; null: all can. */
export function unreadableLayer(mesh: Mesh, pod: Pod): AccessLayer | null {
  const unreadable = selecting(mesh, pod).filter(({ isStandIn }) => isStandIn);
  if (unreadable.length === 0) return null;
  const origins = unreadable.map((object) => formatRef(refOf(KIND, object)));
  return {
    // Octets have no tokens.
    deny: origins.map((origin) => ({ when: { all: [] }, whenOctets: null, origin })),
    allow: null,
    origin: origins.join(', '),
  };
}

/** Whether any RequestAuthentication says how the tokens of a pod's requests are checked. */
export function looksAtTokens(mesh: Mesh, pod: Pod): boolean {
  return selecting(mesh, pod).some(({ rules }) => rules.length > 0);
}

function selecting({ cluster, domain }: Mesh, pod: Pod): RequestAuthentication[] {
  const roots = rootNamespaces(domain);
  const scope = ({ namespace, selector }: RequestAuthentication) =>
    (roots.includes(namespace) && namespace !== pod.namespace ? 2 : 0) + (selector ? 0 : 1);
  return [...new Set([pod.namespace, ...roots])]
    .flatMap((namespace) => cluster.requestAuthenticationsOf(namespace))
    .filter(({ selector, isForOthers }) => !isForOthers && selectsWorkload(selector, pod.labels))
    .sort((a, b) => scope(a) - scope(b) || byAge(a, b));
}

function tokenRule(inquiry: Inquiry, object: RequestAuthentication, rule: JwtRule): TokenRule {
  const { issuer, audiences, places, payloadHeader, claimHeaders, spaceDelimitedClaims, path } = rule;
  return {
    issuer,
    audiences,
    ...keysOf(inquiry, object, rule),
    places,
    ...(rule.isForwarded && { isForwarded: true as const }),
    ...(payloadHeader !== '' && { payloadHeader }),
    ...(claimHeaders.length > 0 && { claimHeaders }),
    spaceDelimitedClaims,
    origin: formatRef(refOf(KIND, object)),
    path,
  };
}

function keysOf(
  { cluster, complain }: Inquiry,
  object: RequestAuthentication,
  { keys, path, issuer }: JwtRule,
): Pick<TokenRule, 'keys' | 'keysFrom'> {
  if (keys.kind === 'inline') return { keys: keys.keys };
  const fetched = cluster.keysAt(keys.url);
  if (fetched && fetched.fault !== '') {
    const fate = fetched.keys
      ? 'the keys that were got before stay in use'
      : `until then every token of ${issuer} is refused`;
    const field = keys.kind === 'url' ? `${path}.jwksUri` : `${path}.issuer`;
    complain(refOf(KIND, object), field, `the keys of ${keys.url} ${KEYS_ARE_AWAY}: ${fetched.fault}; ${fate}`);
  }
  return { keys: fetched?.keys ?? null, keysFrom: keys.url };
}

/** Words of the complaint about a source of keys, by which it is found in a status. */
export const KEYS_ARE_AWAY = 'cannot be got';

const KIND = 'RequestAuthentication';
