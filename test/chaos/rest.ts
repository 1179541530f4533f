import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { PODS } from './manifests.ts';
import type { RunningMesh } from './running-mesh.ts';

/** What proxies still say is under way when no client sends anything, as sentences; none: nothing is. */
export async function gaugesAtRest(mesh: RunningMesh): Promise<string[]> {
  const complaints = await Promise.all(
    PODS.map(async (pod) => {
      try {
        const page = (path: string) =>
          mesh.inside(pod, 'curl', '-sf', '--max-time', '5', `http://127.0.0.1:${PROXY_ADMIN_PORT}/${path}`);
        return complaintsOf(pod, await page('endpoints'), await page('metrics'));
      } catch (error) {
        return [`the proxy of ${pod} does not answer: ${(error as Error).message}`];
      }
    }),
  );
  return complaints.flat();
}

interface TargetPage {
  readonly name: string;
  readonly active: number;
  readonly backends: readonly {
    readonly active: number;
    readonly pending: number;
    readonly endpoints: readonly { readonly inFlight: number }[];
  }[];
}

/** Says what is under way by these pages of a proxy. Pure. */
export function complaintsOf(pod: string, endpoints: string, metrics: string): string[] {
  const targets = JSON.parse(endpoints) as readonly TargetPage[];
  const counts: Record<string, number> = {
    'requests and connections': sum(targets, ({ active }) => active),
    attempts: sum(targets, ({ backends }) => sum(backends, ({ active }) => active)),
    'attempts that wait': sum(targets, ({ backends }) => sum(backends, ({ pending }) => pending)),
    'requests at endpoints': sum(targets, ({ backends }) =>
      sum(backends, (backend) => sum(backend.endpoints, ({ inFlight }) => inFlight)),
    ),
    'held octets': sum([...metrics.matchAll(/^weft_proxy_held_bytes(?:\{.*\})? (\S+)$/gm)], ([, value]) =>
      Number(value),
    ),
    'connections of the application': sum(
      [...metrics.matchAll(/^tcp_open_connections\{direction="outbound",peer="src".*\} (\S+)$/gm)],
      ([, value]) => Number(value),
    ),
  };
  return Object.entries(counts).flatMap(([what, count]) =>
    count > 0 ? [`the proxy of ${pod} has ${count} ${what} at rest`] : [],
  );
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
