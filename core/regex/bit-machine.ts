import type { CharacterClasses } from './character-classes.ts';
import { OTHER } from './character-classes.ts';
import { EDGE, isLocalDemand, type Program } from './program.ts';
import { type Place, Walk } from './walk.ts';

/**
 * A machine that keeps every way through a small pattern as one bit, for patterns that need too many states: about 5 ns a
 * character whatever the text.
 *
 * The nodes that take a character have a bit each. A step looks up, octet by octet of the 32 bits, which nodes come
 * next, and keeps those that take the character.
 */
export class BitMachine {
  readonly #classes: CharacterClasses;
  /** Nodes at which a match may begin. */
  readonly #first: number;
  /** Nodes after which the text may end. */
  readonly #last: number;
  readonly #takesEmpty: boolean;
  /** Nodes that take a class. */
  readonly #takers: Int32Array;
  /** Nodes that take each of the first 256 characters. */
  readonly #latin1Takers: Int32Array;
  /** Nodes after any of eight nodes, at `group * 256 + octet`. */
  readonly #after: Int32Array;

  private constructor(program: Program, nodes: readonly number[]) {
    const walk = new Walk(program, false);
    const bits = (some: readonly number[]) => some.reduce((sum, node) => sum | (1 << nodes.indexOf(node)), 0);
    const takers = (place: Place) => bits([...place].filter((node) => program.sets[node]! >= 0));
    const entry = walk.from([walk.entry]).slice();
    const next = nodes.map((node) => walk.from(program.next[node]!).slice());
    this.#classes = program.classes;
    this.#first = takers(walk.resolve(entry, EDGE, OTHER));
    this.#takesEmpty = walk.ends(entry, EDGE);
    this.#last = bits(nodes.filter((_, i) => walk.ends(next[i]!, OTHER)));
    const after = next.map((place) => takers(walk.resolve(place, OTHER, OTHER)));
    this.#after = Int32Array.from({ length: 4 * 256 }, (_, entry) => {
      let sum = 0;
      for (let bit = 0; bit < 8; bit++) if ((entry >> bit) & 1) sum |= after[(entry >> 8) * 8 + bit] ?? 0;
      return sum;
    });
    this.#takers = Int32Array.from({ length: program.classes.count }, (_, index) =>
      bits(nodes.filter((node) => program.members[program.sets[node]! * program.classes.count + index] === 1)),
    );
    this.#latin1Takers = Int32Array.from(program.classes.latin1, (index) => this.#takers[index]!);
  }

  /** null: the pattern has more than 32 nodes, or looks at the characters around a place. */
  static of(program: Program): BitMachine | null {
    const { sets, demands, useful } = program;
    const nodes: number[] = [];
    for (let node = 0; node < useful.length; node++) {
      if (useful[node] === 0) continue;
      if (isLocalDemand(demands[node]!)) return null;
      if (sets[node]! >= 0) nodes.push(node);
    }
    return nodes.length > 32 ? null : new BitMachine(program, nodes);
  }

  /** Whether the whole of a text matches, in one pass over it. */
  matches(text: string): boolean {
    if (text.length === 0) return this.#takesEmpty;
    const after = this.#after;
    const takers = this.#latin1Takers;
    let open = this.#first;
    let taken = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit < 256) taken = open & takers[unit]!;
      else {
        const character = text.codePointAt(at)!;
        if (character > 0xffff) at++;
        taken = open & this.#takers[this.#classes.of(character)]!;
      }
      if (taken === 0) return false;
      open =
        after[taken & 255]! |
        after[256 | ((taken >>> 8) & 255)]! |
        after[512 | ((taken >>> 16) & 255)]! |
        after[768 | (taken >>> 24)]!;
    }
    return (taken & this.#last) !== 0;
  }
}
