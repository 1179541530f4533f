import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

import type { ServerLimit } from '../program/server-limits.ts';

/**
 * Metrics of one program of the control plane, in a registry of their own, next to prom-client's default metrics of the
 * process (`process_*`, `nodejs_*`).
 *
 * A name that is taken twice is an error of prom-client. What `read` throws fails the scrape that asked for it.
 */
export class ProgramMetrics {
  readonly registry = new Registry();
  readonly #prefix: string;
  /** Under the proxy's name and labels, so that one rule watches both. */
  readonly #limits = new Counter({
    name: 'weft_limit_exceeded_total',
    help: 'Times that a client (src) exceeded a limit, by its token.',
    labelNames: ['direction', 'peer', 'limit'],
    registers: [this.registry],
  });

  /** @param prefix what every name begins with: `weft_identity_` */
  constructor(prefix: string) {
    this.#prefix = prefix;
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts that a client of one of the program's servers has exceeded a limit. */
  exceeded(limit: ServerLimit): void {
    this.#limits.inc({ direction: 'inbound', peer: 'src', limit });
  }

  /** Makes a counter of what is counted where it happens. Without labels it is shown from 0 on. */
  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ ...this.#names(name, help), labelNames: [...labelNames] });
  }

  /** Makes a counter of what somebody else counts: `read` is asked at each scrape and never goes down. */
  readCounter(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      ...this.#names(name, help),
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  /** Makes a gauge whose value is read at each scrape. */
  readGauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ ...this.#names(name, help), collect: () => gauge.set(read()) });
  }

  /** Makes a gauge with one value per key of what is read at each scrape; a key that is gone is shown no more. */
  readGauges(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    const gauge: Gauge = new Gauge({
      ...this.#names(name, help),
      labelNames: [label],
      collect: () => {
        gauge.reset();
        for (const [key, value] of read()) gauge.set({ [label]: key }, value);
      },
    });
  }

  /** Makes a histogram without labels. @param buckets upper bounds, ascending, in the unit that the name ends with */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ ...this.#names(name, help), buckets: [...buckets] });
  }

  #names(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    return { name: `${this.#prefix}${name}`, help, registers: [this.registry] };
  }
}
