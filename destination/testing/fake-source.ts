import type { Fields } from '../objects/json.ts';
import type { Kind } from '../objects/kinds.ts';
import { kindOf } from '../objects/manifest-file.ts';
import { ObjectStore } from '../objects/object-store.ts';
import type { Reports } from '../objects/reports.ts';
import type { Source } from '../watch/source.ts';

/** A source that holds what a test gives it. */
export class FakeSource implements Source {
  readonly objects: ObjectStore;

  constructor(reports: Reports) {
    this.objects = new ObjectStore(reports);
  }

  /** Holds each object, in one batch. */
  put(...objects: readonly object[]): void {
    this.objects.write(objects.map((raw) => ({ kind: kindOfManifest(raw), raw: raw as Fields, place: '' })));
  }

  remove(kind: Kind, name: string, namespace = 'default'): void {
    this.objects.write([{ kind, gone: { namespace, name } }]);
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  staleness(): ReadonlyMap<string, number> {
    return new Map();
  }
}

/** As its API group has it; without an apiVersion as its kind is called. */
function kindOfManifest(raw: object): Kind {
  const {
    apiVersion = '',
    kind,
    metadata,
  } = raw as {
    readonly apiVersion?: string;
    readonly kind: Kind;
    readonly metadata?: { readonly name?: string };
  };
  return kindOf(apiVersion.split('/').slice(0, -1).join('/'), kind, metadata?.name) ?? kind;
}
