/**
 * The load of one endpoint: peak-sensitive moving average of its latency, times the requests in flight.
 *
 * A latency above the average raises it at once, one below lowers it with time: a slow endpoint is felt by its first
 * slow answer. Source: linkerd2-proxy (`default_rtt` 30 ms, `decay` 10 s), Finagle's PeakEwma.
 */
export class PeakEwma {
  #averageMs = DEFAULT_RTT_MS;
  #stampMs: number;
  inFlight = 0;

  constructor(nowMs: number) {
    this.#stampMs = nowMs;
  }

  /** An attempt took `latencyMs` to its answer's head. */
  observe(latencyMs: number, nowMs: number): void {
    const elapsed = Math.max(0, nowMs - this.#stampMs);
    this.#stampMs = nowMs;
    if (latencyMs > this.#averageMs) this.#averageMs = latencyMs;
    else {
      const keep = Math.exp(-elapsed / DECAY_MS);
      this.#averageMs = this.#averageMs * keep + latencyMs * (1 - keep);
    }
  }

  /** What another request would cost here. */
  cost(nowMs: number): number {
    // Without news the average decays, so that an endpoint once slow is tried again.
    const keep = Math.exp(-Math.max(0, nowMs - this.#stampMs) / DECAY_MS);
    return (this.#averageMs * keep + 0.001) * (this.inFlight + 1);
  }
}

const DEFAULT_RTT_MS = 30;
const DECAY_MS = 10_000;
