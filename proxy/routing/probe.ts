/** Paths of a pod's own probes, by port as text. */
export type ProbePaths = Readonly<Record<string, readonly string[]>>;

/** Whether a request is one that the kubelet makes: exempt from policy and bounds, whatever routes are added. */
export function isProbe(
  paths: ProbePaths,
  port: number,
  { method, path }: { readonly method: string; readonly path: string },
): boolean {
  const probed = paths[String(port)];
  if (!probed || (method !== 'GET' && method !== 'HEAD')) return false;
  return probed.includes(path);
}
