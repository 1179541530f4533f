import { type Access, LIST_WATCH } from '../../core/kubernetes/access.ts';
import type { ApiClient } from '../../core/kubernetes/api-client.ts';
import { ListWatch, type ObjectChange } from '../../core/kubernetes/list-watch.ts';
import type { Logger } from '../../core/log/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { foreignInjectors } from '../inject/foreign-injectors.ts';
import type { ForeignFamilies } from '../inject/settings.ts';

/** What this file asks of the API server. */
export const FOREIGN_MESHES_ACCESS: readonly Access[] = [
  { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations', verbs: LIST_WATCH },
];

/** Whether another mesh's words are followed: as told, or `auto`: unless that mesh has a webhook of its own here. */
export type FamilySwitch = 'auto' | 'enabled' | 'disabled';

/** Follows which other meshes inject pods in this cluster, so that two can live side by side. */
export class ForeignMeshes {
  readonly #switches: Readonly<Record<keyof ForeignFamilies, FamilySwitch>>;
  readonly #registered = new Set<string>();
  readonly #watch: ListWatch;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isKnown = false;

  constructor(settings: {
    readonly api: ApiClient;
    readonly switches: Readonly<Record<keyof ForeignFamilies, FamilySwitch>>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { api, switches, clock, log } = settings;
    this.#switches = switches;
    this.#clock = clock;
    this.#log = log;
    this.#watch = new ListWatch({
      client: api,
      paths: ['/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'],
      metadataOnly: true,
      onChanges: (changes) => this.#take(changes),
      onProblem: (problem) => log.warn(problem),
    });
  }

  /** Resolves once the cluster has been looked at, or has not let itself be looked at for {@link PATIENCE_MS}. */
  async start(): Promise<void> {
    this.#watch.start();
    const synced = this.#watch.synced.then(() => {
      this.#isKnown = true;
    });
    const patience = new Promise<void>((resolve) => this.#clock.after(PATIENCE_MS, resolve));
    await Promise.race([synced, patience]);
    this.#log.info(this.families(), 'words of other meshes that are followed');
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /** Whose labels and annotations are followed now: as the switch says, or where that mesh's own injector is absent. */
  families(): ForeignFamilies {
    return { istio: this.#isFollowed('istio'), linkerd: this.#isFollowed('linkerd') };
  }

  /** Which of them inject pods here; null: the cluster has not let itself be looked at yet. */
  injectors(): ForeignFamilies | null {
    return this.#isKnown ? foreignInjectors(this.#registered) : null;
  }

  #isFollowed(family: keyof ForeignFamilies): boolean {
    const told = this.#switches[family];
    if (told !== 'auto') return told === 'enabled';
    return !foreignInjectors(this.#registered)[family];
  }

  #take(changes: readonly ObjectChange[]): void {
    const before = JSON.stringify(this.families());
    for (const change of changes) {
      if (change.type === 'gone') this.#registered.delete(change.name);
      else this.#registered.add(change.object.metadata.name);
    }
    if (JSON.stringify(this.families()) !== before) {
      this.#log.info(this.families(), 'the words of other meshes that are followed have changed');
    }
  }
}

/** Pods must not wait for an answer that only adds to what they say. */
const PATIENCE_MS = 5_000;
