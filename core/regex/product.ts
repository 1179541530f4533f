import { Lanes } from './lanes.ts';
import { joinMachines, type StateMachine } from './state-machine.ts';

/** Which machines are alive after some text, and in which state each is. */
interface ProductState {
  /** Positions in the product, ascending. */
  readonly alive: Int32Array;
  /** Row of each. */
  readonly rows: Int32Array;
  /** The state after a character. Key: class of the product. */
  readonly next: (ProductState | null)[];
  /** Names of the machines that match a text that ends here; null: not asked yet. */
  accepted: Int32Array | null;
}

/**
 * Machines of one direction that are stepped as one.
 *
 * A state of the product, and the way to the next, are made when a text first needs them: texts that are alike share
 * them, and a text then costs one look-up a character however many machines there are. Where a text needs too many, as one
 * made for that does, the machines go on by themselves in {@link Lanes}.
 */
export class Product {
  readonly #names: readonly number[];
  readonly #machines: readonly StateMachine[];
  readonly #isBackward: boolean;
  readonly #lanes: Lanes;
  readonly #matched: Uint8Array;
  /** The state in the making: positions of machines, and their rows. */
  readonly #alive: Int32Array;
  readonly #rows: Int32Array;
  /** Class of each of the first 256 characters: those that no machine tells apart have one. */
  readonly #classes: Uint8Array;
  /** A character of each class. */
  readonly #samples: readonly number[];
  #start: ProductState;
  /** Key: hash of what is alive. */
  #states = new Map<number, ProductState[]>();
  #size = 0;
  /** Steps of single machines that may still be spent on new states. */
  #allowance = MAX_ALLOWANCE;

  /** @param names what the machines are called in `hits`; all machines read in the same direction */
  constructor(names: readonly number[], machines: readonly StateMachine[]) {
    this.#names = names;
    this.#machines = joinMachines(machines);
    this.#isBackward = machines[0]!.isBackward;
    this.#lanes = new Lanes(this.#machines);
    this.#matched = new Uint8Array(machines.length);
    this.#alive = new Int32Array(machines.length);
    this.#rows = new Int32Array(machines.length);
    this.#classes = commonClasses(machines);
    this.#samples = Array.from({ length: Math.max(...this.#classes) + 1 }, (_, index) => this.#classes.indexOf(index));
    this.#start = this.#begin();
  }

  /** Adds the names of the machines that match to `hits[count, …)`. @returns the new count */
  match(text: string, hits: Int32Array, count: number): number {
    const classes = this.#classes;
    const { length } = text;
    let state = this.#start;
    this.#allowance = Math.min(this.#allowance + EARNED_PER_TEXT, MAX_ALLOWANCE);
    for (let read = 0; read < length; read++) {
      const { alive } = state;
      if (alive.length === 0) return count;
      const character = text.charCodeAt(this.#isBackward ? length - 1 - read : read);
      if (alive.length === 1 || character > 255) return this.#finish(text, read, state, hits, count);
      const index = classes[character]!;
      let next = state.next[index]!;
      if (next === null) {
        if (this.#allowance < alive.length) return this.#finish(text, read, state, hits, count);
        this.#allowance -= alive.length;
        next = this.#step(state, index);
      }
      state = next;
    }
    const accepted = this.#acceptedBy(state);
    for (let i = 0; i < accepted.length; i++) hits[count++] = accepted[i]!;
    return count;
  }

  /** The machines that are alive go on by themselves. */
  #finish(text: string, read: number, { alive, rows }: ProductState, hits: Int32Array, count: number): number {
    if (alive.length === 1)
      return this.#machines[alive[0]!]!.resume(text, read, rows[0]!) ? this.#hit(alive[0]!, hits, count) : count;
    const matched = this.#matched;
    this.#lanes.finish(text, read, alive, rows, matched);
    for (let i = 0; i < alive.length; i++) if (matched[i] === 1) count = this.#hit(alive[i]!, hits, count);
    return count;
  }

  #hit(position: number, hits: Int32Array, count: number): number {
    hits[count] = this.#names[position]!;
    return count + 1;
  }

  #begin(): ProductState {
    this.#states.clear();
    this.#size = 0;
    this.#machines.forEach(({ start }, position) => {
      this.#alive[position] = position;
      this.#rows[position] = start;
    });
    return this.#intern(this.#machines.length);
  }

  #step(state: ProductState, index: number): ProductState {
    const character = this.#samples[index]!;
    const { alive, rows } = state;
    // What is still in use of the old states is reached no more once this text has ended.
    if (this.#size >= MAX_STATES) this.#start = this.#begin();
    let size = 0;
    for (let i = 0; i < alive.length; i++) {
      const position = alive[i]!;
      const { table, classes } = this.#machines[position]!;
      const row = table[rows[i]! + classes.latin1[character]!]!;
      if (row === 0) continue;
      this.#alive[size] = position;
      this.#rows[size++] = row;
    }
    const next = this.#intern(size);
    state.next[index] = next;
    return next;
  }

  /** The state of the first `size` machines of {@link #alive}. */
  #intern(size: number): ProductState {
    const alive = this.#alive;
    const rows = this.#rows;
    let hash = 0;
    for (let i = 0; i < size; i++) hash = Math.imul(Math.imul(hash, 31) + alive[i]!, 31) + rows[i]!;
    const same = this.#states.get(hash) ?? [];
    for (const state of same) if (isPrefix(state.alive, size, alive) && isPrefix(state.rows, size, rows)) return state;
    const state: ProductState = {
      alive: alive.slice(0, size),
      rows: rows.slice(0, size),
      next: new Array<ProductState | null>(this.#samples.length).fill(null),
      accepted: null,
    };
    this.#states.set(hash, [...same, state]);
    this.#size++;
    return state;
  }

  #acceptedBy(state: ProductState): Int32Array {
    if (state.accepted) return state.accepted;
    const accepted: number[] = [];
    // Not a function, whose surroundings would take memory even where there is nothing to do.
    for (let i = 0; i < state.alive.length; i++) {
      const position = state.alive[i]!;
      const { table, classes } = this.#machines[position]!;
      if (table[state.rows[i]! + classes.count] === 1) accepted.push(this.#names[position]!);
    }
    state.accepted = Int32Array.from(accepted);
    return state.accepted;
  }
}

/** The classes of the first 256 characters, each of which is in one class of every machine. */
function commonClasses(machines: readonly StateMachine[]): Uint8Array {
  const common = new Uint8Array(256);
  for (const { classes } of machines) {
    const known = new Map<number, number>();
    common.forEach((index, character) => {
      const pair = index * 65_536 + classes.latin1[character]!;
      const found = known.get(pair) ?? known.size;
      known.set(pair, found);
      common[character] = found;
    });
  }
  return common;
}

/** Whether `part` is the first `size` numbers of `whole`. */
function isPrefix(part: Int32Array, size: number, whole: Int32Array): boolean {
  if (part.length !== size) return false;
  for (let i = 0; i < size; i++) if (part[i] !== whole[i]) return false;
  return true;
}

/** Some 100 us. The states are there for the next text. */
const MAX_ALLOWANCE = 6_144;
/** Texts that always need new states, as hostile ones do, soon cost no more than without the product. */
const EARNED_PER_TEXT = 512;

/** Some 500 octets each with the classes of ordinary paths; beyond, all are forgotten. */
const MAX_STATES = 1_024;
