import { GRPC_HEALTH_CHECK_PATH } from '../../api/proxy-environment.ts';

/** Paths of a pod's own probes and hooks, with their queries, by port as text. */
export type ProbePaths = Readonly<Record<string, readonly string[]>>;

/** Whether a request is one that the kubelet makes: exempt from policy and bounds, whatever routes are added. */
export function isProbe(
  paths: ProbePaths,
  port: number,
  { method, path }: { readonly method: string; readonly path: string },
): boolean {
  const probed = paths[String(port)];
  if (!probed?.includes(path)) return false;
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && path === GRPC_HEALTH_CHECK_PATH);
}
