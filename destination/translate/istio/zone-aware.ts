import type { Grouping, Located } from './grouping.ts';

/**
 * Keeps requests in the client's zone as far as that loads no endpoint more than another: its zone gets everything where it
 * has its share of the endpoints of the region, else what it can bear, and the rest goes to the zones of the region that have
 * more than their share. Clients are taken to be as many in each of these zones. Then comes the rest of the region, then
 * other regions, in the order of `nearness`.
 *
 * @param from the client's `region/zone/subzone`
 * @param minEndpoints with fewer in the region its zones are alike
 * @param nearness of each endpoint, lower first; only told apart beyond the region
 * @returns null: the client's zone is not known
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware
 */
export function groupByZone(
  endpoints: readonly Located[],
  from: string,
  minEndpoints: number,
  nearness: readonly number[],
): Grouping | null {
  const [region = '', zone = ''] = from.split('/');
  if (zone === '') return null;
  /** null: in another region. */
  const zones = endpoints.map(({ locality }) => {
    const [itsRegion, itsZone] = locality.split('/');
    return itsRegion === region ? itsZone! : null;
  });
  const shares = sharesOf(
    zones.filter((each) => each !== null),
    zone,
    minEndpoints,
  );
  const near = [...shares].map(([name, weight]) => ({ name, priority: weight > 0 ? 0 : 1, weight: weight || 1 }));
  const ranks = [...new Set(nearness.filter((_, at) => zones[at] === null))].sort((a, b) => a - b);
  const beyond = ranks.map((_, at) => ({ name: `priority ${at + 2}`, priority: at + 2, weight: 1 }));
  const groupOf = zones.map((each, at) => {
    if (each === null) return near.length + ranks.indexOf(nearness[at]!);
    return near.length === 1 ? 0 : near.findIndex(({ name }) => name === each);
  });
  return { localities: [...near, ...beyond], groupOf };
}

/** Shares of the requests by zone, 0 to 1; one entry, {@link ANY}, where zones are alike. */
function sharesOf(zones: readonly string[], own: string, minEndpoints: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  if (zones.length === 0) return new Map();
  if (zones.length < minEndpoints || !counts.has(own)) return new Map([[ANY, 1]]);
  const fair = 1 / counts.size;
  const shareOf = (zone: string) => counts.get(zone)! / zones.length;
  const kept = Math.min(1, shareOf(own) / fair);
  const spare = (zone: string) => (zone === own ? 0 : Math.max(0, shareOf(zone) - fair));
  const allSpare = [...counts.keys()].reduce((sum, zone) => sum + spare(zone), 0);
  return new Map(
    [...counts.keys()].sort().map((zone) => {
      const share = zone === own ? kept : allSpare > 0 ? ((1 - kept) * spare(zone)) / allSpare : 0;
      return [zone, Math.round(share * 1000) / 1000];
    }),
  );
}

/** Stands for every zone of the region. */
const ANY = 'any zone';
