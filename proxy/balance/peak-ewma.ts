/**
 * The load of one endpoint: peak-sensitive moving average of its latency, times the requests in flight.
 *
 * A latency above the average raises it at once, one below lowers it with time: a slow endpoint is felt by its first
 * slow answer. While answers are owed there is no news that could lower it: an endpoint that has stopped answering is not
 * taken for one that has recovered. Source: linkerd2-proxy (`default_rtt` 30 ms, `decay` 10 s), Finagle's PeakEwma.
 */
export class PeakEwma {
  #averageMs = DEFAULT_RTT_MS;
  #stampMs: number;
  /** Requests, and connections of octets, that are under way. */
  inFlight = 0;
  /** Requests of them whose answer has not begun. */
  #owed = 0;

  constructor(nowMs: number) {
    this.#stampMs = nowMs;
  }

  /** A request goes there: one of {@link answered}, {@link abandoned} and {@link excused} follows. */
  asked(): void {
    this.#owed++;
  }

  /** Its answer's head took `latencyMs`. */
  answered(latencyMs: number, nowMs: number): void {
    this.#owed--;
    const elapsed = Math.max(0, nowMs - this.#stampMs);
    this.#stampMs = nowMs;
    if (latencyMs > this.#averageMs) this.#averageMs = latencyMs;
    else {
      const keep = Math.exp(-elapsed / DECAY_MS);
      this.#averageMs = this.#averageMs * keep + latencyMs * (1 - keep);
    }
  }

  /** It was given up, or failed, after `latencyMs` without an answer, which would have taken longer. */
  abandoned(latencyMs: number, nowMs: number): void {
    this.#owed--;
    if (latencyMs <= this.#averageMs) return;
    this.#averageMs = latencyMs;
    this.#stampMs = nowMs;
  }

  /** It is over, and how it ended says nothing of the endpoint. */
  excused(): void {
    this.#owed--;
  }

  /** What another request would cost here. */
  cost(nowMs: number): number {
    // Without news the average decays, so that an endpoint once slow is tried again.
    const elapsed = this.#owed > 0 ? 0 : Math.max(0, nowMs - this.#stampMs);
    return (this.#averageMs * Math.exp(-elapsed / DECAY_MS) + 0.001) * (this.inFlight + 1);
  }
}

const DEFAULT_RTT_MS = 30;
const DECAY_MS = 10_000;
