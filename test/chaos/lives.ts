import { type Growth, growthOf, type Sample } from './growth.ts';

/** What a process was seen with. */
export interface Seen {
  readonly name: string;
  readonly pid: number;
  readonly sample: Sample;
}

/** The samples of every process that there was. The first minutes of each, in which its heap fills, do not count. */
export class Lives {
  readonly #samples = new Map<string, { readonly fromMs: number; readonly samples: Sample[] }>();
  readonly #beginMs: number;
  readonly #warmUpMs: number;

  /** @param beginMs when the load begins, milliseconds since 1970 @param warmUpMs how long heaps fill from then, or from a later start */
  constructor(beginMs: number, warmUpMs: number) {
    this.#beginMs = beginMs;
    this.#warmUpMs = warmUpMs;
  }

  add({ name, pid, sample }: Seen): void {
    const key = `${name} ${pid}`;
    let life = this.#samples.get(key);
    if (!life) {
      life = { fromMs: Math.max(sample.atMs, this.#beginMs) + this.#warmUpMs, samples: [] };
      this.#samples.set(key, life);
    }
    if (sample.atMs >= life.fromMs) life.samples.push(sample);
  }

  /** Of those that live. @param atRest of each the last sample */
  growth(atRest: readonly Seen[]): Growth[] {
    return atRest.flatMap(({ name, pid, sample }) => {
      const samples = this.#samples.get(`${name} ${pid}`)?.samples ?? [];
      return samples.length > 1 ? growthOf(name, pid, samples, sample) : [];
    });
  }

  /** Resident memory of a process, a sample after the other. */
  octetsOf({ name, pid }: { readonly name: string; readonly pid: number }): number[] {
    return this.#samples.get(`${name} ${pid}`)?.samples.map(({ octets }) => octets) ?? [];
  }
}
