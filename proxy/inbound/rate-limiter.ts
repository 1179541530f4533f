import type { RateLimit } from '../../api/routing.ts';
import { overridesByClient } from '../routing/rate-override.ts';
import type { Counter } from '../telemetry/registry.ts';

/** Which bound of a rate limit a request exceeds: that of all clients, of each identity, or of those named together. */
export type RateLimitScope = 'total' | 'identity' | 'override';

/**
 * Lets through so many requests a second, in all, of each client identity, or of the identities that an override names
 * together: they share one bucket, and an identity that several overrides name has that of the last. A bucket holds one
 * second's worth. A request that its identity may not send takes nothing from the total, which in linkerd2-proxy it does.
 *
 * Source: Linkerd, HTTPLocalRateLimitPolicy; linkerd2-proxy, linkerd/proxy/server-policy/src/local_rate_limit.rs.
 */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #refused: Readonly<Record<RateLimitScope, Counter>>;
  readonly #total: TokenBucket | null;
  readonly #overrides = new Map<string, TokenBucket>();
  readonly #identities = new Map<string, TokenBucket>();
  /** When full buckets were last looked for: a crowd of identities must not have all of them searched at each request. */
  #searchedMs = Number.NEGATIVE_INFINITY;
  /** For identities beyond {@link MAX_IDENTITIES}. */
  readonly #others: TokenBucket | null;

  /** @param refused counts the requests that are not let through */
  constructor(limit: RateLimit, refused: Readonly<Record<RateLimitScope, Counter>>) {
    this.#limit = limit;
    this.#refused = refused;
    const { totalPerSecond, identityPerSecond, overrides = [] } = limit;
    this.#total = totalPerSecond === undefined ? null : new TokenBucket(totalPerSecond);
    this.#others = identityPerSecond === undefined ? null : new TokenBucket(identityPerSecond);
    const shared = new Map(overrides.map((override) => [override, new TokenBucket(override.perSecond)]));
    for (const [client, override] of overridesByClient(limit)) this.#overrides.set(client, shared.get(override)!);
  }

  /**
   * Takes a request of a client into account.
   *
   * @param identity DNS identity; empty: clients without one, who share a bucket
   * @param nowMs monotonic
   * @returns a sentence that says which bound it would exceed; null: it may go on
   */
  refusal(identity: string, nowMs: number): string | null {
    const override = this.#overrides.get(identity);
    const own = override ?? this.#bucketOf(identity, nowMs);
    if (own && !own.has(nowMs)) return this.#refuse(override ? 'override' : 'identity', own.perSecond);
    if (this.#total && !this.#total.has(nowMs)) return this.#refuse('total', this.#total.perSecond);
    own?.take();
    this.#total?.take();
    return null;
  }

  #bucketOf(identity: string, nowMs: number): TokenBucket | null {
    const { identityPerSecond } = this.#limit;
    if (identityPerSecond === undefined) return null;
    let bucket = this.#identities.get(identity);
    if (bucket) return bucket;
    if (this.#identities.size >= MAX_IDENTITIES && nowMs - this.#searchedMs >= SEARCH_MS) this.#forgetFull(nowMs);
    if (this.#identities.size >= MAX_IDENTITIES) return this.#others;
    bucket = new TokenBucket(identityPerSecond);
    this.#identities.set(identity, bucket);
    return bucket;
  }

  /** A full bucket is as good as a new one. */
  #forgetFull(nowMs: number): void {
    this.#searchedMs = nowMs;
    for (const [identity, bucket] of this.#identities) if (bucket.isFull(nowMs)) this.#identities.delete(identity);
  }

  #refuse(scope: RateLimitScope, perSecond: number): string {
    this.#refused[scope].value++;
    return `${this.#limit.origin} lets ${perSecond} requests a second ${WHOSE[scope]} through`;
  }
}

/** Fills up by so many tokens a second, to as many as it gets in one. */
class TokenBucket {
  readonly perSecond: number;
  #tokens: number;
  #atMs = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Whether a token is there. */
  has(nowMs: number): boolean {
    if (this.#atMs > 0)
      this.#tokens = Math.min(this.perSecond, this.#tokens + ((nowMs - this.#atMs) * this.perSecond) / 1000);
    this.#atMs = nowMs;
    return this.#tokens >= 1;
  }

  take(): void {
    this.#tokens--;
  }

  isFull(nowMs: number): boolean {
    this.has(nowMs);
    return this.#tokens >= this.perSecond;
  }
}

const WHOSE: Readonly<Record<RateLimitScope, string>> = {
  total: 'of all clients',
  identity: 'of this client',
  override: 'of this client and those named with it',
};

/** Identities that have a bucket of their own, so that a crowd of them cannot take memory: about 100 octets each. */
const MAX_IDENTITIES = 10_000;
/** A bucket is full a second after its last request at the latest, so that looking more often finds little. */
const SEARCH_MS = 1000;
