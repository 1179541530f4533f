import type { CounterFamily, HistogramFamily, Labels } from './registry.ts';

/** An endpoint is gone. @param isBusy whether something is under way there still */
type Release = (nowMs: number, isBusy: () => boolean) => void;

interface Gone {
  readonly labels: Labels;
  readonly sinceMs: number;
  readonly isBusy: () => boolean;
}

/**
 * The series of endpoints. Those of one that is gone are let go after {@link KEPT_MS}, so that a Service whose pods come and go
 * does not use its families up, and those that are there fall into overflow.
 */
export class EndpointSeries {
  readonly #families: readonly (CounterFamily | HistogramFamily)[];
  /** How many endpoints have the same labels, as backends of several names do. */
  readonly #holders = new Map<string, number>();
  /** In the order in which they went. */
  #gone: Gone[] = [];

  /** @param families whose series begin with the labels of an endpoint */
  constructor(families: readonly (CounterFamily | HistogramFamily)[]) {
    this.#families = families;
  }

  /** An endpoint with these labels is there. @returns to be called once when it is gone */
  hold(labels: Labels): Release {
    const key = JSON.stringify(labels);
    this.#holders.set(key, (this.#holders.get(key) ?? 0) + 1);
    return (sinceMs, isBusy) => {
      // Where nobody scrapes, they must not gather.
      this.sweep(sinceMs);
      this.#gone.push({ labels, sinceMs, isBusy });
    };
  }

  /** Lets go of what nobody will count any more. */
  sweep(nowMs: number): void {
    if (this.#gone.length === 0 || nowMs - this.#gone[0]!.sinceMs < KEPT_MS) return;
    this.#gone = this.#gone.filter((gone) => {
      if (nowMs - gone.sinceMs < KEPT_MS || gone.isBusy()) return true;
      this.#forget(gone.labels);
      return false;
    });
  }

  #forget(labels: Labels): void {
    const key = JSON.stringify(labels);
    const others = this.#holders.get(key)! - 1;
    if (others > 0) return void this.#holders.set(key, others);
    this.#holders.delete(key);
    for (const family of this.#families) family.forget(labels);
  }
}

/** Ten minutes, as linkerd2-proxy: some scrapes see the last of it. */
export const KEPT_MS = 10 * 60_000;
