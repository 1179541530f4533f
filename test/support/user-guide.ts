/** Ten requests over the manifests of the user guide, and what decides each when all of them are there. */
export const TEN_REQUESTS: readonly {
  readonly method: string;
  readonly path: string;
  /** Name of the route; empty: none takes it. */
  readonly route: string;
}[] = [
  { method: 'GET', path: '/api/users', route: 'GET /api/users' },
  { method: 'GET', path: '/api/users?page=2', route: 'GET /api/users' },
  { method: 'HEAD', path: '/api/users', route: '' },
  { method: 'POST', path: '/api/users', route: '' },
  { method: 'GET', path: '/api/users/7', route: '' },
  { method: 'POST', path: '/api/orders', route: 'POST /api/orders' },
  { method: 'GET', path: '/api/orders', route: '' },
  { method: 'POST', path: '/api/orders?dry-run=1', route: 'POST /api/orders' },
  { method: 'DELETE', path: '/api/orders', route: '' },
  { method: 'GET', path: '/', route: '' },
];

/** How often the routes of a target were taken, by the text of a proxy's metrics; the route without a name is `''`. */
export function routeCounts(metrics: string, service: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, labels = '', count] of metrics.matchAll(/^route_request_total\{([^}]*)\} (\d+)/gm)) {
    if (!labels.includes('direction="outbound"') || !labels.includes(`dst="${service}`)) continue;
    const route = /rt_route="([^"]*)"/.exec(labels)?.[1] ?? '';
    counts.set(route, (counts.get(route) ?? 0) + Number(count));
  }
  return counts;
}

/** Whether a share of `count` draws lies where that of its weight does in 99.9 % of all cases. */
export function isLikely(found: number, count: number, share: number): boolean {
  return Math.abs(found - count * share) <= 3.29 * Math.sqrt(count * share * (1 - share));
}
