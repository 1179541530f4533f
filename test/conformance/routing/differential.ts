/**
 * Our matchers against others: patterns against Go's regexp, which is RE2's own author's, and lists of routes against
 * trying one after the other. A case is a pattern and a text, or a list and a request; it is decided by SEED and number.
 */
import { join } from 'node:path';
import { Pattern, patternProblem } from '../../../core/regex/pattern.ts';
import { PatternSet } from '../../../core/regex/pattern-set.ts';
import { Random } from '../../../core/testing/random.ts';
import { randomPattern, randomText } from '../../../core/testing/random-pattern.ts';
import { RouteIndex } from '../../../proxy/routing/route-index.ts';
import { firstByTrying } from '../../../proxy/routing/testing/linear-evaluation.ts';
import { randomPredicates, randomRequest } from '../../../proxy/routing/testing/random-routes.ts';
import { LineProcess } from '../line-process.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { goProgram, ROOT } from '../program.ts';

export async function runRouting(): Promise<Outcome> {
  const seed = Number(process.env.SEED || 1);
  const program = await goProgram(join(ROOT, 'test/conformance/routing/go'));
  const patterns =
    typeof program === 'string'
      ? await comparePatterns(new LineProcess(program, []), seed)
      : skip('patterns against Go’s regexp', program.missing);
  return sum([patterns, comparePrecedence(seed)]);
}

const SETS = 2_000;
const PATTERNS_PER_SET = 8;
const TEXTS_PER_SET = 8;

async function comparePatterns(go: LineProcess, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  const total = new Comparison('patterns');
  let refused = 0;
  for (let round = 0; round < SETS; round++) {
    const regexes = Array.from({ length: PATTERNS_PER_SET }, () => randomPattern(random));
    const texts = Array.from({ length: TEXTS_PER_SET }, () => randomLength(random));
    const input = regexes.map((regex) => `${JSON.stringify([regex, ...texts])}\n`).join('');
    const answers = await go.ask(input, regexes.length);
    const usable = regexes.filter((regex, i) => {
      const problem = patternProblem(regex);
      if (problem === null || problem.includes('RE2 syntax'))
        total.compare(problem === null, answers[i] !== '!', () => `the syntax of ${regex}`);
      else refused++;
      return problem === null && answers[i] !== '!';
    });
    const patterns = usable.map((regex) => Pattern.compile(regex));
    const set = new PatternSet(patterns);
    texts.forEach((text, k) => {
      const hits = new Set(set.hits.subarray(0, set.match(text)));
      patterns.forEach((pattern, i) => {
        const expected = answers[regexes.indexOf(pattern.regex)]![k] === '1';
        const place = () => `${pattern.regex} and ${JSON.stringify(text)}`;
        total.compare(pattern.matches(text), expected, place);
        if (hits.has(i) !== expected) total.differ(() => `${place()} in a set`);
      });
    });
  }
  go.end();
  return total.report(`${refused} patterns were refused for their size`);
}

/** A text that is mostly short; some are long, so that sets of patterns run out of states. */
function randomLength(random: Random): string {
  let text = randomText(random);
  if (random.below(10) === 0) for (let i = 0; i < 100; i++) text += randomText(random);
  return text;
}

const LISTS = 3_000;
const REQUESTS_PER_LIST = 25;

function comparePrecedence(seed: number): Outcome {
  const random = new Random(seed);
  const total = new Comparison('precedence');
  let taken = 0;
  for (let round = 0; round < LISTS; round++) {
    const predicates = randomPredicates(random, 1 + random.below(60));
    const index = new RouteIndex(predicates);
    for (let each = 0; each < REQUESTS_PER_LIST; each++) {
      const request = randomRequest(random);
      const expected = firstByTrying(predicates, request);
      const found = index.find(request);
      if (expected >= 0) taken++;
      total.compare(found, expected, () =>
        JSON.stringify({ request, found: predicates[found], expected: predicates[expected] }),
      );
    }
  }
  return total.report(`${taken} requests were taken by a route`);
}

/** Counts what is the same and shows the first of what is not. */
class Comparison {
  readonly #name: string;
  #cases = 0;
  #differences = 0;

  constructor(name: string) {
    this.#name = name;
  }

  compare(ours: unknown, theirs: unknown, describe: () => string): void {
    this.#cases++;
    if (ours !== theirs) this.differ(() => `${ours} rather than ${theirs}: ${describe()}`);
  }

  differ(describe: () => string): void {
    if (this.#differences++ < 10) console.log(`  ${describe()}`);
  }

  report(note: string): Outcome {
    console.log(`${this.#name}: ${this.#cases} cases, ${this.#differences} differences (${note})`);
    return { passed: this.#differences === 0 ? 1 : 0, failed: this.#differences > 0 ? 1 : 0, skipped: [] };
  }
}
