import type { AccessLayer, AccessRule } from '../../../api/access-policy.ts';
import type { AuthorizationPolicy } from '../../objects/istio/authorization-policy.ts';
import { selectsWorkload } from '../../objects/istio/workload-selector.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Inquiry } from '../inquiry.ts';
import { conditionOf, octetsConditionOf } from './access-condition.ts';
import { rootNamespaces } from './root-namespaces.ts';

/**
 * Istio's AuthorizationPolicies of a pod: those of its namespace and of the root namespaces, each for the pods that it selects
 * or for all. They add up. null: there is none.
 *
 * Where an ALLOW policy is in force, what no rule of one takes is refused; a policy without rules takes nothing.
 */
export function istioLayer({ cluster, domain }: Inquiry, pod: Pod): AccessLayer | null {
  const namespaces = new Set([pod.namespace, ...rootNamespaces(domain)]);
  const policies = [...namespaces]
    .flatMap((namespace) => cluster.authorizationPoliciesOf(namespace))
    .filter(({ selector, isForOthers }) => !isForOthers && selectsWorkload(selector, pod.labels))
    .sort(byAge);
  if (policies.length === 0) return null;
  const enforced = policies.filter(({ isDryRun }) => !isDryRun);
  const dryRun = policies.filter((policy) => policy.isDryRun && policy.action !== 'AUDIT');
  const audit = rulesOf(enforced, 'AUDIT', pod);
  const allowing = enforced.filter(({ action }) => action === 'ALLOW');
  return {
    deny: rulesOf(enforced, 'DENY', pod),
    allow: allowing.length > 0 ? rulesOf(allowing, 'ALLOW', pod) : null,
    ...(audit.length > 0 && { audit }),
    ...(dryRun.length > 0 && {
      dryRun: {
        deny: rulesOf(dryRun, 'DENY', pod),
        allow: dryRun.some(({ action }) => action === 'ALLOW') ? rulesOf(dryRun, 'ALLOW', pod) : null,
      },
    }),
    origin: allowing.map((policy) => formatRef(refOf(KIND, policy))).join(', '),
  };
}

function rulesOf(
  policies: readonly AuthorizationPolicy[],
  action: AuthorizationPolicy['action'],
  pod: Pod,
): AccessRule[] {
  return policies
    .filter((policy) => policy.action === action)
    .flatMap((policy) =>
      policy.rules.map((rule): AccessRule => {
        const when = conditionOf(rule, pod);
        const whenOctets = octetsConditionOf(rule, pod, action);
        return {
          when,
          ...(whenOctets !== undefined && { whenOctets }),
          origin: formatRef(refOf(KIND, policy)),
          ...(rule.path !== '' && { path: rule.path }),
        };
      }),
    );
}

const KIND = 'AuthorizationPolicy';
