import type { AccessCondition, AccessRoute, AccessRule } from '../../../api/access-policy.ts';
import type { Predicate } from '../../../api/predicate.ts';
import { dnsIdentity, dnsIdentitySuffix, type IdentityDomain } from '../../../api/workload-identity.ts';
import type { MeshRoute } from '../../objects/gateway-api/mesh-route.ts';
import { selectsLabels } from '../../objects/label-selector.ts';
import type { AuthenticationRef, LinkerdAuthorizationPolicy } from '../../objects/linkerd/authorization-policy.ts';
import type { Network } from '../../objects/linkerd/network-authentication.ts';
import type { Server } from '../../objects/linkerd/server.ts';
import type { ServerAuthorization } from '../../objects/linkerd/server-authorization.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import { bySpecificity, type OrderedMatch } from '../gateway-api/specificity.ts';
import type { Inquiry } from '../inquiry.ts';

/** What lets clients into a Server besides its own `accessPolicy`. */
export interface ServerAccess {
  readonly authorizations: readonly AccessRule[];
  /** Routes that its requests have to be of; null: it has none. */
  readonly routes: readonly AccessRoute[] | null;
}

/**
 * What the objects of Linkerd say of a Server: AuthorizationPolicies for it or its namespace, ServerAuthorizations, and the
 * routes that are attached to it, each with AuthorizationPolicies of its own. They add up.
 *
 * A policy whose reference leads nowhere lets nobody in.
 *
 * Source: https://linkerd.io/2/reference/authorization-policy/
 */
export function serverAccess(inquiry: Inquiry, server: Server): ServerAccess {
  const { cluster } = inquiry;
  const policies = [...cluster.linkerdPoliciesOf(server.namespace)].sort(byAge);
  const ofServer = policies.filter(
    ({ target }) => target.kind === 'Namespace' || (target.kind === 'Server' && target.name === server.name),
  );
  const older = [...cluster.serverAuthorizationsOf(server.namespace)]
    .sort(byAge)
    .filter(({ server: whose }) =>
      'name' in whose ? whose.name === server.name : selectsLabels(whose.selector, server.labels),
    );
  const routes = cluster.serverRoutesOf(server).filter(({ namespace }) => namespace === server.namespace);
  return {
    authorizations: [
      ...ofServer.flatMap((policy) => ruleOf(inquiry, policy) ?? []),
      ...older.map((each) => oldRuleOf(inquiry, each)),
    ],
    // Where one of them cannot be told, nobody knows what a request is of.
    routes:
      routes.length === 0 ? null : routes.some(({ isFaulty }) => isFaulty) ? [] : routesOf(inquiry, routes, policies),
  };
}

function routesOf(
  inquiry: Inquiry,
  routes: readonly MeshRoute[],
  policies: readonly LinkerdAuthorizationPolicy[],
): AccessRoute[] {
  const rules = new Map(
    routes.map((route) => {
      const own = policies.filter(
        ({ target: { kind, group, name } }) => kind === route.kind && group === route.group && name === route.name,
      );
      return [route, own.flatMap((policy) => ruleOf(inquiry, policy) ?? [])];
    }),
  );
  return byHost(bySpecificity([...routes].sort(byAge))).map(
    ({ route, rule, match, hosts }): AccessRoute => ({
      name: route.name,
      when: withHosts(match.when, hosts),
      authorizations: rules.get(route)!,
      origin: formatRef(refOf(route.kind, route)),
      path: rule.path,
    }),
  );
}

/** A match of a route for those of its hosts that are as precise. */
interface MatchOfHosts extends OrderedMatch {
  /** Empty: any. */
  readonly hosts: readonly string[];
}

/**
 * Matches for more precise hosts first: for a name, for a longer `*.`, for any. Equals keep the order that they have.
 *
 * Source: Gateway API, `hostnames` of "HTTPRouteSpec" and "GRPCRouteSpec"; linkerd2-proxy has the same order.
 */
function byHost(matches: readonly OrderedMatch[]): MatchOfHosts[] {
  return matches
    .flatMap((each) => [...hostsByRank(each.route)].map(([rank, hosts]) => ({ ...each, rank, hosts })))
    .sort((a, b) => b.rank - a.rank);
}

function hostsByRank({ hostnames }: MeshRoute): ReadonlyMap<number, readonly string[]> {
  if (hostnames.length === 0) return new Map([[0, []]]);
  return Map.groupBy(hostnames, (host) => (host.startsWith('*.') ? host.length : RANK_OF_NAME));
}

/** The hosts of a route, `*.` for one or more labels, with a final dot or without; none: any. */
function withHosts(when: Predicate, hosts: readonly string[]): Predicate {
  if (hosts.length === 0) return when;
  const forms = hosts.flatMap((host) => [host, `${host}.`]);
  const any = forms.map(
    (host): Predicate => ({ authority: host.startsWith('*.') ? { suffix: host.slice(1) } : { exact: host } }),
  );
  return { all: [{ any }, when] };
}

/** null: something that it requires is not there, so that it lets nobody in. */
function ruleOf(inquiry: Inquiry, policy: LinkerdAuthorizationPolicy): AccessRule | null {
  const object = refOf('LinkerdAuthorizationPolicy', policy);
  const parts: AccessCondition[] = [];
  for (const [at, required] of policy.required.entries()) {
    const condition = conditionOf(inquiry, required);
    if (!condition) {
      const { kind, namespace, name } = required;
      inquiry.complain(
        object,
        `spec.requiredAuthenticationRefs[${at}]`,
        `there is no ${kind} ${namespace}/${name}: the policy lets nobody in`,
      );
      return null;
    }
    parts.push(condition);
  }
  return { when: { all: parts }, origin: formatRef(object) };
}

function conditionOf(
  { cluster, domain }: Inquiry,
  { kind, namespace, name }: AuthenticationRef,
): AccessCondition | null {
  if (kind === 'ServiceAccount') return accountIs({ namespace, name }, domain);
  if (kind === 'NetworkAuthentication') {
    const object = cluster.get('NetworkAuthentication', namespace, name);
    return object ? isInNetworks(object.networks) : null;
  }
  const object = cluster.get('MeshTLSAuthentication', namespace, name);
  if (!object) return null;
  const workloads = object.workloads.map((ref) =>
    ref.kind === 'Namespace' ? isOfNamespace(ref.name, domain) : accountIs(ref, domain),
  );
  return { any: [...object.identities.flatMap((identity) => identityIs(identity, domain)), ...workloads] };
}

function oldRuleOf({ domain }: Inquiry, authorization: ServerAuthorization): AccessRule {
  const { networks, proves } = authorization;
  const proved: AccessCondition[] =
    proves === 'nothing'
      ? []
      : proves === 'anyone'
        ? [ANY_IDENTITY]
        : [
            {
              any: [
                ...proves.identities.flatMap((identity) => identityIs(identity, domain)),
                ...proves.accounts.map((account) => accountIs(account, domain)),
              ],
            },
          ];
  const where = networks.length === 0 ? [] : [isInNetworks(networks)];
  return { when: { all: [...where, ...proved] }, origin: formatRef(refOf('ServerAuthorization', authorization)) };
}

function isInNetworks(networks: readonly Network[]): AccessCondition {
  return {
    any: networks.map(
      ({ cidr, except }): AccessCondition =>
        except.length === 0 ? { address: [cidr] } : { all: [{ address: [cidr] }, { not: { address: except } }] },
    ),
  };
}

function accountIs(
  account: { readonly namespace: string; readonly name: string },
  domain: IdentityDomain,
): AccessCondition {
  const workload = { namespace: account.namespace, serviceAccount: account.name };
  return { client: 'identity', value: { exact: dnsIdentity(workload, domain) } };
}

function isOfNamespace(namespace: string, domain: IdentityDomain): AccessCondition {
  return { client: 'identity', value: { suffix: `.${namespace}${dnsIdentitySuffix(domain)}` } };
}

/**
 * An identity as it is written, and, where it is one of Linkerd's own control plane and of this trust domain, as this mesh calls
 * the same workload: manifests that were written for Linkerd name `linkerd` as the namespace of the control plane.
 */
function identityIs(identity: string, domain: IdentityDomain): AccessCondition[] {
  if (identity === '*') return [ANY_IDENTITY];
  const theirs = dnsIdentitySuffix({ ...domain, controlNamespace: 'linkerd' });
  const ours = identity.endsWith(theirs)
    ? identity.slice(0, -theirs.length) + dnsIdentitySuffix(domain)
    : isOfAll(identity, theirs)
      ? `*${dnsIdentitySuffix(domain)}`
      : identity;
  return [...new Set([identity, ours])].map((each) => ({
    client: 'identity',
    value: each.startsWith('*') ? { suffix: each.slice(1) } : { exact: each },
  }));
}

/** Whether every identity that ends in `suffix` is meant, as by `*.linkerd.cluster.local`. */
function isOfAll(identity: string, suffix: string): boolean {
  return identity.startsWith('*') && suffix.endsWith(identity.slice(1));
}

const ANY_IDENTITY: AccessCondition = { client: 'identity', value: { present: true } };
/** Longer than any hostname is. */
const RANK_OF_NAME = 254;
