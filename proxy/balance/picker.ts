import type { Balancer } from '../../api/traffic-policy.ts';
import type { Candidate } from './candidate.ts';
import { type SlowStart, warmth } from './slow-start.ts';

/** Chooses one of several equals; the list is never empty. */
export interface Picker {
  pick<C extends Candidate>(candidates: readonly C[], nowMs: number): C;
}

/** The picker of an algorithm. @param random from 0 to below 1 */
export function pickerOf(balancer: Balancer | undefined, random: () => number): Picker {
  const slowStart = balancer?.slowStart;
  switch (balancer?.algorithm ?? 'peak-ewma') {
    case 'peak-ewma':
      return new PowerOfTwo((candidate, nowMs) => candidate.cost(nowMs), slowStart, random);
    case 'least-request':
      return new PowerOfTwo((candidate) => candidate.inFlight + 1, slowStart, random);
    case 'round-robin':
      return new RoundRobin(slowStart, random);
    case 'random':
    case 'consistent-hash':
      // A request without a key goes to any; those with one never come here.
      return { pick: (candidates) => candidates[Math.floor(random() * candidates.length)]! };
  }
}

/**
 * The cheaper of two taken at random ("power of two choices", Mitzenmacher 2001): nearly as even as always taking the
 * cheapest, without sending everybody there at once.
 */
class PowerOfTwo implements Picker {
  readonly #costOf: (candidate: Candidate, nowMs: number) => number;
  readonly #slowStart: SlowStart | undefined;
  readonly #random: () => number;

  constructor(
    costOf: (candidate: Candidate, nowMs: number) => number,
    slowStart: SlowStart | undefined,
    random: () => number,
  ) {
    this.#costOf = costOf;
    this.#slowStart = slowStart;
    this.#random = random;
  }

  pick<C extends Candidate>(candidates: readonly C[], nowMs: number): C {
    const count = candidates.length;
    if (count === 1) return candidates[0]!;
    const first = Math.floor(this.#random() * count);
    let second = Math.floor(this.#random() * (count - 1));
    if (second >= first) second++;
    const a = candidates[first]!;
    const b = candidates[second]!;
    return this.#cost(b, nowMs) < this.#cost(a, nowMs) ? b : a;
  }

  #cost(candidate: Candidate, nowMs: number): number {
    const cost = this.#costOf(candidate, nowMs);
    return this.#slowStart ? cost / warmth(this.#slowStart, nowMs - candidate.sinceMs) : cost;
  }
}

/** One after the other, from a random one on; one that warms up is passed over now and then. */
class RoundRobin implements Picker {
  readonly #slowStart: SlowStart | undefined;
  readonly #random: () => number;
  #next: number;

  constructor(slowStart: SlowStart | undefined, random: () => number) {
    this.#slowStart = slowStart;
    this.#random = random;
    this.#next = Math.floor(random() * 65_536);
  }

  pick<C extends Candidate>(candidates: readonly C[], nowMs: number): C {
    let chosen = candidates[this.#next++ % candidates.length]!;
    if (!this.#slowStart) return chosen;
    for (let skipped = 1; skipped < candidates.length; skipped++) {
      if (this.#random() < warmth(this.#slowStart, nowMs - chosen.sinceMs)) return chosen;
      chosen = candidates[this.#next++ % candidates.length]!;
    }
    return chosen;
  }
}
