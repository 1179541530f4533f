import type { ConsistentHash } from '../../api/traffic-policy.ts';
import type { Candidate } from './candidate.ts';

/** Which candidate a hash leads to, and in which order the others follow where that one cannot be used. */
export interface HashTable<C extends Candidate> {
  /** The first that `isUsable` accepts, from the place of `hash` on; null: none. */
  find(hash: number, isUsable: (candidate: C) => boolean): C | null;
}

/** The table of a setting. Candidates are placed by their ids, so every proxy finds the same. */
export function hashTable<C extends Candidate>(settings: ConsistentHash, candidates: readonly C[]): HashTable<C> {
  const sorted = [...candidates].sort((a, b) => (a.id < b.id ? -1 : 1));
  return settings.table === 'maglev' ? new Maglev(sorted, settings.size) : new Ring(sorted, settings.size);
}

/** A 32-bit hash of a text, equal everywhere: FNV-1a over UTF-16 units, then MurmurHash3's finalizer. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Points of the candidates on a ring (Karger 1997): one that goes moves only its own share. */
class Ring<C extends Candidate> implements HashTable<C> {
  readonly #points: Float64Array;
  readonly #owners: readonly C[];

  /** @param size points at least, 1 to 8 million */
  constructor(candidates: readonly C[], size: number) {
    // A power of two, so that their number seldom changes with that of the candidates, which would move keys.
    const share = Math.min(size, MAX_POINTS) / candidates.length;
    const each = candidates.length === 0 ? 0 : 2 ** Math.ceil(Math.log2(Math.max(1, share)));
    const points = candidates.flatMap((owner) =>
      Array.from({ length: each }, (_, i) => ({ at: hashOf(`${owner.id}_${i}`), owner })),
    );
    points.sort((a, b) => a.at - b.at);
    this.#points = Float64Array.from(points, ({ at }) => at);
    this.#owners = points.map(({ owner }) => owner);
  }

  find(hash: number, isUsable: (candidate: C) => boolean): C | null {
    const count = this.#points.length;
    let low = 0;
    for (let high = count; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    for (let step = 0; step < count; step++) {
      const owner = this.#owners[(low + step) % count]!;
      if (isUsable(owner)) return owner;
    }
    return null;
  }
}

/** Google's Maglev (Eisenbud 2016, section 3.4): nearly even shares, at the price of a few more moves. */
class Maglev<C extends Candidate> implements HashTable<C> {
  readonly #table: Uint16Array;
  readonly #candidates: readonly C[];

  /** @param size places, a prime above the number of candidates */
  constructor(candidates: readonly C[], size: number) {
    this.#candidates = candidates;
    this.#table = new Uint16Array(candidates.length === 0 ? 0 : size).fill(EMPTY);
    if (candidates.length > 0) this.#fill(size);
  }

  find(hash: number, isUsable: (candidate: C) => boolean): C | null {
    const size = this.#table.length;
    for (let step = 0; step < size; step++) {
      const candidate = this.#candidates[this.#table[(hash + step) % size]!]!;
      if (isUsable(candidate)) return candidate;
    }
    return null;
  }

  /** Each candidate in turn takes the next free place of its own permutation of them. */
  #fill(size: number): void {
    const offsets = this.#candidates.map(({ id }) => hashOf(id) % size);
    const skips = this.#candidates.map(({ id }) => (hashOf(`${id}#`) % (size - 1)) + 1);
    const next = offsets.slice();
    for (let filled = 0; filled < size; ) {
      for (let i = 0; i < this.#candidates.length && filled < size; i++) {
        while (this.#table[next[i]!] !== EMPTY) next[i] = (next[i]! + skips[i]!) % size;
        this.#table[next[i]!] = i;
        filled++;
      }
    }
  }
}

const EMPTY = 65_535;
/** A ring of more takes longer to build than a change of endpoints may: 4 MB. Envoy's bound is 8 million. */
const MAX_POINTS = 262_144;
