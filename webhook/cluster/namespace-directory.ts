import { type Access, LIST_WATCH } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { ListWatch, type ObjectChange } from '../../core/kubernetes/list-watch.ts';
import type { Logger } from '../../core/log/log.ts';
import type { NamespaceLookup } from '../admission/inject-review.ts';
import { ReviewUnavailableError } from '../admission/review-outcome.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';

/** What this file asks of the API server. */
export const NAMESPACE_DIRECTORY_ACCESS: readonly Access[] = [
  { group: '', resource: 'namespaces', verbs: ['get', ...LIST_WATCH] },
];

/** All namespaces of the cluster, kept current by a watch; one that is not known yet is asked for. */
export class NamespaceDirectory implements NamespaceLookup {
  readonly #api: ApiClient;
  readonly #known = new Map<string, NamespaceFacts>();
  readonly #watch: ListWatch;
  readonly #listeners: ((namespace: NamespaceFacts) => void)[] = [];

  constructor(api: ApiClient, log: Logger) {
    this.#api = api;
    this.#watch = new ListWatch({
      client: api,
      paths: ['/api/v1/namespaces'],
      metadataOnly: true,
      onChanges: (changes) => this.#take(changes),
      onProblem: (problem) => log.warn(problem),
    });
  }

  /** Follows the cluster; resolves once every namespace is known. */
  async start(): Promise<void> {
    this.#watch.start();
    await this.#watch.synced;
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** Calls `listener` for every namespace that comes or changes from now on. */
  onChange(listener: (namespace: NamespaceFacts) => void): void {
    this.#listeners.push(listener);
  }

  /** Every namespace that the watch has seen. */
  list(): NamespaceFacts[] {
    return [...this.#known.values()];
  }

  async get(name: string): Promise<NamespaceFacts> {
    const known = this.#known.get(name);
    // A watch that has been cut off for long would decide by what was true then.
    if (known && this.#watch.stalenessMs() < MAX_STALENESS_MS) return known;
    try {
      return factsOf(await this.#api.get(apiPath`/api/v1/namespaces/${name}`));
    } catch (error) {
      if (known && error instanceof ApiError && error.status === 0) return known;
      throw new ReviewUnavailableError(`the namespace ${name} could not be looked up`, { cause: error });
    }
  }

  #take(changes: readonly ObjectChange[]): void {
    for (const change of changes) {
      if (change.type === 'gone') this.#known.delete(change.name);
      else {
        const facts = factsOf(change.object);
        this.#known.set(facts.name, facts);
        for (const listener of this.#listeners) listener(facts);
      }
    }
  }
}

function factsOf({ metadata }: Json): NamespaceFacts {
  return { name: metadata.name, labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} };
}

/** Bookmarks come about once a minute, and a watch is renewed every five. */
const MAX_STALENESS_MS = 120_000;
