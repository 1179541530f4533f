import { RE2JS } from 're2js';

import { CharacterClasses, NEWLINE, WORD } from './character-classes.ts';

/**
 * A pattern as a graph: nodes that take a character, nodes that demand something of the place that they stand at, and
 * nodes that only branch.
 *
 *     (a|bc)$      root ─▶ branch ─▶ a ─────────▶ demand END_TEXT ─▶ match
 *                             └────▶ b ──▶ c ───────▲
 *
 * Read from `root` along `next` it takes the texts of the pattern, read from `match` along `previous` the same texts
 * backwards.
 */
export interface Program {
  /** Nodes after a node. Key: node. */
  readonly next: readonly (readonly number[])[];
  /** Nodes before a node. Key: node. */
  readonly previous: readonly (readonly number[])[];
  readonly root: number;
  readonly match: number;
  /** What a node demands, bits as in {@link assertionsBetween}; 0: nothing. */
  readonly demands: Uint8Array;
  /** The set of characters that a node takes; -1: it takes none. */
  readonly sets: Int16Array;
  /** Whether a set has a class, at `set * classes.count + class`. */
  readonly members: Uint8Array;
  /** The character of a set that has only one; '' else. Key: set. */
  readonly literals: readonly string[];
  readonly classes: CharacterClasses;
  /** 1 for each node on some way from root to match, demands aside. */
  readonly useful: Uint8Array;
}

/** Why a pattern cannot be used; the message is a sentence's end, for people: `is no regular expression: …`. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/**
 * Reads a pattern of RE2 syntax.
 *
 * The syntax is re2js's business, and so is its compiled form, of which this is the only reader. The package's version is
 * pinned, and the differential tests would show a change of that form.
 *
 * @throws PatternError when it is no pattern, or is too large
 */
export function readProgram(regex: string): Program {
  if (expandedSize(regex) > MAX_NODES) throw new PatternError('repeats too much: written out, it is too long');
  let compiled: Compiled;
  try {
    compiled = RE2JS.compile(regex).re2() as Compiled;
  } catch (error) {
    throw new PatternError(`is no regular expression (RE2 syntax): ${error instanceof Error ? error.message : error}`);
  }
  const instructions = compiled.prog.inst;
  if (instructions.length > MAX_NODES) throw new PatternError('is too long');
  const root = instructions.length;
  const next: number[][] = [...instructions.map(successors), [compiled.prog.start]];
  const previous: number[][] = next.map(() => []);
  for (let node = 0; node < next.length; node++) for (const each of next[node]!) previous[each]!.push(node);
  const match = instructions.findIndex(({ op }) => op === OP_MATCH);
  const demands = new Uint8Array(next.length);
  for (let node = 0; node < root; node++)
    if (instructions[node]!.op === OP_EMPTY_WIDTH) demands[node] = instructions[node]!.arg;
  return {
    next,
    previous,
    root,
    match,
    demands,
    useful: usefulNodes(next, previous, root, match),
    ...readSets(compiled),
  };
}

/** What an assertion may demand of the place between two characters, as bits (re2js's and Go's own values). */
const BEGIN_LINE = 1;
const END_LINE = 2;
const BEGIN_TEXT = 4;
const END_TEXT = 8;
const WORD_BOUNDARY = 16;
const NO_WORD_BOUNDARY = 32;

/** Beyond the first or the last character; beside the kinds of characters. */
export const EDGE = 3;

/** What holds between two characters of these kinds, or {@link EDGE}. Source: https://pkg.go.dev/regexp/syntax#EmptyOp */
export function assertionsBetween(before: number, after: number): number {
  let holds = (before === WORD) === (after === WORD) ? NO_WORD_BOUNDARY : WORD_BOUNDARY;
  if (before === NEWLINE) holds |= BEGIN_LINE;
  if (before === EDGE) holds |= BEGIN_LINE | BEGIN_TEXT;
  if (after === NEWLINE) holds |= END_LINE;
  if (after === EDGE) holds |= END_LINE | END_TEXT;
  return holds;
}

/** Whether a demand depends on the characters beside it rather than on the ends of the text alone. */
export function isLocalDemand(demand: number): boolean {
  return (demand & ~(BEGIN_TEXT | END_TEXT)) !== 0;
}

function successors({ op, out, arg }: Instruction): number[] {
  if (op === OP_ALT || op === OP_ALT_MATCH) return [out, arg];
  return op === OP_MATCH || op === OP_FAIL ? [] : [out];
}

function usefulNodes(
  next: readonly (readonly number[])[],
  previous: readonly (readonly number[])[],
  root: number,
  match: number,
): Uint8Array {
  const isReached = reach(next, root);
  const useful = match < 0 ? new Uint8Array(next.length) : reach(previous, match);
  for (let node = 0; node < useful.length; node++) useful[node]! &= isReached[node]!;
  return useful;
}

function reach(edges: readonly (readonly number[])[], from: number): Uint8Array {
  const reached = new Uint8Array(edges.length);
  const waiting = [from];
  reached[from] = 1;
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const each of edges[node]!) {
      if (reached[each] === 1) continue;
      reached[each] = 1;
      waiting.push(each);
    }
  }
  return reached;
}

/** The sets of characters of a pattern, and the classes of characters that no set tells apart. */
function readSets({ prog, dfa }: Compiled): Pick<Program, 'sets' | 'members' | 'literals' | 'classes'> {
  const sets = new Int16Array(prog.inst.length + 1).fill(-1);
  const samples: Instruction[] = [];
  const known = new Map<string, number>();
  // Repetitions share their sets: most are found by identity.
  const knownRunes = new Map<Int32Array, { readonly arg: number; readonly set: number }>();
  let looksAtKinds = false;
  for (let node = 0; node < prog.inst.length; node++) {
    const instruction = prog.inst[node]!;
    const { op, runes, arg } = instruction;
    if (op === OP_EMPTY_WIDTH) looksAtKinds ||= isLocalDemand(arg);
    if (op < OP_RUNE || op > OP_RUNE_ANY_NOT_NL) continue;
    const same = knownRunes.get(runes);
    let set = same?.arg === arg ? same.set : undefined;
    if (set === undefined) {
      const key = `${arg}:${runes.join()}`;
      set = known.get(key);
      if (set === undefined) {
        set = samples.push(instruction) - 1;
        known.set(key, set);
      }
      knownRunes.set(runes, { arg, set });
    }
    sets[node] = set;
  }
  const { classes, representatives } = CharacterClasses.of(dfa.classBounds, looksAtKinds, (character) => {
    let description = '';
    for (let i = 0; i < samples.length; i++) description += samples[i]!.matchRune(character) ? '1' : '0';
    return description;
  });
  const members = new Uint8Array(samples.length * classes.count);
  samples.forEach((sample, set) => {
    representatives.forEach((character, index) => {
      if (sample.matchRune(character)) members[set * classes.count + index] = 1;
    });
  });
  return { sets, members, classes, literals: samples.map(literalOf) };
}

function literalOf({ runes, arg }: Instruction): string {
  const isOne = runes.length === 1 ? arg === 0 : runes.length === 2 && runes[0] === runes[1];
  return isOne ? String.fromCodePoint(runes[0]!) : '';
}

/**
 * About how long a pattern is once its counted repetitions are written out, so that `(?:…1,000 characters…){1000}` is
 * refused before a million nodes are made of it. What is no pattern has any size.
 */
function expandedSize(regex: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  for (const [token, , quoted, from, to] of regex.matchAll(TOKENS)) {
    if (from !== undefined && last > 0) {
      size += last * (Math.max(Number(from), Number(to ?? 0), 1) - 1);
      last = 0;
    } else if (token === '(') {
      outer.push(size);
      size = 0;
      last = 0;
    } else if (token === ')') {
      last = size + 1;
      size = (outer.pop() ?? 0) + last;
    } else if (!'*+?|'.includes(token)) {
      last = quoted?.length ?? 1;
      size += last;
    }
  }
  return outer.reduce((sum, each) => sum + each, size);
}

/** Escapes, quoted text, classes, counted repetitions, and any other character. */
const TOKENS =
  /\\(Q)((?:[^\\]|\\(?!E))*)(?:\\E)?|\\[xpP]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{(\d{1,4})(?:,(\d{0,4}))?\}|./gs;

/** Nodes that a pattern may have: about four for each character, written out. 4,096 words are no reason to refuse one. */
const MAX_NODES = 16_000;

/** What this file reads of re2js 2.10.0, which declares it as `any`. */
interface Compiled {
  readonly prog: { readonly inst: readonly Instruction[]; readonly start: number };
  /** Ascending first characters of classes that no set tells apart; the first class begins at 0. */
  readonly dfa: { readonly classBounds: Int32Array };
}

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(character: number): boolean;
}

const OP_ALT = 1;
const OP_ALT_MATCH = 2;
const OP_EMPTY_WIDTH = 4;
const OP_FAIL = 5;
const OP_MATCH = 6;
const OP_RUNE = 8;
const OP_RUNE_ANY_NOT_NL = 11;
