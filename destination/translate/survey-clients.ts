import { KINDS, type Kind } from '../objects/kinds.ts';
import type { Pod } from '../objects/kubernetes/pod.ts';
import type { ObjectFeed } from '../objects/object-feed.ts';
import type { ClientPlace } from './client-view.ts';

/**
 * Clients whose views may differ: for each namespace that has workloads or objects that route requests, one without
 * labels and one for each distinct set of labels that its pods and pod templates have.
 *
 * @param expected pods that are not there yet
 */
export function clientsOf(
  objects: ObjectFeed,
  expected: readonly Pod[] = [],
): ReadonlyMap<string, readonly ClientPlace[]> {
  const byNamespace = new Map<string, Map<string, ClientPlace>>();
  const add = (namespace: string, labels: Readonly<Record<string, string>>) => {
    const places = byNamespace.get(namespace) ?? new Map<string, ClientPlace>();
    byNamespace.set(namespace, places);
    const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    places.set(JSON.stringify(entries), { namespace, node: '', zone: '', locality: '', labels });
  };
  for (const kind of Object.keys(KINDS) as Kind[]) {
    if (!KINDS[kind].isNamespaced || kind === 'EndpointSlice' || kind === 'ReplicaSet') continue;
    for (const { namespace } of objects.list(kind)) if (!byNamespace.has(namespace)) add(namespace, {});
  }
  for (const { namespace, labels } of [...objects.list('Pod'), ...expected]) add(namespace, labels);
  for (const { namespace, templateLabels } of objects.list('Deployment')) add(namespace, templateLabels);
  return new Map([...byNamespace].map(([namespace, places]) => [namespace, [...places.values()]]));
}
