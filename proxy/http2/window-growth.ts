/**
 * Octets that all connections of a process may hold for their readers beyond what windows begin with: the bound on what
 * growing windows can cost.
 */
export class WindowBudget {
  /** The bound, octets; 0: no window grows. */
  total: number;
  /** By how much the windows of open streams have grown. */
  grown = 0;
  /** Octets that wait in queues now, of whatever window they came through: slow readers leave less for growth. */
  held = 0;

  constructor(total: number) {
    this.total = total;
  }

  /** Reserves up to `octets`; none where only a part of a beginning window would be left. @returns how many */
  take(octets: number): number {
    const left = this.total - this.grown - this.held;
    const taken = Math.min(octets, left);
    if (taken < SMALLEST_GROWTH) return 0;
    this.grown += taken;
    return taken;
  }

  /** A stream is over whose window had grown by `octets`. */
  giveBack(octets: number): void {
    this.grown -= octets;
  }
}

/**
 * Tells when a receive window holds its sender back: when a third of it or more comes within a round trip.
 * (Granting halves lets through between half a window and a whole one.)
 *
 * Such a window doubles, so that it ends between three and six times what the path carries in a round trip (its
 * bandwidth-delay product). The round trip is the shortest that was seen, because longer ones waited in queues, which no
 * window makes shorter; it is known from the answer to our first SETTINGS and from PINGs. At least one PING has to be
 * answered first: the answer to SETTINGS may have waited for a peer that was just starting.
 */
export class WindowGrowth {
  /** Monotonic microseconds, the lower 32 bits: small integers, whose differences hold for half an hour. */
  readonly #nowUs: () => number;
  /** Shortest round trip, microseconds; 0: unknown. */
  #roundTripUs = 0;
  #settingsSentUs: number;
  #probeSentUs = 0;
  #isProbing = false;
  #isProven = false;

  /** @param nowMs monotonic milliseconds */
  constructor(nowMs: () => number) {
    this.#nowUs = () => (nowMs() * 1000) | 0;
    this.#settingsSentUs = this.#nowUs();
  }

  /** The time to hand to {@link holdsBack} later, never 0. */
  nowUs(): number {
    return this.#nowUs() || 1;
  }

  /**
   * Whether a window of `size` octets holds its sender back, `granted` octets of which came from `sinceUs` to `nowUs`.
   *
   * @param sinceUs when there was a grant before; 0: never
   */
  holdsBack(size: number, granted: number, sinceUs: number, nowUs: number): boolean {
    const roundTripUs = this.#roundTripUs;
    if (sinceUs === 0 || roundTripUs < SHORTEST_ROUND_TRIP_US) return false;
    return granted * roundTripUs * 3 >= size * ((nowUs - sinceUs) | 0);
  }

  /** A PING was answered: the round trip can be relied on. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** A PING is under way. */
  get isProbing(): boolean {
    return this.#isProbing;
  }

  /** The first SETTINGS was acknowledged. */
  settingsAnswered(): void {
    if (this.#settingsSentUs === 0) return;
    this.#saw(this.#settingsSentUs);
    this.#settingsSentUs = 0;
  }

  /** A PING is sent, so that the round trip is known better. */
  probeSent(): void {
    this.#isProbing = true;
    this.#probeSentUs = this.#nowUs();
  }

  /** It was answered. */
  probeAnswered(): void {
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.#isProven = true;
    this.#saw(this.#probeSentUs);
  }

  #saw(sentUs: number): void {
    const took = Math.max(1, (this.#nowUs() - sentUs) | 0);
    if (this.#roundTripUs === 0 || took < this.#roundTripUs) this.#roundTripUs = took;
  }
}

/** Less is not worth a step. */
const SMALLEST_GROWTH = 16_384;

/**
 * Below it a window of 65,535 octets carries 131 MB/s, more than a core encrypts: within a host nothing grows, and nothing
 * is held that need not be.
 */
const SHORTEST_ROUND_TRIP_US = 500;

/** Windows of the process's connections. 16 MiB: as much as one connection of 250 streams may hold without growth. */
export const DEFAULT_WINDOW_BUDGET = 16_777_216;
