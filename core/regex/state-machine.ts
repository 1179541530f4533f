import type { CharacterClasses } from './character-classes.ts';
import { OTHER } from './character-classes.ts';
import { EDGE, type Program } from './program.ts';
import { type Place, Walk } from './walk.ts';

/**
 * A deterministic machine for one pattern, complete before its first text: a step is two look-ups, whatever the pattern.
 *
 *     table:  row of the dead state   | to, to, …, 0 |       a row has one entry for each class: the row of the next
 *             row of another state    | to, to, …, 1 |       state; and at its end whether the text may end here
 *
 * Rows are named by the place of their first entry. Row 0 is dead: nothing that follows can match.
 */
export class StateMachine {
  readonly classes: CharacterClasses;
  readonly table: Int32Array;
  readonly start: number;
  /** It reads texts from their end. */
  readonly isBackward: boolean;

  constructor(classes: CharacterClasses, table: Int32Array, start: number, isBackward: boolean) {
    this.classes = classes;
    this.table = table;
    this.start = start;
    this.isBackward = isBackward;
  }

  /** Entries of a row. */
  get width(): number {
    return this.classes.count + 1;
  }

  /** The state that ASCII text leads to from the start. */
  rowAfter(text: string): number {
    let row = this.start;
    for (let at = 0; at < text.length; at++) row = this.table[row + this.classes.latin1[text.charCodeAt(at)]!]!;
    return row;
  }

  /** Whether the whole of a text matches, in one pass over it. */
  matches(text: string): boolean {
    return this.resume(text, 0, this.start);
  }

  /** Goes on in the state of `row` after `read` UTF-16 units of the text. */
  resume(text: string, read: number, row: number): boolean {
    return this.isBackward ? this.#backward(text, text.length - read, row) : this.#forward(text, read, row);
  }

  #forward(text: string, at: number, row: number): boolean {
    const { table, classes } = this;
    const { latin1 } = classes;
    for (; at < text.length && row !== 0; at++) {
      const unit = text.charCodeAt(at);
      if (unit < 256) row = table[row + latin1[unit]!]!;
      else {
        const character = text.codePointAt(at)!;
        if (character > 0xffff) at++;
        row = table[row + classes.of(character)]!;
      }
    }
    return table[row + classes.count] === 1;
  }

  #backward(text: string, end: number, row: number): boolean {
    const { table, classes } = this;
    const { latin1 } = classes;
    for (let at = end - 1; at >= 0 && row !== 0; at--) {
      const unit = text.charCodeAt(at);
      if (unit < 256) row = table[row + latin1[unit]!]!;
      else {
        const isPair = at > 0 && isLowSurrogate(unit) && isHighSurrogate(text.charCodeAt(at - 1));
        if (isPair) at--;
        row = table[row + classes.of(isPair ? text.codePointAt(at)! : unit)]!;
      }
    }
    return table[row + classes.count] === 1;
  }
}

/** The same machines with one table for all, in which they share the dead row. */
export function joinMachines(machines: readonly StateMachine[]): StateMachine[] {
  const dead = Math.max(...machines.map(({ width }) => width));
  const joined = new Int32Array(machines.reduce((sum, { table, width }) => sum + table.length - width, dead));
  let end = dead;
  return machines.map(({ classes, table, width, start, isBackward }) => {
    const offset = end - width;
    for (let from = width; from < table.length; from += width) {
      for (let index = 0; index < classes.count; index++) {
        const row = table[from + index]!;
        joined[end + index] = row === 0 ? 0 : row + offset;
      }
      joined[end + classes.count] = table[from + classes.count]!;
      end += width;
    }
    return new StateMachine(classes, joined, start === 0 ? 0 : start + offset, isBackward);
  });
}

/** How much a machine may cost to build. */
export interface Bounds {
  readonly states: number;
  /** Nodes looked at, about 10 ns each. */
  readonly work: number;
}

/** Builds the machine of a pattern by the subset construction; null: it is beyond the bounds. */
export function buildStateMachine(program: Program, isBackward: boolean, bounds: Bounds): StateMachine | null {
  const { classes } = program;
  const width = classes.count + 1;
  const walk = new Walk(program, isBackward);
  const rows: number[] = new Array(width).fill(0);
  const known = new Map<string, number>();
  const waiting: { readonly row: number; readonly place: Place; readonly last: number }[] = [];

  /** The row of the state that a place is, after a character of kind `last`. */
  const rowOf = (place: Place, last: number): number => {
    if (place.length === 0) return 0;
    const kind = walk.hasDemands(place) ? last : OTHER;
    const key = kind + String.fromCharCode.apply(null, place as unknown as number[]);
    let row = known.get(key);
    if (row === undefined) {
      row = rows.length;
      known.set(key, row);
      for (let i = 0; i < width; i++) rows.push(0);
      waiting.push({ row, place: place.slice(), last: kind });
    }
    return row;
  };

  const start = rowOf(walk.from([walk.entry]), EDGE);
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const { row, place, last } = state;
    for (let index = 0; index < classes.count; index++) {
      const kind = classes.kinds[index]!;
      rows[row + index] = rowOf(walk.step(place, last, kind, index), kind);
    }
    if (walk.ends(place, last)) rows[row + classes.count] = 1;
    if (known.size > bounds.states || walk.work > bounds.work) return null;
  }
  return new StateMachine(classes, Int32Array.from(rows), start, isBackward);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
