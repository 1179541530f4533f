import { Cluster } from '../../destination/objects/cluster.ts';
import type { Fields } from '../../destination/objects/json.ts';
import { KINDS, type Kind } from '../../destination/objects/kinds.ts';
import type { OtherManifest } from '../../destination/objects/manifest-file.ts';
import type { MeshDomain } from '../../destination/objects/mesh-domain.ts';
import { formatRef, type ObjectRef, refOf } from '../../destination/objects/object-ref.ts';
import { ObjectStore, type Put } from '../../destination/objects/object-store.ts';
import { type Report, Reports } from '../../destination/objects/reports.ts';
import type { ForeignFamilies } from '../../webhook/inject/settings.ts';

/** Objects as they were found, before anything is made of them. */
export interface FoundObjects {
  readonly puts: readonly Put[];
  /** Those of kinds that decide nothing here. */
  readonly others: readonly OtherManifest[];
  /** What could not be read at all. */
  readonly faults: readonly Report[];
  readonly domain: MeshDomain;
  /** Which other meshes have an injector there; null: not known, as manifests alone do not say. */
  readonly injectors: ForeignFamilies | null;
}

/** An object that was written, and where. */
export interface WrittenObject {
  readonly raw: Fields;
  /** `path:line`; empty where it came from an API server. */
  readonly place: string;
}

/** What the control plane would hold of a set of objects, read once by its own code. */
export class MeshState {
  readonly cluster = new Cluster();
  readonly objects: ObjectStore;
  readonly others: readonly OtherManifest[];
  readonly domain: MeshDomain;
  readonly injectors: ForeignFamilies | null;
  readonly #faults: readonly Report[];
  readonly #reports = new Reports();
  readonly #written = new Map<string, WrittenObject>();
  /** Topics under which the cluster finds each object, by `kind/namespace/name` with the kind of {@link KINDS}. */
  readonly #topics = new Map<string, ReadonlySet<string>>();

  constructor({ puts, others, faults, domain, injectors }: FoundObjects) {
    this.objects = new ObjectStore(this.#reports);
    this.others = others;
    this.domain = domain;
    this.injectors = injectors;
    this.#faults = faults;
    this.objects.onChange((changes) => {
      for (const change of changes)
        this.#topics.set(formatRef(refOf(change.kind, change.after!)), this.cluster.apply([change]));
    });
    for (const { kind, raw, place } of puts) {
      const { namespace = '', name = '' } = raw.metadata as { namespace?: string; name?: string };
      for (const called of new Set([kind, KINDS[kind].name]))
        this.#written.set(formatRef({ kind: called, namespace, name }), { raw, place });
    }
    this.objects.write(puts);
  }

  /** What is wrong with objects and files by themselves. */
  get reports(): readonly Report[] {
    return [...this.#faults, ...this.#reports.current()];
  }

  /** An object as it was written; null: it was not. */
  written(object: ObjectRef): WrittenObject | null {
    return this.#written.get(formatRef(object)) ?? null;
  }

  /** `path:line` of an object; empty where nothing is known of it or it came from an API server. */
  placeOf(object: ObjectRef): string {
    return this.written(object)?.place ?? '';
  }

  /** Whether any of `topics`, which computations looked up, leads to the object. */
  isLookedUp(kind: Kind, object: { namespace: string; name: string }, topics: ReadonlySet<string>): boolean {
    return [...(this.#topics.get(formatRef(refOf(kind, object))) ?? [])].some((topic) => topics.has(topic));
  }
}
