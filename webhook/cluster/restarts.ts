import { RESTART_UNINJECTED_ANNOTATION } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import type { EventWriter } from '../../core/kubernetes/event-writer.ts';
import type { Logger } from '../../core/log/log.ts';
import { Allowance } from '../../core/time/allowance.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { appsOwnerOf, mayRestart, type OwnerReference, RESTARTABLE, restartPatch } from './restart-owner.ts';

/** What this file asks of the API server. */
export const RESTARTS_ACCESS: readonly Access[] = [
  { group: 'apps', resource: 'replicasets', verbs: ['get'] },
  ...Object.values(RESTARTABLE).map((resource): Access => ({ group: 'apps', resource, verbs: ['get', 'patch'] })),
];

/** What {@link Restarts} works with. Workloads of `controlNamespace` are never restarted. */
export interface RestartsSettings {
  readonly api: Pick<ApiClient, 'get' | 'patch'>;
  readonly controlNamespace: string;
  readonly events: Pick<EventWriter, 'write'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Restarts workloads whose pods should have a proxy and have none, in namespaces that ask for it: each workload once, at
 * most {@link PER_MINUTE} a minute, so that a cluster whose webhook was away does not start everything anew at once.
 */
export class Restarts {
  readonly #settings: RestartsSettings;
  readonly #allowance: Allowance;
  /** UIDs of owners that are done with, restarted or not. */
  readonly #settled = new Set<string>();

  constructor(settings: RestartsSettings) {
    this.#settings = settings;
    this.#allowance = new Allowance(settings.clock, { burst: BURST, perMinute: PER_MINUTE });
  }

  /**
   * Restarts the owner of a pod that could be injected and was not, unless it may not be. What fails is tried again in the
   * next round.
   */
  async consider(pod: Json, namespace: NamespaceFacts): Promise<void> {
    const owner = appsOwnerOf(pod);
    if (!owner || this.#settled.has(owner.uid) || !mayRestart(namespace, this.#settings.controlNamespace)) return;
    try {
      await this.#restartOwner(owner, namespace.name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) this.#settled.add(owner.uid);
      this.#settings.log.warn({ namespace: namespace.name, owner: owner.name }, `not restarted: ${error.message}`);
    }
  }

  async #restartOwner(owner: OwnerReference, namespace: string): Promise<void> {
    const pathOf = (resource: string, name: string) =>
      apiPath`/apis/apps/v1/namespaces/${namespace}/${resource}/${name}`;
    let workload = owner;
    if (owner.kind === 'ReplicaSet') {
      const above = appsOwnerOf(await this.#settings.api.get(pathOf('replicasets', owner.name)));
      if (!above) return void this.#settled.add(owner.uid);
      workload = above;
    }
    const resource = RESTARTABLE[workload.kind];
    if (resource === undefined || this.#settled.has(workload.uid)) return void this.#settled.add(owner.uid);
    const path = pathOf(resource, workload.name);
    const { clock, api, log, events } = this.#settings;
    const decided = restartPatch(await api.get(path), workload.uid, new Date(clock.now()));
    if ('patch' in decided) {
      if (!this.#allowance.take()) return;
      await api.patch(path, decided.patch, 'application/merge-patch+json');
    }
    for (const { uid } of [owner, workload]) this.#settled.add(uid);
    const isRestarted = 'patch' in decided;
    const named = { namespace, kind: workload.kind, name: workload.name };
    if (isRestarted) log.info(named, 'restarted, because its pods should have a proxy and have none');
    else log.info(named, `pods of it should have a proxy and have none; it is not restarted: ${decided.reason}`);
    await events.write({
      subject: { apiVersion: 'apps/v1', ...named, uid: workload.uid },
      type: isRestarted ? 'Normal' : 'Warning',
      reason: isRestarted ? 'RestartedToInject' : 'NotRestarted',
      action: 'Restart',
      note: isRestarted
        ? `restarted, because its pods should have a proxy and had none, and the namespace has ${RESTART_UNINJECTED_ANNOTATION}: enabled`
        : `its pods should have a proxy and have none; it is not restarted, because ${decided.reason}; restart it yourself`,
    });
  }
}

const BURST = 3;
const PER_MINUTE = 6;
