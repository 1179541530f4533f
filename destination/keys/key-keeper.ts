import { errorMessage } from '../../core/errors/weft-error.ts';
import { Backoff } from '../../core/time/backoff.ts';
import type { Clock, Timer } from '../../core/time/clock.ts';
import type { FetchedKeys } from '../objects/fetched-keys.ts';
import type { ObjectFeed } from '../objects/object-feed.ts';
import type { GotKeys, KeyRequest } from './fetch-keys.ts';

/**
 * Keeps the keys of every issuer that a RequestAuthentication names a source of. They are got as soon as one does, and again
 * as their answer says, {@link MIN_REFRESH_MS} to {@link MAX_REFRESH_MS} later; while the source is away those that were got stay,
 * and it is asked again after {@link MIN_RETRY_MS} to {@link MAX_RETRY_MS}.
 */
export class KeyKeeper {
  readonly #objects: ObjectFeed;
  readonly #clock: Clock;
  readonly #fetch: (request: KeyRequest, signal: AbortSignal) => Promise<GotKeys>;
  readonly #onFetched: (url: string, fetched: FetchedKeys | null) => void;
  readonly #sources = new Map<string, Source>();
  readonly #unlisten: () => void;

  constructor(options: {
    objects: ObjectFeed;
    clock: Clock;
    fetch: (request: KeyRequest, signal: AbortSignal) => Promise<GotKeys>;
    /** Told of each change; null: nobody wants the keys any more. */
    onFetched: (url: string, fetched: FetchedKeys | null) => void;
  }) {
    this.#objects = options.objects;
    this.#clock = options.clock;
    this.#fetch = options.fetch;
    this.#onFetched = options.onFetched;
    this.#unlisten = options.objects.onChange((changes) => {
      if (changes.some(({ kind }) => kind === 'RequestAuthentication')) this.#follow();
    });
    this.#follow();
  }

  /** Ends the listening, and what is being fetched. */
  close(): void {
    this.#unlisten();
    for (const source of this.#sources.values()) this.#end(source);
    this.#sources.clear();
  }

  #follow(): void {
    const wanted = wantedOf(this.#objects);
    for (const [url, source] of this.#sources)
      if (!wanted.has(url)) {
        this.#end(source);
        this.#sources.delete(url);
        this.#onFetched(url, null);
      }
    for (const [url, request] of wanted) {
      const known = this.#sources.get(url);
      if (known) known.request = request;
      else if (this.#sources.size < MAX_SOURCES) this.#begin(request);
      else this.#onFetched(url, { keys: null, fault: `there are more than ${MAX_SOURCES} sources of keys` });
    }
  }

  #begin(request: KeyRequest): void {
    const source: Source = {
      request,
      backoff: new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS }),
      abort: new AbortController(),
      fetched: null,
      timer: null,
    };
    this.#sources.set(request.url, source);
    void this.#get(source);
  }

  async #get(source: Source): Promise<void> {
    source.timer = null;
    try {
      const { keys, maxAgeMs } = await this.#fetch(source.request, source.abort.signal);
      source.backoff.reset();
      this.#tell(source, { keys, fault: '' }, refreshMs(maxAgeMs));
    } catch (error) {
      this.#tell(source, { keys: source.fetched?.keys ?? null, fault: errorMessage(error) }, source.backoff.next());
    }
  }

  #tell(source: Source, fetched: FetchedKeys, againMs: number): void {
    if (source.abort.signal.aborted) return;
    source.timer = this.#clock.after(againMs, () => void this.#get(source));
    const isSame = JSON.stringify(fetched) === JSON.stringify(source.fetched);
    source.fetched = fetched;
    if (!isSame) this.#onFetched(source.request.url, fetched);
  }

  #end({ abort, timer }: Source): void {
    abort.abort();
    timer?.cancel();
  }
}

interface Source {
  request: KeyRequest;
  readonly backoff: Backoff;
  readonly abort: AbortController;
  /** null: nothing has come of it yet. */
  fetched: FetchedKeys | null;
  timer: Timer | null;
}

/** What is to be fetched, by URL; of rules with the same the one that is given most time. */
function wantedOf(objects: ObjectFeed): Map<string, KeyRequest> {
  const wanted = new Map<string, KeyRequest>();
  for (const { rules, isForOthers } of objects.list('RequestAuthentication'))
    for (const { issuer, keys } of isForOthers ? [] : rules) {
      if (keys.kind === 'inline' || (wanted.get(keys.url)?.timeoutMs ?? 0) >= keys.timeoutMs) continue;
      wanted.set(keys.url, { url: keys.url, kind: keys.kind, issuer, timeoutMs: keys.timeoutMs });
    }
  return wanted;
}

/** As an answer says, within the bounds in which a key that is taken back may still be taken for good. */
function refreshMs(maxAgeMs: number | null): number {
  return Math.min(Math.max(maxAgeMs ?? MIN_REFRESH_MS, MIN_REFRESH_MS), MAX_REFRESH_MS);
}

/** Istio's proxies ask every 5 minutes, its control plane every 20. */
const MIN_REFRESH_MS = 5 * 60_000;
const MAX_REFRESH_MS = 20 * 60_000;
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** Sources of one mesh; a mesh has a handful. */
const MAX_SOURCES = 256;
