import { TRUST_ROOTS_CONFIG_MAP, TRUST_ROOTS_KEY } from '../../api/names.ts';
import { type Access, LIST_WATCH } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError } from '../../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { ListWatch, type ObjectChange } from '../../core/kubernetes/list-watch.ts';
import type { Logger } from '../../core/log/log.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import { trustRootsConfigMap } from '../bootstrap/authorities.ts';
import { InjectedNamespaces } from './injected-namespaces.ts';

/** What this file asks of the API server. */
export const PUBLISHER_ACCESS: readonly Access[] = [
  { group: '', resource: 'namespaces', verbs: LIST_WATCH },
  { group: '', resource: 'pods', verbs: LIST_WATCH },
  { group: '', resource: 'configmaps', verbs: ['create'] },
  { group: '', resource: 'configmaps', name: TRUST_ROOTS_CONFIG_MAP, verbs: ['get', 'patch'] },
];

/**
 * What {@link TrustRootsPublisher} writes with. `bundle` is asked for each time, so that a rotated root is published.
 */
export interface TrustRootsPublisherSettings {
  readonly api: ApiClient;
  readonly controlNamespace: string;
  /** PEM of the roots in force. */
  readonly bundle: () => string;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Keeps the ConfigMap of trust roots in every injected namespace: at once where one becomes injected, and every
 * {@link RESYNC_MS} everywhere, in case somebody changed or deleted one. Nothing is ever deleted: a pod may still be
 * starting.
 */
export class TrustRootsPublisher {
  readonly #settings: TrustRootsPublisherSettings;
  readonly #namespaces: InjectedNamespaces;
  readonly #watches: readonly ListWatch[];
  /** Publishes one namespace after another, so that a cluster of thousands does not flood its API server. */
  #queue: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(settings: TrustRootsPublisherSettings) {
    this.#settings = settings;
    this.#namespaces = new InjectedNamespaces(settings.controlNamespace);
    this.#watches = [
      this.#watch('/api/v1/namespaces', (changes) => this.#namespaces.takeNamespaces(changes)),
      this.#watch('/api/v1/pods', (changes) => this.#namespaces.takePods(changes)),
    ];
  }

  /** Begins to follow namespaces and pods, and to write everywhere every {@link RESYNC_MS}. */
  start(): void {
    for (const watch of this.#watches) watch.start();
    this.#scheduleResync();
  }

  /** Publishes everywhere: the roots have changed. Resolves once that is done. */
  publishAll(): Promise<void> {
    return this.#publish(this.#namespaces.list());
  }

  /** Resolves when nothing more will be written. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#watches.map((watch) => watch.stop()));
    await this.#queue;
  }

  #watch(path: string, take: (changes: readonly ObjectChange[]) => string[]): ListWatch {
    const { api: client, clock, log } = this.#settings;
    return new ListWatch({
      client,
      paths: [path],
      metadataOnly: true,
      clock,
      onChanges: (changes) => void this.#publish(take(changes)),
      onProblem: (problem) => log.warn(`namespaces that need the trust roots: ${problem}`),
    });
  }

  #scheduleResync(): void {
    this.#timer = this.#settings.clock.after(RESYNC_MS, () => {
      void this.publishAll().then(() => {
        if (!this.#isStopped) this.#scheduleResync();
      });
    });
  }

  #publish(namespaces: readonly string[]): Promise<void> {
    for (const namespace of namespaces) {
      this.#queue = this.#queue.then(() => (this.#isStopped ? undefined : this.#publishTo(namespace)));
    }
    return this.#queue;
  }

  /** Never throws: what fails is tried again at the next resync. */
  async #publishTo(namespace: string): Promise<void> {
    const { api, bundle, log } = this.#settings;
    const collection = apiPath`/api/v1/namespaces/${namespace}/configmaps`;
    try {
      const existing = await api.get(`${collection}/${TRUST_ROOTS_CONFIG_MAP}`).catch(nullIfNotFound);
      if (existing?.data?.[TRUST_ROOTS_KEY] === bundle()) return;
      if (existing === null) await api.create(collection, trustRootsConfigMap(namespace, bundle()));
      else {
        const patch = { data: { [TRUST_ROOTS_KEY]: bundle() } };
        await api.patch(`${collection}/${TRUST_ROOTS_CONFIG_MAP}`, patch, 'application/merge-patch+json');
      }
      log.info({ namespace }, 'trust roots published');
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Another replica was faster, or the namespace is going away.
      if (error.reason === 'AlreadyExists' || error.status === 404 || /being terminated/.test(error.message)) return;
      log.warn({ namespace }, `trust roots could not be published: ${error.message}; trying again later`);
    }
  }
}

const RESYNC_MS = 60_000;
