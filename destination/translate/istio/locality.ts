import type { LocalitySetting } from '../../objects/istio/destination-rule.ts';
import type { ClientView } from '../client-view.ts';
import type { Grouping, Located } from './grouping.ts';
import { groupByZone } from './zone-aware.ts';

/**
 * How the requests of a client are shared out among localities; null: they are not told apart.
 *
 * Without a setting, near endpoints come first and others take over as those fail; like `failover` it needs outlier
 * detection, without which nothing is known to have failed.
 *
 * Source: istio `pilot/pkg/networking/core/loadbalancer/loadbalancer.go`; "Locality Load Balancing".
 */
export function groupByLocality(
  setting: LocalitySetting | null,
  hasOutlierDetection: boolean,
  endpoints: readonly Located[],
  client: ClientView,
): Grouping | null {
  if (setting && !setting.isEnabled) return null;
  if (setting && setting.distribute.length > 0) return distribute(setting, endpoints, client.locality);
  if (!hasOutlierDetection && !setting?.zoneAware) return null;
  const nearness = setting?.failoverPriority.length
    ? byLabels(setting.failoverPriority, endpoints, client)
    : byDistance(endpoints, client.locality);
  const priorities = setting ? withFailover(setting, nearness, endpoints, client) : nearness;
  return setting?.zoneAware
    ? groupByZone(endpoints, client.locality, setting.zoneAware.minEndpoints, priorities)
    : grouped(priorities);
}

/** The first entry for the client's locality counts; what it names no weight for gets nothing. */
function distribute({ distribute }: LocalitySetting, endpoints: readonly Located[], from: string): Grouping | null {
  const entry = distribute.find((each) => covers(each.from, from));
  if (!entry) return null;
  const names = Object.keys(entry.to);
  return {
    localities: names.map((name) => ({ name, priority: 0, weight: entry.to[name]! })),
    groupOf: endpoints.map(({ locality }) => {
      const at = names.findIndex((name) => covers(name, locality));
      return at < 0 ? null : at;
    }),
  };
}

/** 0: same subzone, 1: same zone, 2: same region, 3: elsewhere; where the client's place is not known all are alike. */
function byDistance(endpoints: readonly Located[], from: string): number[] {
  const [region, zone, subzone] = from.split('/');
  return endpoints.map(({ locality }) => {
    if (!region && !zone) return 0;
    const [itsRegion, itsZone, itsSubzone] = locality.split('/');
    if (itsRegion !== region) return 3;
    if (itsZone !== zone) return 2;
    return itsSubzone === subzone ? 0 : 1;
  });
}

/** The number of labels, from the first on, in which an endpoint differs from the client. */
function byLabels(names: readonly string[], endpoints: readonly Located[], client: ClientView): number[] {
  const wanted = names.map((text) => {
    const [name = '', value] = text.split('=');
    return { name, value: value ?? LOCALITY_PARTS.get(name)?.(client.locality) ?? client.label(name) };
  });
  return endpoints.map(({ locality, labels }) => {
    const differing = wanted.findIndex(({ name, value }) => {
      const own = labels[name] ?? LOCALITY_PARTS.get(name)?.(locality) ?? null;
      return value === null || own !== value;
    });
    return differing < 0 ? 0 : names.length - differing;
  });
}

/** Of the endpoints in other regions, those of the region that is to take over come before the rest. */
function withFailover(
  { failover }: LocalitySetting,
  priorities: readonly number[],
  endpoints: readonly Located[],
  client: ClientView,
): number[] {
  const [region = ''] = client.locality.split('/');
  const target = failover.find(({ from }) => from === region)?.to;
  if (target === undefined) return [...priorities];
  const farthest = Math.max(...priorities, 0);
  return priorities.map((priority, at) => {
    const isElsewhere = !endpoints[at]!.locality.startsWith(`${region}/`);
    return isElsewhere && priority === farthest && !endpoints[at]!.locality.startsWith(`${target}/`)
      ? priority + 1
      : priority;
  });
}

/** A group for each priority that occurs; a single one need not be told apart. */
function grouped(priorities: readonly number[]): Grouping | null {
  const occurring = [...new Set(priorities)].sort((a, b) => a - b);
  if (occurring.length < 2) return null;
  return {
    localities: occurring.map((_, priority) => ({ name: `priority ${priority}`, priority, weight: 1 })),
    groupOf: priorities.map((priority) => occurring.indexOf(priority)),
  };
}

/** Whether `pattern` (`region`, `region/zone/*`, `*`) covers a locality. */
function covers(pattern: string, locality: string): boolean {
  const parts = locality.split('/');
  return pattern.split('/').every((part, at) => part === '*' || part === parts[at]);
}

const LOCALITY_PARTS: ReadonlyMap<string, (locality: string) => string | null> = new Map([
  ['topology.kubernetes.io/region', (locality: string) => locality.split('/')[0] || null],
  ['topology.kubernetes.io/zone', (locality: string) => locality.split('/')[1] || null],
  ['topology.istio.io/subzone', (locality: string) => locality.split('/')[2] || null],
]);
