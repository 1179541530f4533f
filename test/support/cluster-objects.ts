import { kubectl, run } from './kubectl.ts';

/**
 * Every object of the cluster that somebody wrote, by `RESOURCE NAMESPACE/NAME`: its text without what the API server
 * counts (versions, times, status). Left out is what comes and goes by itself: Events, Leases, endpoints of the node's own.
 */
export async function clusterObjects(): Promise<ReadonlyMap<string, string>> {
  const resources = (await kubectl('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n');
  const objects = new Map<string, string>();
  for (const resource of resources.filter((name) => !PASSING.includes(name))) {
    const { code, out } = await run('kubectl', ['get', resource, '-A', '-o', 'json']);
    if (code !== 0) continue; // it may be listed and has no objects of its own, as a review
    for (const { metadata, status: _, ...rest } of (JSON.parse(out) as { items: StoredObject[] }).items) {
      const { name, namespace = '', labels, annotations } = metadata;
      objects.set(`${resource} ${namespace}/${name}`, JSON.stringify({ labels, annotations, ...rest }));
    }
  }
  return objects;
}

/** What differs between two of {@link clusterObjects}: `added X`, `removed X`, `changed X: BEFORE -> AFTER`. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [
    ...[...after.keys()].filter((key) => !before.has(key)).map((key) => `added ${key}`),
    ...[...before.keys()].filter((key) => !after.has(key)).map((key) => `removed ${key}`),
    ...[...before]
      .filter(([key, text]) => after.has(key) && after.get(key) !== text)
      .map(([key, text]) => `changed ${key}: ${text} -> ${after.get(key)}`),
  ];
}

interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: object;
    readonly annotations?: object;
  };
  readonly status?: unknown;
}

const PASSING = ['events', 'events.events.k8s.io', 'leases.coordination.k8s.io', 'componentstatuses'];
