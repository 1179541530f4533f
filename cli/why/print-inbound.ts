import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import { someOf } from '../some-of.ts';
import type { ExplainedInbound, ExplainedPolicy, ExplainedRateLimit } from './inbound.ts';
import { routeName, withPlace } from './print-route.ts';

/** What the proxies of a group of pods do, as lines without their indent. */
export function inboundLines({ pods, port, route, policy, rateLimit, refused }: ExplainedInbound): string[] {
  return [
    `inbound at ${someOf(pods, MAX_PODS)}, port ${port}`,
    ...(refused === 'opaque_on_http_port'
      ? ['  refused, opaque_on_http_port: it is no HTTP, and the port has HTTP rules']
      : [`  policy ${policyLine(policy, refused)}`, ...nearestLine(policy)]),
    ...(refused === null ? [`  counted under ${route ? routeName(route) : 'no route'}`] : []),
    ...(rateLimit && refused === null ? [`  bound ${rateLimitLine(rateLimit)}`] : []),
  ];
}

function policyLine(
  { mode, origin, field, place, verdict, rule, why }: ExplainedPolicy,
  refused: ProxyErrorReason | null,
): string {
  const status = refused && `${refused === 'route_not_found' ? 404 : 403} ${refused}`;
  const by = rule
    ? withPlace([rule.origin, rule.field], rule.place)
    : `${mode} by ${withPlace([origin, field], place)}`;
  if (why !== '') return `${rule ? by : 'of rules'} refuses it: ${status}: ${why}`;
  const said = {
    allowed: 'lets it in',
    denied: `refuses it: ${status}`,
    unknown: mode.startsWith('cluster-')
      ? 'lets it in if its address is of the cluster; --from POD would tell'
      : 'and rules of other objects decide by who the client is; --from would tell',
    probe: 'is not asked: the kubelet probes this path',
  }[verdict];
  return `${by} ${said}`;
}

function nearestLine({ nearest }: ExplainedPolicy): string[] {
  if (!nearest) return [];
  const { origin, field, place, lacks } = nearest;
  return [`  nearest ${withPlace([origin, field], place)}, which wants ${lacks.join(', and ')}`];
}

function rateLimitLine({ origin, place, totalPerSecond, identityPerSecond, client }: ExplainedRateLimit): string {
  const own = client
    ? `${client.perSecond} requests a second ${client.by === 'override' ? 'of the clients of its override' : 'of this client'}`
    : identityPerSecond !== undefined && `${identityPerSecond} requests a second of each client`;
  const all = totalPerSecond !== undefined && `${totalPerSecond} requests a second of all clients`;
  const bounds = [own, all].filter(Boolean).join(' and ');
  return `${bounds || 'of other clients alone'} by ${withPlace([origin], place)}, in each pod`;
}

/** Pods of a group that are named one by one. */
const MAX_PODS = 5;
