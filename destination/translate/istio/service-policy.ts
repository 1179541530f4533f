import type { Backend, Endpoint } from '../../../api/routing.ts';
import type { Subset, TrafficPolicy } from '../../objects/istio/destination-rule.ts';
import { isSelected } from '../../objects/meta.ts';
import type { ClientView } from '../client-view.ts';
import type { PlacedEndpoint } from '../placed-endpoint.ts';
import type { Grouping } from './grouping.ts';
import { groupByLocality } from './locality.ts';

/** The endpoints of a Service that a subset has: those that have every one of its labels. */
export function endpointsInSubset(endpoints: readonly PlacedEndpoint[], { labels }: Subset): PlacedEndpoint[] {
  if (Object.keys(labels).length === 0) return [...endpoints];
  return endpoints.filter((each) => each.labels && isSelected(each.labels, labels));
}

/** A backend's endpoints and what holds towards them, as a policy says. */
export function applyPolicy(
  policy: TrafficPolicy,
  endpoints: readonly PlacedEndpoint[],
  client: ClientView,
): Pick<Backend, 'endpoints' | 'balancer' | 'limits' | 'breaker' | 'whenEmpty'> {
  const { loadBalancer, limits, breaker, tls } = policy;
  // TLS of the application's own is not begun here: sending without it would say in the clear what was not meant to be.
  if (tls === 'origination') return { endpoints: [], whenEmpty: 503 };
  // Where mutual TLS is demanded, what has no proxy to do it is no endpoint.
  if (tls === 'mesh' && endpoints.some(({ endpoint }) => !endpoint.tls)) {
    const proved = endpoints.filter(({ endpoint }) => endpoint.tls);
    return { ...applyPolicy(policy, proved, client), ...(proved.length === 0 && { whenEmpty: 503 }) };
  }
  const located = endpoints.map(({ locality, labels }) => ({ locality, labels: labels ?? {} }));
  const grouping = groupByLocality(loadBalancer?.locality ?? null, breaker !== undefined, located, client);
  const balancer = grouping
    ? { algorithm: 'peak-ewma' as const, ...loadBalancer?.balancer, localities: grouping.localities }
    : loadBalancer?.balancer;
  return {
    endpoints: withPlaces(endpoints, grouping, tls === 'plain'),
    ...(balancer && { balancer }),
    ...(limits && Object.keys(limits).length > 0 && { limits }),
    ...(breaker && { breaker }),
  };
}

function withPlaces(endpoints: readonly PlacedEndpoint[], grouping: Grouping | null, isPlain: boolean): Endpoint[] {
  return endpoints.flatMap(({ endpoint }, at) => {
    const group = grouping ? grouping.groupOf[at]! : 0;
    if (group === null) return [];
    return { ...endpoint, ...(isPlain && { tls: null }), ...(group > 0 && { locality: group }) };
  });
}
