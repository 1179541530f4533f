import { Backoff } from '../time/backoff.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { type ApiClient, ApiError, type Json } from './api-client.ts';
import { nameSelector } from './list-pages.ts';

/** An object that came or changed, or the name of one that went. */
export type ObjectChange =
  | { readonly type: 'put'; readonly object: Json }
  | { readonly type: 'gone'; readonly namespace: string; readonly name: string };

/** Which collection a {@link ListWatch} follows, and who hears of it. */
export interface ListWatchOptions {
  readonly client: ApiClient;
  /**
   * Collection, `/api/v1/pods` or `/apis/apps/v1/namespaces/default/deployments`. Several name it in different versions of
   * its API: the first that the server has is used, and looked for anew when it is gone.
   */
  readonly paths: readonly string[];
  /** Fetches metadata alone: less to send, to parse and to hold. */
  readonly metadataOnly?: boolean;
  /** The one name that is asked for, in every namespace; absent: all. */
  readonly only?: string | undefined;
  /** The cluster may lack the resource: that counts as an empty list, and is looked at again every 30 s. */
  readonly isOptional?: boolean;
  /** Called in order, for lists once per page. Must not throw. */
  readonly onChanges: (changes: readonly ObjectChange[]) => void;
  /** Called once per spell of trouble, and for each object that is none. */
  readonly onProblem: (message: string) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Objects of one page, at least 1. Default {@link DEFAULT_PAGE_SIZE}. */
  readonly pageSize?: number;
}

/**
 * Follows a collection of an API server: lists it, then watches it from the list's version on.
 *
 * ```
 *          +------------------ 410, or a line that is no JSON -------------------+
 *          v                                                                     |
 *        list --- version ---> watch --- end, error, silence: back-off ---> watch from the last version
 * ```
 *
 * A list says what is there now, so objects that were known and are not in it are reported as gone, after the others
 * have come. Nothing ends it but {@link stop}.
 *
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class ListWatch {
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  readonly #options: ListWatchOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #known = new Set<string>();
  #resolveSynced!: () => void;
  #running: Promise<void> = Promise.resolve();
  /** Where to watch from; empty: a list comes first. */
  #version = '';
  #contactAt = Number.NEGATIVE_INFINITY;
  /** Which of the paths is tried. */
  #at = 0;
  #isTroubled = false;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff({ minMs: 200, maxMs: 30_000, random: this.#random });
    this.synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
  }

  /** Begins to list. To be called once, and not after {@link stop}. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends requests and waiting; resolves when nothing more will be reported. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Milliseconds since the API server was last heard of; Infinity before the first list. */
  stalenessMs(): number {
    return this.#clock.monotonic() - this.#contactAt;
  }

  /** Of a query. A role that names objects grants no more than this (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). */
  get #selection(): string {
    const { only } = this.#options;
    return only === undefined ? '' : `${nameSelector(only)}&`;
  }

  get #path(): string {
    return this.#options.paths[this.#at]!;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const waitMs = await this.#round();
      if (waitMs > 0) await this.#sleep(waitMs);
    }
  }

  /** Lists if need be, and watches once. Returns how long to wait before the next round, milliseconds. */
  async #round(): Promise<number> {
    const startedAt = this.#clock.monotonic();
    try {
      if (this.#version === '') await this.#list();
      const events = await this.#watch();
      const wasUseful = events > 0 || this.#clock.monotonic() - startedAt >= USEFUL_WATCH_MS;
      return wasUseful ? 0 : this.#backoff.next();
    } catch (error) {
      return this.#onFailure(error as Error);
    }
  }

  #onFailure(error: Error): number {
    if (this.#abort.signal.aborted) return 0;
    const { status, reason } = error instanceof ApiError ? error : { status: 0, reason: '' };
    if (status === 410 || reason === 'Expired' || reason === 'Gone' || error instanceof GarbledWatch)
      this.#version = '';
    if (status === 404 && this.#at + 1 < this.#options.paths.length) {
      this.#version = '';
      this.#at++;
      return 0;
    }
    if (status === 404 && this.#options.isOptional) {
      this.#at = 0;
      this.#reportAbsence();
      return ABSENT_RETRY_MS;
    }
    // The version aged out, which is how a watch ends in a quiet cluster: no trouble.
    if (status !== 410) this.#trouble(`${this.#path}: ${error.message}`);
    return this.#backoff.next();
  }

  #reportAbsence(): void {
    this.#version = '';
    this.#removeAllBut(new Set());
    this.#contact();
    this.#resolveSynced();
  }

  async #list(): Promise<void> {
    const { client, pageSize = DEFAULT_PAGE_SIZE, onChanges } = this.#options;
    const accept = this.#options.metadataOnly ? METADATA_LIST : 'application/json';
    const present = new Set<string>();
    let next = '';
    do {
      const query = `${this.#selection}limit=${pageSize}${next && `&continue=${encodeURIComponent(next)}`}`;
      const page = await client.get(`${this.#path}?${query}`, { accept, signal: this.#abort.signal });
      const objects = itemsOf(page).filter((object) => this.#isObject(object));
      for (const object of objects) {
        present.add(keyOf(object.metadata));
        this.#known.add(keyOf(object.metadata));
      }
      onChanges(objects.map((object) => ({ type: 'put', object })));
      next = page.metadata?.continue ?? '';
      this.#version = next === '' ? String(page.metadata?.resourceVersion ?? '') : '';
    } while (next !== '');
    this.#removeAllBut(present);
    this.#contact();
    this.#resolveSynced();
  }

  /** Returns the number of events, bookmarks among them, when the server ends the watch in an orderly way. */
  async #watch(): Promise<number> {
    const { client } = this.#options;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (0.8 + this.#random() * 0.4));
    const query = `${this.#selection}watch=1&allowWatchBookmarks=true&timeoutSeconds=${timeoutSeconds}&resourceVersion=${encodeURIComponent(this.#version)}`;
    const settings = { silenceMs: SILENCE_MS, ...(this.#options.metadataOnly ? { accept: METADATA } : {}) };
    let events = 0;
    for await (const line of client.stream(`${this.#path}?${query}`, this.#abort.signal, settings)) {
      this.#take(parseEvent(line));
      this.#contact();
      events++;
    }
    return events;
  }

  #take({ type, object }: { type: unknown; object: Json }): void {
    if (type === 'ERROR') throw ApiError.from(0, object);
    const version = object?.metadata?.resourceVersion;
    if (typeof version === 'string' && version !== '') this.#version = version;
    if (type === 'BOOKMARK' || !this.#isObject(object)) return;
    const { namespace = '', name } = object.metadata;
    if (type === 'DELETED') {
      this.#known.delete(keyOf(object.metadata));
      this.#options.onChanges([{ type: 'gone', namespace, name }]);
    } else if (type === 'ADDED' || type === 'MODIFIED') {
      this.#known.add(keyOf(object.metadata));
      this.#options.onChanges([{ type: 'put', object }]);
    } else this.#options.onProblem(`${this.#path}: there is no event of type ${JSON.stringify(type)}`);
  }

  #isObject(object: Json): boolean {
    const { name, namespace } = object?.metadata ?? {};
    const isNamed =
      typeof name === 'string' && name !== '' && (namespace === undefined || typeof namespace === 'string');
    if (!isNamed) this.#options.onProblem(`${this.#path}: an object without a name is left out`);
    return isNamed;
  }

  #removeAllBut(present: ReadonlySet<string>): void {
    const gone = [...this.#known].filter((key) => !present.has(key));
    for (const key of gone) this.#known.delete(key);
    if (gone.length === 0) return;
    this.#options.onChanges(
      gone.map((key) => {
        const [namespace, name] = key.split('/') as [string, string];
        return { type: 'gone', namespace, name };
      }),
    );
  }

  #contact(): void {
    this.#contactAt = this.#clock.monotonic();
    this.#backoff.reset();
    this.#isTroubled = false;
  }

  #trouble(message: string): void {
    if (!this.#isTroubled) this.#options.onProblem(message);
    this.#isTroubled = true;
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = this.#clock.after(ms, wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }
}

/** The server sent something that is no list or event: what was missed is not known, so a list has to follow. */
class GarbledWatch extends Error {}

/** Go writes an empty list as null in some of its answers. */
function itemsOf(page: Json): Json[] {
  if (Array.isArray(page?.items)) return page.items;
  if (page?.items === null && String(page.kind).endsWith('List')) return [];
  throw new GarbledWatch('the answer is no list');
}

function parseEvent(line: string): { type: unknown; object: Json } {
  try {
    const event = JSON.parse(line);
    if (typeof event === 'object' && event !== null) return event;
  } catch {}
  throw new GarbledWatch(`the watch sent a line that is no event: ${line.slice(0, 100)}`);
}

function keyOf({ namespace = '', name }: { namespace?: string; name: string }): string {
  return `${namespace}/${name}`;
}

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
/** client-go's page size. */
export const DEFAULT_PAGE_SIZE = 500;
/** After about so long the server ends a watch, so that watches spread over its replicas again; seconds. */
const WATCH_SECONDS = 300;
/** Bookmarks come about once a minute; a watch that is silent for longer may be dead. Watching anew is cheap. Milliseconds. */
const SILENCE_MS = 75_000;
/** A watch that ends sooner and without an event is followed by a pause, milliseconds. */
const USEFUL_WATCH_MS = 5000;
const ABSENT_RETRY_MS = 30_000;
