import { CALLERS_PAGE, type CallersPage } from '../../api/callers-page.ts';
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import { getFromPod } from '../../core/kubernetes/port-forward.ts';
import type { Pod } from '../../destination/objects/kubernetes/pod.ts';
import type { ObservedPod, UnheardPod } from './observed.ts';

/** Asks the proxies of pods who calls them, by the caller's own right to `pods/portforward`, some at a time. */
export async function askProxies(
  pods: readonly Pod[],
  ask: typeof getFromPod = getFromPod,
): Promise<{ readonly observed: ObservedPod[]; readonly unheard: UnheardPod[] }> {
  const observed: ObservedPod[] = [];
  const unheard: UnheardPod[] = [];
  const queue = [...pods];
  const worker = async () => {
    for (let pod = queue.shift(); pod; pod = queue.shift()) {
      const place = { namespace: pod.namespace, pod: pod.name };
      try {
        const page = JSON.parse(await ask(pod, PROXY_ADMIN_PORT, CALLERS_PAGE)) as CallersPage;
        observed.push({ ...place, page });
      } catch (error) {
        unheard.push({ ...place, why: errorMessage(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { observed, unheard };
}

/** Forwarded connections at a time, which the API server has to carry. */
const AT_ONCE = 16;
