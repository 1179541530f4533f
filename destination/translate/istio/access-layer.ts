import type { AccessLayer, AccessRule } from '../../../api/access-policy.ts';
import { type AuthorizationPolicy, OF_TOKENS } from '../../objects/istio/authorization-policy.ts';
import { selectsWorkload } from '../../objects/istio/workload-selector.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry } from '../inquiry.ts';
import { conditionOf, octetsConditionOf, type Subject } from './access-condition.ts';
import { rootNamespaces } from './root-namespaces.ts';
import { looksAtTokens } from './token-rules.ts';

/**
 * Istio's AuthorizationPolicies of a pod: those of its namespace and of the root namespaces, each for the pods that it selects
 * or for all. They add up. null: there is none.
 *
 * Where an ALLOW policy is in force, what no rule of one takes is refused; a policy without rules takes nothing.
 */
export function istioLayer(inquiry: Inquiry, pod: Pod): AccessLayer | null {
  const { cluster, domain } = inquiry;
  const namespaces = new Set([pod.namespace, ...rootNamespaces(domain)]);
  const policies = [...namespaces]
    .flatMap((namespace) => cluster.authorizationPoliciesOf(namespace))
    .filter(({ selector, isForOthers }) => !isForOthers && selectsWorkload(selector, pod.labels))
    .sort(byAge);
  if (policies.length === 0) return null;
  const subject = { pod, looksAtTokens: looksAtTokens(inquiry, pod) };
  if (!subject.looksAtTokens) tellOfUncheckedTokens(inquiry, policies);
  const enforced = policies.filter(({ isDryRun }) => !isDryRun);
  const dryRun = policies.filter((policy) => policy.isDryRun && policy.action !== 'AUDIT');
  const audit = rulesOf(enforced, 'AUDIT', subject);
  const allowing = enforced.filter(({ action }) => action === 'ALLOW');
  return {
    deny: rulesOf(enforced, 'DENY', subject),
    allow: allowing.length > 0 ? rulesOf(allowing, 'ALLOW', subject) : null,
    ...(audit.length > 0 && { audit }),
    ...(dryRun.length > 0 && {
      dryRun: {
        deny: rulesOf(dryRun, 'DENY', subject),
        allow: dryRun.some(({ action }) => action === 'ALLOW') ? rulesOf(dryRun, 'ALLOW', subject) : null,
      },
    }),
    origin: allowing.map((policy) => formatRef(refOf(KIND, policy))).join(', '),
  };
}

function rulesOf(
  policies: readonly AuthorizationPolicy[],
  action: AuthorizationPolicy['action'],
  subject: Subject,
): AccessRule[] {
  return policies
    .filter((policy) => policy.action === action)
    .flatMap((policy) =>
      policy.rules.map((rule): AccessRule => {
        const when = conditionOf(rule, subject);
        const whenOctets = octetsConditionOf(rule, subject, action);
        return {
          when,
          ...(whenOctets !== undefined && { whenOctets }),
          origin: formatRef(refOf(KIND, policy)),
          ...(rule.path !== '' && { path: rule.path }),
        };
      }),
    );
}

/** Of a token that nobody checks nothing is known, so that what refuses by it refuses nobody. */
function tellOfUncheckedTokens({ complain }: Inquiry, policies: readonly AuthorizationPolicy[]): void {
  const asking = policies.flatMap((policy) => policy.rules.filter(asksForToken).map(({ path }) => ({ policy, path })));
  for (const { policy, path } of asking)
    complain(
      refOf(KIND, policy),
      path,
      'asks for a JSON Web Token, and no RequestAuthentication says of some of its pods how one is checked: there it takes no request by a value, and every one by `not…`',
    );
}

function asksForToken({ from, when }: AuthorizationPolicy['rules'][number]): boolean {
  return [...from.flat(), ...when].some(({ attribute }) => OF_TOKENS.has(attribute));
}

const KIND = 'AuthorizationPolicy';
