import { errorMessage } from '../../core/errors/weft-error.ts';
import { keyOf } from './cluster.ts';
import type { Fields } from './json.ts';
import { type Change, KINDS, type Kind, type Kinds, mapOfEachKind } from './kinds.ts';
import type { Meta } from './meta.ts';
import type { ObjectFeed } from './object-feed.ts';
import type { ObjectRef } from './object-ref.ts';
import { MalformedObject, type Problem } from './problem.ts';
import type { Reports } from './reports.ts';

/** An object to hold, as it was sent or written. */
export interface Put {
  readonly kind: Kind;
  readonly raw: Fields;
  /** `manifests/api.yaml:12`, for reports; empty where it came from an API server. */
  readonly place: string;
}

/** One object to hold or to forget. */
export type Write = Put | { readonly kind: Kind; readonly gone: { readonly namespace: string; readonly name: string } };

/**
 * Holds what is read of every object, and feeds on what changes.
 *
 * An object that cannot be read is reported and its last good version kept; where there is none, and its absence would let by
 * what it was written against, what stands for it is held ({@link KindDefinition.whenMalformed}). One that reads the same as before is no
 * change, so that a status that nothing depends on moves nothing.
 */
export class ObjectStore implements ObjectFeed {
  readonly #objects = mapOfEachKind() as { readonly [K in Kind]: Map<string, Held<K>> };
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  readonly #reports: Reports;

  constructor(reports: Reports) {
    this.#reports = reports;
  }

  *list<K extends Kind>(kind: K): Iterable<Kinds[K]> {
    for (const { object } of (this.#objects[kind] as Map<string, Held<K>>).values()) yield object;
  }

  count(kind: Kind): number {
    return this.#objects[kind].size;
  }

  onChange(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over `writes` in order and feeds on what they change, as one batch. */
  write(writes: readonly Write[]): void {
    const changes = writes.map((write) => ('gone' in write ? this.#remove(write.kind, write.gone) : this.#put(write)));
    this.#emit(changes.filter((change) => change !== null));
  }

  /** Makes `puts` everything that is held of `kinds`: whatever else there is goes, after they have come. */
  replace(kinds: readonly Kind[], puts: readonly Put[]): void {
    const present = new Set(puts.map(({ kind, raw }) => finderOf(kind, rawKey(raw))));
    const gone = kinds.flatMap((kind) =>
      [...this.list(kind)]
        .filter((each) => !present.has(finderOf(kind, keyOf(each))))
        .map((each) => ({ kind, gone: each })),
    );
    this.write([...puts, ...gone]);
  }

  #put<K extends Kind>({ kind, raw, place }: { kind: K; raw: Fields; place: string }): Change | null {
    const problems: Problem[] = [];
    const held = this.#objects[kind] as Map<string, Held<K>>;
    const known = held.get(rawKey(raw));
    const { object, isStandIn } = this.#read(kind, raw, problems, !known || known.isStandIn);
    const named: ObjectRef = { kind, namespace: rawNamespace(raw), name: rawName(raw) };
    this.#reports.set(
      finderOf(kind, rawKey(raw)),
      problems.map((problem) => ({ ...problem, object: named, place })),
    );
    if (!object) return null;
    const text = JSON.stringify(object);
    const before = held.get(keyOf(object));
    if (before?.text === text) return null;
    held.set(keyOf(object), { object, text, isStandIn });
    return { kind, before: before?.object ?? null, after: object } as unknown as Change;
  }

  /** The object, or null with the reason noted. Whatever a hostile text makes a reader throw stays its own fault. @param isFirst no good version is held */
  #read<K extends Kind>(
    kind: K,
    raw: Fields,
    problems: Problem[],
    isFirst: boolean,
  ): { object: Kinds[K] | null; isStandIn: boolean } {
    const { read, whenMalformed } = KINDS[kind];
    try {
      return { object: read(raw, problems), isStandIn: false };
    } catch (error) {
      const problem = error instanceof MalformedObject ? error.problem : { path: '', message: errorMessage(error) };
      const instead = isFirst && whenMalformed ? standIn(() => whenMalformed(raw)) : null;
      const fate = instead
        ? 'until it is mended, nothing passes that it could have been meant to refuse'
        : 'this version is ignored';
      problems.push({ path: problem.path, message: `${problem.message}; ${fate}` });
      return { object: instead, isStandIn: true };
    }
  }

  #remove(kind: Kind, { namespace, name }: { namespace: string; name: string }): Change | null {
    const key = `${namespace}/${name}`;
    this.#reports.set(finderOf(kind, key), []);
    const before = this.#objects[kind].get(key);
    if (!before) return null;
    this.#objects[kind].delete(key);
    return { kind, before: before.object, after: null } as Change;
  }

  #emit(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener(changes);
  }
}

/** null: there is not even a name to hold it under. */
function standIn<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}

interface Held<K extends Kind> {
  readonly object: Kinds[K];
  /** Its JSON, by which a change is told from a repetition. */
  readonly text: string;
  /** It stands for one that cannot be read. */
  readonly isStandIn: boolean;
}

/** Whether a finder of {@link Reports} is an object that was read by itself. */
export function isObjectFinder(finder: string): boolean {
  return finder.startsWith('object/');
}

function finderOf(kind: Kind, key: string): string {
  return `object/${kind}/${key}`;
}

function rawKey(raw: Fields): string {
  return `${rawNamespace(raw)}/${rawName(raw)}`;
}

function rawNamespace(raw: Fields): string {
  return String((raw.metadata as Partial<Meta> | undefined)?.namespace ?? '');
}

function rawName(raw: Fields): string {
  return String((raw.metadata as Partial<Meta> | undefined)?.name ?? '');
}
