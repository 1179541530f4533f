import { type Access, LIST_WATCH } from '../../core/kubernetes/access.ts';
import type { ApiClient } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { ListWatch, type ObjectChange } from '../../core/kubernetes/list-watch.ts';
import type { Fields } from '../objects/json.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import { ObjectStore } from '../objects/object-store.ts';
import type { Reports } from '../objects/reports.ts';
import type { Source } from './source.ts';

/** What this file asks of the API server. */
export const SOURCE_ACCESS: readonly Access[] = Object.values(KINDS).map(({ group, plural, only }) => ({
  group,
  resource: plural,
  ...(only === undefined ? {} : { name: only }),
  verbs: LIST_WATCH,
}));

/** Every kind of a whole cluster, from its API server. */
export class KubernetesSource implements Source {
  readonly objects: ObjectStore;
  readonly #watches: ReadonlyMap<Kind, ListWatch>;

  /** @param onProblem hears of each spell of trouble with the API server */
  constructor(options: { client: ApiClient; reports: Reports; onProblem: (message: string) => void }) {
    this.objects = new ObjectStore(options.reports);
    this.#watches = new Map(
      (Object.keys(KINDS) as Kind[]).map((kind) => [
        kind,
        new ListWatch({
          client: options.client,
          paths: collectionPaths(kind),
          metadataOnly: KINDS[kind].metadataOnly,
          isOptional: KINDS[kind].isOptional,
          only: KINDS[kind].only,
          onChanges: (changes) => this.#take(kind, changes),
          onProblem: options.onProblem,
        }),
      ]),
    );
  }

  /** Resolves when every kind has been listed, however long the API server is away. */
  async start(): Promise<void> {
    for (const watch of this.#watches.values()) watch.start();
    await Promise.all([...this.#watches.values()].map((watch) => watch.synced));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
  }

  staleness(): ReadonlyMap<string, number> {
    return new Map([...this.#watches].map(([kind, watch]) => [kind, watch.stalenessMs()]));
  }

  #take(kind: Kind, changes: readonly ObjectChange[]): void {
    this.objects.write(
      changes.map((change) =>
        change.type === 'put'
          ? { kind, raw: change.object as Fields, place: '' }
          : { kind, gone: { namespace: change.namespace, name: change.name } },
      ),
    );
  }
}

/** `/api/v1/pods`, `/apis/discovery.k8s.io/v1/endpointslices`; one for each version that may be served. */
function collectionPaths(kind: Kind): string[] {
  const { group, versions, plural } = KINDS[kind];
  return versions.map((version) =>
    group === '' ? apiPath`/api/${version}/${plural}` : apiPath`/apis/${group}/${version}/${plural}`,
  );
}
