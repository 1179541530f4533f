import { BitMachine } from './bit-machine.ts';
import { OTHER } from './character-classes.ts';
import { EDGE, PatternError, type Program, readProgram } from './program.ts';
import { type Bounds, buildStateMachine, StateMachine } from './state-machine.ts';
import { Walk } from './walk.ts';

/**
 * A regular expression of RE2 syntax, anchored at both ends.
 *
 * Whatever the pattern, a text of 8 KiB takes it at most about 20 us (40 us the few that need a {@link BitMachine}), the
 * first text like any other: nothing is built while a request waits. A pattern for which that cannot be had is refused.
 */
export class Pattern {
  readonly regex: string;
  /** What every match begins with; ASCII. */
  readonly prefix: string;
  /** The prefix is the only match. */
  readonly isLiteral: boolean;
  readonly machine: StateMachine | BitMachine;
  /** Where a machine that reads forwards is after the prefix; null: it has to read the prefix too. */
  readonly #afterPrefix: { readonly machine: StateMachine; readonly row: number } | null;

  private constructor(regex: string, prefix: string, isLiteral: boolean, machine: StateMachine | BitMachine) {
    this.regex = regex;
    this.prefix = prefix;
    this.isLiteral = isLiteral;
    this.machine = machine;
    const isForward = machine instanceof StateMachine && !machine.isBackward;
    this.#afterPrefix = isForward ? { machine, row: machine.rowAfter(prefix) } : null;
  }

  /**
   * Compiles a pattern: some 100 us for an ordinary one, 20 ms for the worst that is let through. A pattern that is in use
   * already is that same object, because an update of routes brings most patterns again.
   *
   * @throws PatternError when it is not of RE2 syntax, or too large
   */
  static compile(regex: string): Pattern {
    const known = inUse.get(regex)?.deref();
    if (known) return known;
    const program = readProgram(regex);
    const machine = buildMachine(program);
    if (!machine)
      throw new PatternError(
        'needs too many states to match in bounded time; write it with fewer or shorter repetitions',
      );
    const pattern = new Pattern(regex, ...readPrefix(program), machine);
    inUse.set(regex, new WeakRef(pattern));
    outOfUse.register(pattern, regex);
    return pattern;
  }

  /** Whether the whole of a text matches, in time linear in its length. */
  matches(text: string): boolean {
    if (!text.startsWith(this.prefix)) return false;
    const after = this.#afterPrefix;
    return after ? after.machine.resume(text, this.prefix.length, after.row) : this.machine.matches(text);
  }

  /** Whether a text that begins with `start` (ASCII) may match; true, too, where a machine that reads backwards cannot tell. */
  mayBeginWith(start: string): boolean {
    if (!this.prefix.startsWith(start) && !start.startsWith(this.prefix)) return false;
    const { machine } = this;
    return !(machine instanceof StateMachine) || machine.isBackward || machine.rowAfter(start) !== 0;
  }
}

/** Patterns by their text. */
const inUse = new Map<string, WeakRef<Pattern>>();
const outOfUse = new FinalizationRegistry<string>((regex) => {
  // The same text may have been compiled again since.
  if (!inUse.get(regex)?.deref()) inUse.delete(regex);
});

/**
 * What is wrong with a pattern, as the rest of a sentence about it for people (`is no regular expression …`); null: it can
 * be used. Admission asks this, so that no proxy is sent a pattern that it would refuse.
 */
export function patternProblem(regex: string): string | null {
  if (regex.length > MAX_CHARACTERS) return `is longer than ${MAX_CHARACTERS} characters`;
  try {
    Pattern.compile(regex);
    return null;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

/**
 * Forwards if that takes few states, else backwards (`[ab]*a[ab]{12}` has 8,192 states forwards, 15 backwards), else with
 * more states. A bit machine needs no states but is slower: before the sizes that take long to build.
 */
function buildMachine(program: Program): StateMachine | BitMachine | null {
  return (
    buildEitherWay(program, SMALL) ??
    buildEitherWay(program, MEDIUM) ??
    BitMachine.of(program) ??
    buildEitherWay(program, LARGE)
  );
}

function buildEitherWay(program: Program, bounds: Bounds): StateMachine | null {
  return buildStateMachine(program, false, bounds) ?? buildStateMachine(program, true, bounds);
}

/** What every match begins with, and whether that is all; nothing where the pattern looks at kinds of characters. */
function readPrefix(program: Program): [prefix: string, isLiteral: boolean] {
  const walk = new Walk(program, false);
  let prefix = '';
  let place = walk.from([walk.entry]);
  if (program.classes.kinds.some((kind) => kind !== OTHER)) return [prefix, false];
  for (let last = EDGE; ; last = OTHER) {
    const takers = [...walk.resolve(place, last, OTHER)].filter((node) => program.sets[node]! >= 0);
    if (walk.ends(place, last)) return [prefix, takers.length === 0];
    const [taker] = takers;
    const literal = takers.length === 1 ? program.literals[program.sets[taker!]!]! : '';
    // A pattern that nothing matches may go round for ever: `a+$b`.
    const isRound = prefix.length === program.next.length;
    if (literal === '' || literal > '~' || isRound) return [prefix, false];
    prefix += literal;
    place = walk.from(program.next[taker!]!);
  }
}

const SMALL: Bounds = { states: 256, work: 100_000 };
const MEDIUM: Bounds = { states: 1_024, work: 200_000 };
/** Three counted repetitions up to 1,000, and some; some 20 ms. */
const LARGE: Bounds = { states: 4_096, work: 2_000_000 };

/** Far beyond what people write; admission and discovery must not be held up by one. */
const MAX_CHARACTERS = 4_096;
