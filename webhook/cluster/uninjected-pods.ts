import { CONTROL_NAMESPACE_LABEL } from '../../api/names.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import type { EventWriter } from '../../core/kubernetes/event-writer.ts';
import { labelSelector, listPages } from '../../core/kubernetes/list-pages.ts';
import type { Logger } from '../../core/log/log.ts';
import { decide } from '../inject/decision.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { readPodTemplate } from '../inject/pod-template.ts';
import type { InjectSettings } from '../inject/settings.ts';
import type { Restarts } from './restarts.ts';

/** What this file asks of the API server. */
export const UNINJECTED_PODS_ACCESS: readonly Access[] = [{ group: '', resource: 'pods', verbs: ['list'] }];

/** What {@link UninjectedPods} works with. Namespaces and settings are asked for in each round, because both change. */
export interface UninjectedPodsSettings {
  readonly api: Pick<ApiClient, 'get'>;
  readonly namespaces: () => readonly NamespaceFacts[];
  readonly settings: () => InjectSettings;
  readonly events: Pick<EventWriter, 'write'>;
  readonly restarts: Pick<Restarts, 'consider'>;
  readonly log: Logger;
}

/** A pod without a proxy, and whether it would get one today. */
interface MissedPod {
  readonly object: Json;
  readonly namespace: NamespaceFacts;
  readonly isInjectable: boolean;
}

/**
 * Finds pods that should have a proxy and have none: they were made while the webhook was away, or before their
 * namespace asked. A running pod cannot be given one, so its owner is told, and restarted where that is wished.
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
    const found: MissedPod[] = [];
    try {
      for await (const object of listPages(this.#settings.api, '/api/v1/pods', WITHOUT_OUR_LABEL)) {
        const pod = this.#missed(object, byName);
        if (pod) found.push(pod);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      log.warn(`pods without a proxy could not be looked for: ${errorMessage(error)}`);
      return null;
    }
    for (const { object, namespace, isInjectable } of found) {
      if (!this.#reported.has(object.metadata.uid)) await this.#report(object);
      // Restarted a round later, when the API server calls this webhook even where it has only just begun to run. A pod
      // that would be refused must not be ended: nothing would come in its stead.
      else if (isInjectable) await this.#settings.restarts.consider(object, namespace);
    }
    this.#reported = new Set(found.map(({ object }) => object.metadata.uid));
    return found.length;
  }

  #missed(object: Json, namespaces: ReadonlyMap<string, NamespaceFacts>): MissedPod | null {
    const namespace = namespaces.get(object.metadata.namespace);
    const isOver = ['Succeeded', 'Failed'].includes(object.status?.phase) || object.metadata.deletionTimestamp;
    const pod = readPodTemplate(object);
    if (!namespace || isOver || typeof pod === 'string') return null;
    const { outcome } = decide(pod, namespace, this.#settings.settings());
    // What would be refused today runs outside the mesh just the same.
    return outcome === 'skip' ? null : { object, namespace, isInjectable: outcome === 'inject' };
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

const WITHOUT_OUR_LABEL = labelSelector(`!${CONTROL_NAMESPACE_LABEL}`);
