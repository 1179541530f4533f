import { parseQuantity } from '../../core/kubernetes/quantity.ts';
import type { PodOptions } from './pod-options.ts';
import type { InjectSettings } from './settings.ts';

/**
 * `resources` of the proxy's container, and of the init program's, which runs before it: a pod whose every container has its limit
 * for a request is Guaranteed, and a ResourceQuota wants a limit of each.
 *
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
export function proxyResources(options: PodOptions, { resources }: InjectSettings): object {
  const cpu = boundsOf(
    { request: options.cpuRequest, limit: options.cpuLimit },
    { request: resources.cpuRequest, limit: resources.cpuLimit },
  );
  const memory = boundsOf(
    { request: options.memoryRequest, limit: options.memoryLimit },
    { request: resources.memoryRequest, limit: resources.memoryLimit },
  );
  const pair = (bound: 'request' | 'limit') => ({
    ...(cpu[bound] !== null && { cpu: cpu[bound] }),
    ...(memory[bound] !== null && { memory: memory[bound] }),
  });
  return { requests: pair('request'), limits: pair('limit') };
}

interface Bounds {
  readonly request: string | null;
  readonly limit: string | null;
}

/** What was asked for, and defaults that give way to it: the API server refuses a request above its limit. */
function boundsOf(asked: { request: string | undefined; limit: string | undefined }, fallback: Bounds): Bounds {
  const { request, limit } = fallback;
  return {
    request: asked.request ?? (asked.limit && request && isMore(request, asked.limit) ? asked.limit : request),
    limit: asked.limit ?? (asked.request && limit && isMore(asked.request, limit) ? asked.request : limit),
  };
}

function isMore(a: string, b: string): boolean {
  return parseQuantity(a)! > parseQuantity(b)!;
}
