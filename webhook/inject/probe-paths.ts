import { GRPC_HEALTH_CHECK_PATH } from '../../api/proxy-environment.ts';
import type { Container } from './pod-template.ts';

/** Paths that the kubelet asks for, with their queries, by port number as text. */
export type ProbePaths = Readonly<Record<string, readonly string[]>>;

/**
 * The HTTP and gRPC probes of containers and their hooks: requests of the kubelet, which has no identity, so that policy
 * exempts them: a refused `postStart` ends its container. Those in HTTPS pass through the proxy unseen and are not listed. Ports and paths are sorted, so that the same pod always
 * comes to the same text.
 */
export function probePathsOf(containers: readonly Container[]): ProbePaths {
  const found = new Map<number, Set<string>>();
  for (const container of containers) {
    const { postStart, preStop } = fieldsOf(container.lifecycle);
    for (const asked of [...PROBES.map((field) => container[field]), postStart, preStop]) {
      const target = targetOf(asked, container);
      if (!target) continue;
      const paths = found.get(target.port) ?? new Set();
      found.set(target.port, paths.add(target.path));
    }
  }
  const sorted = [...found].sort(([a], [b]) => a - b);
  return Object.fromEntries(sorted.map(([port, paths]) => [port, [...paths].sort()]));
}

function targetOf(probe: unknown, container: Container): { port: number; path: string } | null {
  const { httpGet, grpc } = fieldsOf(probe);
  const http = fieldsOf(httpGet);
  const port = portOf(httpGet === undefined ? fieldsOf(grpc).port : http.port, container);
  if (port === null || (http.scheme !== undefined && http.scheme !== 'HTTP')) return null;
  if (httpGet === undefined) return { port, path: GRPC_HEALTH_CHECK_PATH };
  const path = typeof http.path === 'string' ? http.path.split('#', 1)[0]! : '';
  return { port, path: path.startsWith('/') ? path : `/${path}` };
}

/** A number, or the name of a port of the same container. */
function portOf(port: unknown, { ports }: Container): number | null {
  if (typeof port === 'number') return port;
  return ports?.find(({ name }) => name !== undefined && name === port)?.containerPort ?? null;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'];
