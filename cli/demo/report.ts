import { tableLines } from '../table.ts';
import { parseSamples, quantile, type Sample, sum } from './samples.ts';

/** What a load generator saw. */
export interface Tally {
  readonly method: string;
  readonly path: string;
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Milliseconds that each stalled request took. */
  readonly stalled: readonly number[];
}

/** One route as the client's proxy measured it. */
export interface RouteRow {
  readonly route: string;
  readonly service: string;
  readonly client: string;
  readonly effectiveSuccess: number;
  readonly effectiveRps: number;
  readonly actualSuccess: number;
  readonly actualRps: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly retries: number;
  readonly mtls: number;
  /** Answers by status after retries. */
  readonly statuses: Readonly<Record<string, number>>;
}

/**
 * Makes a row of each route that had requests. @param text of the scrape, from a proxy without earlier load @param
 * seconds that the load took
 */
export function routeRows(client: string, text: string, seconds: number): RouteRow[] {
  const samples = parseSamples(text);
  const routes = [
    ...new Set(
      samples
        .filter(({ name, labels }) => name === 'route_request_total' && labels.direction === 'outbound')
        .map(({ labels }) => JSON.stringify([labels.rt_route ?? '[DEFAULT]', labels.dst])),
    ),
  ];
  return routes
    .map((key) => {
      const [route, dst] = JSON.parse(key) as [string, string];
      const wanted = { direction: 'outbound', dst, ...(route === '[DEFAULT]' ? {} : { rt_route: route }) };
      return row(client, samples, route, dst, wanted, seconds);
    })
    .filter(({ effectiveRps }) => effectiveRps > 0);
}

function row(
  client: string,
  samples: readonly Sample[],
  route: string,
  dst: string,
  wanted: Record<string, string>,
  seconds: number,
): RouteRow {
  const ratio = (name: string) => {
    const total = sum(samples, name, wanted);
    return total === 0 ? 1 : sum(samples, name, { ...wanted, classification: 'success' }) / total;
  };
  const requests = { direction: 'outbound', authority: dst };
  const statuses: Record<string, number> = {};
  for (const { name, labels, value } of samples) {
    if (name === 'route_response_total' && Object.entries(wanted).every(([key, text]) => labels[key] === text))
      statuses[labels.status_code!] = (statuses[labels.status_code!] ?? 0) + value;
  }
  return {
    route,
    service: dst.split('.')[0]!,
    client,
    effectiveSuccess: ratio('route_response_total'),
    effectiveRps: sum(samples, 'route_response_total', wanted) / seconds,
    actualSuccess: ratio('route_actual_response_total'),
    actualRps: sum(samples, 'route_actual_response_total', wanted) / seconds,
    p50: quantile(samples, 'route_response_latency_ms', wanted, 0.5),
    p95: quantile(samples, 'route_response_latency_ms', wanted, 0.95),
    p99: quantile(samples, 'route_response_latency_ms', wanted, 0.99),
    retries: sum(samples, 'route_actual_request_total', wanted) - sum(samples, 'route_request_total', wanted),
    mtls:
      sum(samples, 'request_total', { ...requests, tls: 'true' }) /
      Math.max(1, sum(samples, 'request_total', requests)),
    statuses,
  };
}

/** Lays the rows out as a table with a heading, latencies in milliseconds. */
export function routeTable(rows: readonly RouteRow[]): string {
  const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
  const cells = [
    [
      'ROUTE',
      'SERVICE',
      'FROM',
      'EFFECTIVE_SUCCESS',
      'EFFECTIVE_RPS',
      'ACTUAL_SUCCESS',
      'ACTUAL_RPS',
      'RETRIES',
      'P50',
      'P95',
      'P99',
      'MTLS',
    ],
    ...rows.map((each) => [
      each.route,
      each.service,
      each.client,
      percent(each.effectiveSuccess),
      each.effectiveRps.toFixed(1),
      percent(each.actualSuccess),
      each.actualRps.toFixed(1),
      String(each.retries),
      ...[each.p50, each.p95, each.p99].map((ms) => `${ms.toFixed(ms < 10 ? 1 : 0)}ms`),
      percent(each.mtls),
    ]),
  ];
  return tableLines(cells).join('\n');
}

/** Differences between what a generator saw and what its proxy counted; none: they are equal. */
export function differences(tally: Tally, rows: readonly RouteRow[]): string[] {
  const found = rows.find(({ route }) => route === `${tally.method} ${tally.path}`);
  if (!found) return [`no route "${tally.method} ${tally.path}" was counted`];
  const statuses = new Set([...Object.keys(tally.statuses), ...Object.keys(found.statuses)]);
  return [...statuses]
    .filter((status) => (tally.statuses[status] ?? 0) !== (found.statuses[status] ?? 0))
    .map(
      (status) =>
        `${found.route} ${status}: the generator saw ${tally.statuses[status] ?? 0}, the metrics say ${found.statuses[status] ?? 0}`,
    );
}
