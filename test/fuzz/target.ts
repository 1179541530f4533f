import type { Random } from '../../core/testing/random.ts';

/** A parser to be fuzzed: how its inputs are made, and what it makes of one. */
export interface Target {
  /** A new input, structured as real ones are and then perhaps damaged. */
  make(random: Random): Uint8Array;
  /**
   * Feeds `octets` in pieces that end at `ends` (the last is the whole length) and says everything observable, as text
   * that the pieces must not change. Throws where the parser breaks a promise of its own.
   */
  run(octets: Uint8Array, ends: readonly number[]): string;
}

/** Calls `receive` for every piece that holds octets. */
export function inPieces(ends: readonly number[], receive: (start: number, end: number) => void): void {
  let start = 0;
  for (const end of ends) {
    if (end > start) receive(start, end);
    start = end;
  }
}

/** Where random pieces of `length` octets end: often a few octets long, sometimes one octet each. */
export function pieceEnds(random: Random, length: number): number[] {
  const ends: number[] = [];
  const largest = random.pick([1, 3, 16, 200, 5000]);
  for (let at = 0; at < length; ) {
    at = Math.min(length, at + 1 + random.below(largest));
    ends.push(at);
  }
  return ends;
}

/** Changes a few octets of an input: flips, inserts, deletes, repeats, cuts. */
export function damage(octets: Uint8Array, random: Random): Uint8Array {
  let damaged = octets;
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(damaged.length + 1);
    const [before, after] = [damaged.subarray(0, at), damaged.subarray(at)];
    const length = 1 + random.below(8);
    switch (random.below(6)) {
      case 0:
        damaged = damaged.slice();
        if (at < damaged.length) damaged[at]! ^= 1 << random.below(8);
        break;
      case 1:
        damaged = damaged.slice();
        if (at < damaged.length) damaged[at] = random.pick(TELLING);
        break;
      case 2:
        damaged = Buffer.concat([before, random.octets(length), after]);
        break;
      case 3:
        damaged = Buffer.concat([before, after.subarray(length)]);
        break;
      case 4:
        damaged = Buffer.concat([before, before.subarray(-length * 4), after]);
        break;
      case 5:
        damaged = before;
    }
  }
  return damaged;
}

/** Octets that mean something somewhere, or lie at a boundary. */
const TELLING = [0, 1, 9, 10, 13, 32, 34, 44, 58, 59, 63, 64, 126, 127, 128, 192, 224, 254, 255];
