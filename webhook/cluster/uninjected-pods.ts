import { CONTROL_NAMESPACE_LABEL } from '../../api/names.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import type { Logger } from '../../core/log/log.ts';
import { decide } from '../inject/decision.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { readPodTemplate } from '../inject/pod-template.ts';
import type { InjectSettings } from '../inject/settings.ts';
import type { Events } from './events.ts';

export interface UninjectedPodsSettings {
  readonly api: Pick<ApiClient, 'get'>;
  readonly namespaces: () => readonly NamespaceFacts[];
  readonly settings: () => InjectSettings;
  readonly events: Pick<Events, 'write'>;
  readonly log: Logger;
}

/**
 * Finds pods that should have a proxy and have none: they were made while the webhook was away, or before their
 * namespace asked. A running pod cannot be given one, so its owner is told.
 */
export class UninjectedPods {
  readonly #settings: UninjectedPodsSettings;
  /** UIDs that were reported, so that each pod is reported once by this replica. */
  #reported = new Set<string>();

  constructor(settings: UninjectedPodsSettings) {
    this.#settings = settings;
  }

  /** Looks through the cluster once. @returns how many there are, or null where that could not be told */
  async count(): Promise<number | null> {
    const { namespaces, log } = this.#settings;
    const byName = new Map(namespaces().map((namespace) => [namespace.name, namespace]));
    const found: Json[] = [];
    try {
      for await (const pod of this.#candidates()) if (this.#isMissed(pod, byName)) found.push(pod);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      log.warn(`pods without a proxy could not be looked for: ${errorMessage(error)}`);
      return null;
    }
    for (const pod of found) if (!this.#reported.has(pod.metadata.uid)) await this.#report(pod);
    this.#reported = new Set(found.map((pod) => pod.metadata.uid));
    return found.length;
  }

  /** Every pod without our label, page by page, so that a big cluster is never held in memory. */
  async *#candidates(): AsyncGenerator<Json, void, undefined> {
    const selector = encodeURIComponent(`!${CONTROL_NAMESPACE_LABEL}`);
    let next = '';
    do {
      const more = next && `&continue=${encodeURIComponent(next)}`;
      const page = await this.#settings.api.get(`/api/v1/pods?labelSelector=${selector}&limit=${PAGE_SIZE}${more}`);
      yield* page.items ?? [];
      next = page.metadata?.continue ?? '';
    } while (next !== '');
  }

  #isMissed(object: Json, namespaces: ReadonlyMap<string, NamespaceFacts>): boolean {
    const namespace = namespaces.get(object.metadata.namespace);
    const isOver = ['Succeeded', 'Failed'].includes(object.status?.phase) || object.metadata.deletionTimestamp;
    const pod = readPodTemplate(object);
    if (!namespace || isOver || typeof pod === 'string') return false;
    // What would be refused today runs outside the mesh just the same.
    return decide(pod, namespace, this.#settings.settings()).outcome !== 'skip';
  }

  async #report({ metadata }: Json): Promise<void> {
    const { events, log } = this.#settings;
    const { namespace, name, uid } = metadata;
    log.warn({ namespace, pod: name }, 'a pod that should have a proxy has none');
    await events.write({
      subject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      reason: 'NotInjected',
      action: 'Inject',
      note: 'this pod should have a proxy and has none, because it was created while the webhook was away or before its namespace asked for injection; delete it, or restart its workload, to put it into the mesh',
    });
  }
}

/** client-go's page size. */
const PAGE_SIZE = 500;
