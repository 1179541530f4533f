/** What holds a place: a connection, a handshake, an answer under way. */
export interface Holder {
  /** Whose it is: the client's IP address. */
  readonly address: string;
  /** It has lost its place to another and is to be closed. Called once, and it holds none from then on. */
  evict(): void;
}

/**
 * A bounded number of places that addresses share, so that none of them can keep the others out.
 *
 * A place is *spare* while nothing would be lost with it (nothing has been asked yet, or nothing is asked now), and *kept*
 * otherwise. Where all are taken, a newcomer gets the oldest spare place of the address that has most of those; where its
 * own address has most, only one that has been spare for {@link GRACE_MS}, which no honest client at work is. Kept places
 * are never taken away. So that kept ones cannot fill everything either, an address may hold {@link SHARE} times what is
 * free: alone eight ninths of all, two together sixteen seventeenths, and a client that holds nothing always finds room.
 *
 * An address may be the NAT of many clients: while the others are quiet nearly everything is theirs. IPv6 addresses count
 * each for itself: pods of one node have one /64.
 *
 * Source: dynamic thresholds, Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998.
 */
export class FairShare {
  readonly #most: number;
  readonly #share: number;
  readonly #byAddress = new Map<string, Holdings>();
  /** Addresses by how many spare places they have, those first that came to that number first. */
  readonly #bySpare: (Set<Holdings> | undefined)[] = [];
  #mostSpare = 0;
  #size = 0;

  /** @param most places in all @param share what an address may hold of what is free, times; Infinity: everything */
  constructor(most: number, share = SHARE) {
    this.#most = most;
    this.#share = share;
  }

  /** Places that are taken. */
  get size(): number {
    return this.#size;
  }

  /**
   * Gives a place, spare at first, for which another may be evicted. @param nowMs monotonic milliseconds
   *
   * @returns false: there is none for it. Whether anybody was evicted is told to whoever was
   */
  enter(holder: Holder, nowMs: number): boolean {
    const own = this.#byAddress.get(holder.address);
    const greediest = this.#greediest;
    // Whoever has less than another has to spare is not the one who fills everything.
    const isOverShare =
      own !== undefined &&
      own.size >= this.#share * (this.#most - this.#size) &&
      own.size >= (greediest?.spare.size ?? 0);
    if (isOverShare || this.#size >= this.#most) {
      const from = isOverShare ? own : greediest;
      const [oldest, sinceMs] = from?.spare.entries().next().value ?? NOBODY;
      if (!oldest) return false;
      const wouldHaveMore = from!.spare.size <= (own?.spare.size ?? 0) + 1;
      if (wouldHaveMore && nowMs - sinceMs < GRACE_MS) return false;
      this.leave(oldest);
      oldest.evict();
    }
    const holdings = this.#holdingsOf(holder.address);
    holdings.size++;
    this.#size++;
    this.#setSpare(holdings, holder, nowMs);
    return true;
  }

  /** The place is kept from now on. */
  keep(holder: Holder): void {
    const holdings = this.#byAddress.get(holder.address);
    if (!holdings?.spare.has(holder)) return;
    this.#unsetSpare(holdings, holder);
    holdings.kept.add(holder);
  }

  /** The place that was kept is spare again. */
  spare(holder: Holder, nowMs: number): void {
    const holdings = this.#byAddress.get(holder.address);
    if (holdings?.kept.delete(holder)) this.#setSpare(holdings, holder, nowMs);
  }

  /** Gives the place back; one that has none gives nothing. */
  leave(holder: Holder): void {
    const holdings = this.#byAddress.get(holder.address);
    if (!holdings) return;
    if (holdings.spare.has(holder)) this.#unsetSpare(holdings, holder);
    else if (!holdings.kept.delete(holder)) return;
    holdings.size--;
    this.#size--;
    if (holdings.size === 0) this.#byAddress.delete(holder.address);
  }

  get #greediest(): Holdings | undefined {
    return this.#bySpare[this.#mostSpare]?.values().next().value;
  }

  #holdingsOf(address: string): Holdings {
    let holdings = this.#byAddress.get(address);
    if (!holdings) {
      holdings = { size: 0, spare: new Map(), kept: new Set() };
      this.#byAddress.set(address, holdings);
    }
    return holdings;
  }

  #setSpare(holdings: Holdings, holder: Holder, nowMs: number): void {
    this.#bySpare[holdings.spare.size]?.delete(holdings);
    holdings.spare.set(holder, nowMs);
    this.#rank(holdings);
    this.#mostSpare = Math.max(this.#mostSpare, holdings.spare.size);
  }

  #unsetSpare(holdings: Holdings, holder: Holder): void {
    this.#bySpare[holdings.spare.size]!.delete(holdings);
    holdings.spare.delete(holder);
    if (holdings.spare.size > 0) this.#rank(holdings);
    while (this.#mostSpare > 0 && !this.#bySpare[this.#mostSpare]?.size) this.#mostSpare--;
  }

  #rank(holdings: Holdings): void {
    const spare = holdings.spare.size;
    this.#bySpare[spare] ??= new Set();
    this.#bySpare[spare].add(holdings);
  }
}

/** Places of one address. */
interface Holdings {
  size: number;
  /** Since when each is spare, the oldest first. */
  readonly spare: Map<Holder, number>;
  readonly kept: Set<Holder>;
}

/** What an address may hold, times what is free. */
const SHARE = 8;
/** A client at work says its next word sooner: three round trips around the earth, milliseconds. */
const GRACE_MS = 1000;
const NOBODY = [null, 0] as const;
