import type { AccessCondition, AccessLayer, AccessRule } from '../../../api/access-policy.ts';
import type { Pod } from '../../objects/kubernetes/pod.ts';
import { byAge } from '../../objects/meta.ts';
import { formatRef, refOf } from '../../objects/object-ref.ts';
import type { Account, TrafficTarget } from '../../objects/smi/traffic-target.ts';
import type { Inquiry } from '../inquiry.ts';

/**
 * What TrafficTargets let into a pod. The first one for its service account refuses all that none lets in, to pods of that
 * account alone. null: there is none.
 *
 * Of a target's rules the HTTPRouteGroups name requests, any of them, and the TCPRoutes ports, any of them; where it has both,
 * both have to hold.
 *
 * Source: SMI, Traffic Access Control and Traffic Specs.
 */
export function smiLayer(inquiry: Inquiry, pod: Pod): AccessLayer | null {
  const targets = [...inquiry.cluster.trafficTargetsOf(pod.namespace, pod.serviceAccount)].sort(byAge);
  if (targets.length === 0) return null;
  return {
    deny: [],
    allow: targets.map((target) => ruleOf(inquiry, target)),
    origin: targets.map((target) => formatRef(refOf(KIND, target))).join(', '),
  };
}

function ruleOf(inquiry: Inquiry, target: TrafficTarget): AccessRule {
  const requests = target.rules.filter(({ kind }) => kind === 'HTTPRouteGroup');
  const connections = target.rules.filter(({ kind }) => kind === 'TCPRoute');
  const from: AccessCondition = { any: target.sources.map(accountIs) };
  const where: AccessCondition[] = [
    ...(target.port === null ? [] : [{ ports: [target.port] }]),
    ...(connections.length === 0 ? [] : [{ any: connections.map((rule) => portsOf(inquiry, target, rule)) }]),
  ];
  const names = requests.flatMap((rule) => requestsOf(inquiry, target, rule));
  const what: AccessCondition[] = requests.length === 0 ? [] : [{ any: names }];
  const isNothing = target.rules.length === 0;
  return {
    when: isNothing ? { any: [] } : { all: [from, ...where, ...what] },
    whenOctets: isNothing || requests.length > 0 ? null : { all: [from, ...where] },
    origin: formatRef(refOf(KIND, target)),
  };
}

function requestsOf(
  { cluster, complain }: Inquiry,
  target: TrafficTarget,
  { path, name, matches }: TrafficTarget['rules'][number],
): AccessCondition[] {
  const group = cluster.get('HTTPRouteGroup', target.namespace, name);
  if (!group) complain(refOf(KIND, target), path, `there is no HTTPRouteGroup ${name}: it lets nothing in`);
  for (const wanted of matches)
    if (group && !group.matches.some((match) => match.name === wanted))
      complain(
        refOf(KIND, target),
        `${path}.matches`,
        `HTTPRouteGroup ${name} has no match "${wanted}": it lets nothing in`,
      );
  return (group?.matches ?? [])
    .filter((match) => matches.length === 0 || matches.includes(match.name))
    .map(({ when }) => ({ request: when }));
}

function portsOf(
  { cluster, complain }: Inquiry,
  target: TrafficTarget,
  { path, name }: TrafficTarget['rules'][number],
): AccessCondition {
  const route = cluster.get('SmiTCPRoute', target.namespace, name);
  if (!route) complain(refOf(KIND, target), path, `there is no TCPRoute ${name}: it lets nothing in`);
  if (!route) return { any: [] };
  return route.ports.length === 0 ? { all: [] } : { ports: route.ports };
}

function accountIs({ namespace, name }: Account): AccessCondition {
  return {
    all: [
      { client: 'namespace', value: { exact: namespace } },
      { client: 'serviceAccount', value: { exact: name } },
    ],
  };
}

const KIND = 'TrafficTarget';
