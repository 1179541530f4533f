import type { Revocations } from '../../api/revocations.ts';
import type { InboundConfig, OutboundTarget } from '../../api/routing.ts';
import { INBOUND_TARGET, type ServerMessage, type TargetKey, WATCH_FEATURES } from '../../api/watch.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { WatchListener } from './watch-client.ts';

/** Hears of every change of a target; null: nothing is known at its address any more. */
export type TargetListener = (target: OutboundTarget | null) => void;

/** What is known of a target; null: destination knows nothing there; `unanswered`: it has not said. */
export type Found = OutboundTarget | null | 'unanswered';

interface Entry {
  version: string;
  /** undefined: nothing has come yet; null: destination knows nothing at this address. */
  target: OutboundTarget | null | undefined;
  readonly waiting: Set<(target: OutboundTarget | null) => void>;
  readonly listeners: Set<TargetListener>;
  lastUsed: number;
}

/**
 * What destination has said, kept for as long as it is used, and for as long as destination is away.
 *
 * A target is asked for when a connection first needs it. When destination does not answer within {@link FIRST_ANSWER_MS} a
 * target that was never seen is `unanswered`, which is not the same as one that it knows nothing of. Of either kind
 * {@link MOST_UNKNOWN} are remembered: an application may go to as many addresses as it likes.
 */
export class Discovery implements WatchListener {
  readonly #clock: Clock;
  readonly #entries = new Map<TargetKey, Entry>();
  /** Targets that nothing is known of, the one that was used the longest ago first. */
  readonly #unknown = new Set<TargetKey>();
  #inboundVersion = '';
  #subscribe: (target: TargetKey) => void = () => {};
  #unsubscribe: (target: TargetKey) => void = () => {};
  readonly #onInbound: (config: InboundConfig) => void;
  readonly #onTrust: (bundle: string, renewIssuedBefore: string) => void;
  readonly #onRevoked: (revocations: Revocations) => void;
  readonly #faultOf: (target: OutboundTarget) => string | null;
  readonly #onExceeded: (limit: DiscoveryLimit) => void;

  /**
   * @param options.faultOf why a description of a target cannot be followed; null: it can
   * @param options.onExceeded a target was forgotten because there are too many
   */
  constructor(options: {
    clock: Clock;
    faultOf: (target: OutboundTarget) => string | null;
    onInbound: (config: InboundConfig) => void;
    onTrust: (bundle: string, renewIssuedBefore: string) => void;
    onRevoked: (revocations: Revocations) => void;
    onExceeded: (limit: DiscoveryLimit) => void;
  }) {
    this.#clock = options.clock;
    this.#onInbound = options.onInbound;
    this.#onTrust = options.onTrust;
    this.#onRevoked = options.onRevoked;
    this.#faultOf = options.faultOf;
    this.#onExceeded = options.onExceeded;
  }

  /** The stream that subscriptions go to. */
  use(watch: { subscribe(target: TargetKey): void; unsubscribe(target: TargetKey): void }): void {
    this.#subscribe = (target) => watch.subscribe(target);
    this.#unsubscribe = (target) => watch.unsubscribe(target);
  }

  /** What the target is, at once where it is known. */
  lookup(key: TargetKey): Promise<Found> | Found {
    const entry = this.#entry(key);
    entry.lastUsed = this.#clock.monotonic();
    if (!entry.target) this.#rememberUnknown(key);
    if (entry.target !== undefined) return entry.target;
    return new Promise((resolve) => {
      const timer = this.#clock.after(FIRST_ANSWER_MS, () => {
        entry.waiting.delete(answer);
        resolve('unanswered');
      });
      const answer = (target: OutboundTarget | null) => {
        timer.cancel();
        resolve(target);
      };
      entry.waiting.add(answer);
    });
  }

  /** Tells `listener` of every change of a target that has been looked up. @returns how to stop */
  listen(key: TargetKey, listener: TargetListener): () => void {
    const { listeners } = this.#entry(key);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Forgets targets that nobody has used for `idleMs`. Not to be called while destination is away. */
  evict(idleMs: number): void {
    const before = this.#clock.monotonic() - idleMs;
    for (const [key, entry] of this.#entries) {
      if (entry.lastUsed <= before) this.#forget(key, entry);
    }
  }

  /** Forgets a target, unless somebody follows it or waits for it. @returns whether it is forgotten */
  #forget(key: TargetKey, { listeners, waiting }: Entry): boolean {
    if (listeners.size > 0 || waiting.size > 0) return false;
    this.#entries.delete(key);
    this.#unknown.delete(key);
    this.#unsubscribe(key);
    return true;
  }

  /** A target that nothing is known of is used; where there are too many, the one that was used the longest ago is forgotten. */
  #rememberUnknown(key: TargetKey): void {
    this.#unknown.delete(key);
    this.#unknown.add(key);
    if (this.#unknown.size <= MOST_UNKNOWN) return;
    for (const oldest of this.#unknown) {
      if (oldest === key || !this.#forget(oldest, this.#entries.get(oldest)!)) continue;
      return this.#onExceeded('unknown_target_limit');
    }
  }

  /** A connection uses the target. */
  touch(key: TargetKey): void {
    const entry = this.#entries.get(key);
    if (entry) entry.lastUsed = this.#clock.monotonic();
  }

  held(): Readonly<Record<TargetKey, string>> {
    const held: Record<TargetKey, string> = { [INBOUND_TARGET]: this.#inboundVersion };
    for (const [key, entry] of this.#entries) held[key] = entry.version;
    return held;
  }

  onMessage(message: ServerMessage): string | null {
    switch (message.type) {
      case 'snapshot': {
        const missing = message.requires.find((feature) => !(WATCH_FEATURES as readonly string[]).includes(feature));
        if (missing) return `feature ${missing} is not known to this proxy`;
        const fault = message.outbound && this.#faultOf(message.outbound);
        if (fault) return fault;
        this.#apply(message.target, message.version, message.outbound);
        return null;
      }
      case 'delta': {
        const entry = this.#entries.get(message.target);
        if (!entry?.target || entry.version !== message.from)
          return `holds version ${entry?.version ?? 'none'}, not ${message.from}`;
        const backend = entry.target.backends[message.backend];
        if (!backend) return `has no backend "${message.backend}"`;
        // Add before remove, so that a backend that is replaced is never empty in between.
        const key = (uid: string, port: number) => `${uid} ${port}`;
        const endpoints = new Map(backend.endpoints.map((endpoint) => [key(endpoint.uid, endpoint.port), endpoint]));
        for (const endpoint of message.add) endpoints.set(key(endpoint.uid, endpoint.port), endpoint);
        for (const [id, endpoint] of endpoints) if (message.remove.includes(endpoint.uid)) endpoints.delete(id);
        const backends = {
          ...entry.target.backends,
          [message.backend]: { ...backend, endpoints: [...endpoints.values()] },
        };
        this.#apply(message.target, message.version, { ...entry.target, backends });
        return null;
      }
      case 'inbound': {
        const missing = message.requires.find((feature) => !(WATCH_FEATURES as readonly string[]).includes(feature));
        if (missing) return `feature ${missing} is not known to this proxy`;
        this.#inboundVersion = message.version;
        this.#onInbound(message.inbound);
        return null;
      }
      case 'trust':
        this.#onTrust(message.bundle, message.renewIssuedBefore);
        return null;
      case 'revoked':
        this.#onRevoked(message.revocations);
        return null;
      default:
        return null;
    }
  }

  /** Every target held, for the admin port. */
  targets(): Readonly<Record<TargetKey, { version: string; target: OutboundTarget | null }>> {
    return Object.fromEntries(
      [...this.#entries].map(([key, { version, target }]) => [key, { version, target: target ?? null }]),
    );
  }

  #apply(key: TargetKey, version: string, target: OutboundTarget | null): void {
    const entry = this.#entries.get(key);
    if (!entry) return; // unsubscribed meanwhile
    entry.version = version;
    entry.target = target;
    for (const answer of entry.waiting) answer(target);
    entry.waiting.clear();
    if (target) this.#unknown.delete(key);
    else this.#rememberUnknown(key);
    for (const listener of entry.listeners) listener(target);
  }

  #entry(key: TargetKey): Entry {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = {
        version: '',
        target: undefined,
        waiting: new Set(),
        listeners: new Set(),
        lastUsed: this.#clock.monotonic(),
      };
      this.#entries.set(key, entry);
      this.#subscribe(key);
    }
    return entry;
  }
}

/** What an application can exceed by where it goes. */
export type DiscoveryLimit = 'unknown_target_limit';

/** Targets that are remembered though nothing is known of them, at 400 octets each. */
export const MOST_UNKNOWN = 10_000;

/** How long the first connection to an address waits for destination. */
export const FIRST_ANSWER_MS = 3000;
