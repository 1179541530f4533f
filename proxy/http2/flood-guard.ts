/**
 * What one peer makes us do without getting anywhere, against what it may.
 *
 * One budget for every kind of frame, because floods can be mixed. Its unit is about a microsecond of processor time; it
 * comes back at a quarter of its size a second, 10,000 a second by default, so that a peer wastes one per cent of a core
 * at most in the long run. Ordinary traffic earns as it goes, so that what follows from it never adds up:
 *
 * | client | spends | earns |
 * |---|---|---|
 * | gRPC, cancels every second call | 80 for the reset | 40 for each of the two streams that ended |
 * | requests time out after a tenth of a second or more | 40 for the reset, whatever their number | 40 for the stream that ended |
 * | WINDOW_UPDATE for stream and connection and a PING after every frame | 3 | 4 for the frame |
 * | PING each 10 s, a tree of PRIORITY frames at the beginning | 1 each | comes back by itself |
 * | one octet a frame, either way | nothing | 4 for each frame sent |
 *
 * The clock is read only when the budget seems used up. Nothing is allocated.
 */
export class FloodGuard {
  readonly #budget: number;
  readonly #nowMs: () => number;
  #left: number;
  #refilledMs: number;

  /**
   * @param budget what may be spent at once, see {@link DEFAULT_FLOOD_BUDGET}
   * @param nowMs monotonic milliseconds
   * @param start what of it is there at the beginning
   */
  constructor(budget: number, nowMs: () => number, start = budget) {
    this.#budget = budget;
    this.#nowMs = nowMs;
    this.#left = start;
    this.#refilledMs = nowMs();
  }

  /** The peer made us do what has this price. @returns true: it has spent more than it may */
  spend(price: number): boolean {
    this.#left -= price;
    return this.#left < 0 && this.#isSpent();
  }

  /** The peer made progress. */
  earn(worth: number): void {
    const left = this.#left + worth;
    this.#left = Math.min(left, this.#budget);
  }

  #isSpent(): boolean {
    const nowMs = this.#nowMs();
    const back = Math.floor(((nowMs - this.#refilledMs) * this.#budget) / (1000 * SECONDS_TO_REFILL));
    if (back > 0) {
      this.#refilledMs = nowMs;
      this.earn(Math.min(back, 2 * this.#budget));
    }
    return this.#left < 0;
  }
}

/** 1,000 resets, four times the streams of a connection: a client that ends may cancel all that it has, more than once. */
export const DEFAULT_FLOOD_BUDGET = 40_000;

/** Share of the budget with which a connection begins whose client was cut off just before: 25 resets, 1,000 PINGs. */
export const PROBATION_SHARE = 1 / 40;

const SECONDS_TO_REFILL = 4;

/** PING, PRIORITY, WINDOW_UPDATE, empty DATA, an unknown type, or a frame for a stream that is over: read and forgotten. */
export const PRICE_OF_FRAME = 1;
/** A reply to a peer that does not read: dear, because it stays in our memory. */
export const PRICE_OF_UNREAD_REPLY = 100;
/** SETTINGS: its answer, and a new try for every stream that waits; beside it {@link PRICE_OF_FRAME} a parameter. */
export const PRICE_OF_SETTINGS = 20;
/** A piece of a header block: a block that we accept has five at most. */
export const PRICE_OF_CONTINUATION = 50;
/** Every stream that ends earns {@link WORTH_OF_STREAM}, so that one that was reset at once costs the difference. */
export const PRICE_OF_RESET = 80;

/**
 * The price of a reset by the peer. To give up is ordinary where a server is too slow, and then all give up. What has been
 * under way for long was work that was wanted: it costs no more than it earns, as its number is bounded by the streams that
 * a connection has. The price falls from {@link PRICE_OF_RESET} to {@link WORTH_OF_STREAM} by then.
 *
 * @param ageMs how long the stream was there @param ripeMs how long is long
 */
export function priceOfReset(ageMs: number, ripeMs: number): number {
  if (ageMs >= ripeMs) return WORTH_OF_STREAM;
  return PRICE_OF_RESET - Math.floor(((PRICE_OF_RESET - WORTH_OF_STREAM) * Math.max(ageMs, 0)) / ripeMs);
}

/** A client that gives up after so many milliseconds has waited; with all of its 250 streams it does so 2,500 times a second. */
export const RIPE_MS = 100;
/** The same of a proxy, who gives up for all of its clients, and is known. */
export const RIPE_OF_PEER_MS = 10;
/** A stream refused at its beginning: decoded, and answered with RST_STREAM. */
export const PRICE_OF_REFUSAL = 20;
/** A header list that is too large is decoded up to four times the limit. */
export const PRICE_OF_LARGE_HEADERS = 400;

export const WORTH_OF_STREAM = 40;
/** A DATA frame sent that the peer's window did not cut short. */
export const WORTH_OF_DATA = 4;
