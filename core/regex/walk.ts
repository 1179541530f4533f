import { assertionsBetween, EDGE, type Program } from './program.ts';

/** Nodes of a {@link Program}, ascending: those that take a character, those that demand something, and the exit. */
export type Place = Int32Array;

/**
 * A way through a pattern's graph with all branches taken at once, forwards or backwards.
 *
 * What a place demands is known to be met only with the next character. A place that a method returns is valid until the
 * next call.
 */
export class Walk {
  /** Where it begins: root, or backwards match. */
  readonly entry: number;
  /** Nodes looked at so far. */
  work = 0;
  readonly #exit: number;
  readonly #program: Program;
  readonly #edges: readonly (readonly number[])[];
  readonly #isBackward: boolean;
  /** The search that last saw a node. Key: node. */
  readonly #seen: Int32Array;
  #search = 0;
  readonly #waiting: number[] = [];
  readonly #found: Int32Array;
  readonly #resolved: Int32Array;

  constructor(program: Program, isBackward: boolean) {
    this.#program = program;
    this.#isBackward = isBackward;
    this.#edges = isBackward ? program.previous : program.next;
    this.entry = isBackward ? program.match : program.root;
    this.#exit = isBackward ? program.root : program.match;
    this.#seen = new Int32Array(program.next.length);
    this.#found = new Int32Array(program.next.length);
    this.#resolved = new Int32Array(program.next.length);
  }

  /** The place that these nodes lead to without a character. */
  from(nodes: readonly number[]): Place {
    this.#search++;
    for (const node of nodes) this.#waiting.push(node);
    return sorted(this.#found, this.#spread(this.#found, 0, 0));
  }

  /** The place after a character of a class. @param last kind of the character before it, @param kind its own */
  step(place: Place, last: number, kind: number, index: number): Place {
    const { sets, members, classes } = this.#program;
    const nodes = this.resolve(place, last, kind);
    this.#search++;
    let size = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      const set = sets[node]!;
      if (set < 0 || members[set * classes.count + index] !== 1) continue;
      const next = this.#edges[node]!;
      for (let j = 0; j < next.length; j++) this.#waiting.push(next[j]!);
      size = this.#spread(this.#found, size, 0);
    }
    return sorted(this.#found, size);
  }

  /** Whether the text may end here. */
  ends(place: Place, last: number): boolean {
    return this.resolve(place, last, EDGE).includes(this.#exit);
  }

  /** Whether what the place takes depends on the next character (`$`, `\b`). */
  hasDemands(place: Place): boolean {
    const { demands } = this.#program;
    for (let i = 0; i < place.length; i++) if (demands[place[i]!] !== 0) return true;
    return false;
  }

  /** The nodes of a place between two characters of these kinds, or the text's edge, in any order: demands are met or not. */
  resolve(place: Place, last: number, kind: number): Place {
    this.work += place.length;
    if (!this.hasDemands(place)) return place;
    this.#search++;
    for (let i = 0; i < place.length; i++) this.#waiting.push(place[i]!);
    const holds = this.#isBackward ? assertionsBetween(kind, last) : assertionsBetween(last, kind);
    return this.#resolved.subarray(0, this.#spread(this.#resolved, 0, holds));
  }

  /** Follows what takes no character, and demands that are among `holds` (0: stops at demands). @returns size of `into` */
  #spread(into: Int32Array, size: number, holds: number): number {
    const { sets, demands, useful } = this.#program;
    const waiting = this.#waiting;
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (this.#seen[node] === this.#search || useful[node] === 0) continue;
      this.#seen[node] = this.#search;
      this.work++;
      const demand = demands[node]!;
      if (sets[node]! >= 0 || node === this.#exit || (demand !== 0 && holds === 0)) into[size++] = node;
      else if ((demand & ~holds) === 0) {
        const next = this.#edges[node]!;
        for (let i = 0; i < next.length; i++) waiting.push(next[i]!);
      }
    }
    return size;
  }
}

/** The first `size` nodes in order, sorted where they are. */
function sorted(nodes: Int32Array, size: number): Place {
  if (size === 0) return NOWHERE;
  const place = nodes.subarray(0, size);
  if (size > 24) return place.sort();
  for (let i = 1; i < size; i++) {
    const node = place[i]!;
    let at = i;
    for (; at > 0 && place[at - 1]! > node; at--) place[at] = place[at - 1]!;
    place[at] = node;
  }
  return place;
}

const NOWHERE: Place = new Int32Array();
