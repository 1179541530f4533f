import type { Host } from '../../objects/host.ts';
import type { DestinationRule, PolicyByPort, Subset, TrafficPolicy } from '../../objects/istio/destination-rule.ts';
import { keysCovering } from '../../objects/istio/host.ts';
import { visibility } from '../../objects/istio/visibility.ts';
import type { ServicePort } from '../../objects/kubernetes/service-port.ts';
import { byAge } from '../../objects/meta.ts';
import { type Complain, type ObjectRef, refOf } from '../../objects/object-ref.ts';
import type { ClientInquiry } from '../inquiry.ts';

/** What DestinationRules of one namespace say of a host together. */
export interface ChosenRule {
  /** The oldest. */
  readonly object: ObjectRef;
  readonly policy: PolicyByPort | null;
  readonly subsets: readonly Subset[];
}

/** Namespace whose rules hold for every host that no nearer rule speaks of. */
export const ROOT_NAMESPACE = 'istio-system';

/**
 * The rule that a client heeds towards a host: one of its own namespace, of the host's, or of the root namespace, the
 * first of these that has any; in it the one with the most specific host. Several for one host are put together: every
 * subset, and the policy of the oldest that has one.
 *
 * Source: istio `pilot/pkg/model/push_context.go`, `destinationRule`.
 */
export function chooseRule({ cluster, client, complain }: ClientInquiry, host: Host): ChosenRule | null {
  const byHost = keysCovering(host).map((keys) => keys.flatMap((key) => cluster.destinationRulesOf(key)));
  for (const namespace of new Set([client.namespace, host.namespace, ROOT_NAMESPACE]))
    for (const rules of byHost) {
      const visible = rules.filter(
        (rule) => rule.namespace === namespace && visibility(rule, client.namespace) !== null,
      );
      const selected = visible.filter((rule) => rule.workloadSelector && client.hasLabels(rule.workloadSelector));
      const chosen = selected.length > 0 ? selected : visible.filter((rule) => !rule.workloadSelector);
      if (chosen.length > 0) return merge(chosen.sort(byAge), complain);
    }
  return null;
}

function merge(rules: readonly DestinationRule[], complain: Complain): ChosenRule {
  const [first] = rules;
  const deciding = rules.find(({ policy }) => policy !== null) ?? null;
  const subsets = new Map<string, Subset>();
  for (const rule of rules) {
    if (rule.policy && rule !== deciding)
      complain(
        refOf('DestinationRule', rule),
        'spec.trafficPolicy',
        `has no effect: that of ${deciding!.name}, which is older, holds`,
      );
    for (const subset of rule.subsets) {
      if (subsets.has(subset.name))
        complain(
          refOf('DestinationRule', rule),
          subset.path,
          `has no effect: an older DestinationRule has a subset "${subset.name}" too`,
        );
      else subsets.set(subset.name, subset);
    }
  }
  return { object: refOf('DestinationRule', first!), policy: deciding?.policy ?? null, subsets: [...subsets.values()] };
}

/**
 * What holds on a port, for a subset or (null) for the Service as a whole. A subset's policy replaces the rule's block by
 * block; that of a port replaces all four blocks.
 */
export function policyOn(rule: ChosenRule, subset: Subset | null, port: ServicePort): TrafficPolicy {
  return overlaid(overlaid({}, rule.policy, port), subset?.policy ?? null, port);
}

function overlaid(below: TrafficPolicy, above: PolicyByPort | null, port: ServicePort): TrafficPolicy {
  if (!above) return below;
  const { retryBudget = below.retryBudget, ...blocks } = above.policy;
  const onPort = above.ports.get(port.port);
  return { ...(onPort ?? { ...below, ...blocks }), ...(retryBudget && { retryBudget }) };
}
