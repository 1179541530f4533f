/**
 * Changes the product in one place at a time and counts the changes that its tests notice:
 * `make mutate AREA=http2 SEED=1 COUNT=25`, or AREA=all. The report is kept in build/mutate/; `-o json` prints it.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Random } from '../../core/testing/random.ts';
import { AREAS, type Area } from './areas.ts';
import { Draw } from './draw.ts';
import { isListed, readEquivalents } from './equivalents.ts';
import type { Mutant } from './place.ts';
import { placesIn } from './places.ts';
import { type Score, tableOf } from './score.ts';
import { ScratchTree } from './scratch-tree.ts';

const ROOT = join(fileURLToPath(import.meta.url), '../../..');
const USAGE = `usage: make mutate AREA=NAME [SEED=1] [COUNT=25]
areas: ${Object.keys(AREAS).join(', ')}; all runs one after another`;

/** Tests, and what only starts a program, which processes of the integration tests show. */
const NO_PRODUCT = /\.(?:test|integration|suite)\.ts$|\/testing\/|\/main\.ts$/;
/** Longest time for the unchanged tests of an area. */
const MAX_UNCHANGED_MS = 300_000;

const name = process.env.AREA ?? '';
const seed = Number(process.env.SEED || 1);
const count = Number(process.env.COUNT || 25);
const asJson = process.argv.includes('json');
const names = name === 'all' ? Object.keys(AREAS) : [name];
if (!names.every((each) => Object.hasOwn(AREAS, each)) || !(count > 0) || !Number.isInteger(seed)) {
  console.error(USAGE);
  process.exit(name === '' ? 0 : 64);
}

const tree = new ScratchTree(ROOT);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    tree.close();
    process.exit(1);
  });
try {
  if (!(await tree.isTyped())) throw new Error('the unchanged tree is not accepted by tsc: mend it first');
  const scores: Score[] = [];
  for (const each of names) scores.push(await scoreOf(each, AREAS[each]!));
  console.log(asJson ? JSON.stringify(scores, null, 2) : tableOf(scores));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  tree.close();
}

async function scoreOf(area: string, { sources, tests }: Area): Promise<Score> {
  const found = (patterns: readonly string[]) => globSync([...patterns], { cwd: tree.folder }).sort();
  const testFiles = found(tests);
  const start = performance.now();
  const unchanged = await tree.test(testFiles, MAX_UNCHANGED_MS);
  if (unchanged !== 'passed') throw new Error(`the unchanged tests of ${area} have ${unchanged}: mend them first`);
  const limitMs = 5 * (performance.now() - start) + 10_000;

  const files = found(sources)
    .filter((file) => !NO_PRODUCT.test(file))
    .map((file) => ({ file, source: readFileSync(join(tree.folder, file), 'utf8') }))
    .map(({ file, source }) => ({ source, places: placesIn(file, source) }))
    .filter(({ places }) => places.length > 0);
  const draw = new Draw(files, count, new Random(seed));
  const listed = readEquivalents(area);
  const survivors: Mutant[] = [];
  let [noticed, equivalents, refused] = [0, 0, 0];
  for (let index = 0; index < count; index++) {
    let mutant = draw.first(index);
    while (mutant) {
      const verdict = isListed(mutant, listed) ? 'equivalent' : await verdictOf(mutant, testFiles, limitMs);
      if (verdict === 'equivalent') equivalents++;
      else if (verdict === 'refused') refused++;
      else {
        if (verdict === 'passed') survivors.push(mutant);
        else noticed++;
        const outcome = verdict === 'passed' ? 'survives' : verdict === 'failed' ? 'noticed' : 'noticed (time)';
        console.error(
          `${area} ${index + 1}/${count}  ${outcome.padEnd(14)}  ${mutant.file}:${mutant.line}  ${mutant.text}`,
        );
        break;
      }
      mutant = verdict === 'refused' ? draw.again(index) : draw.first(index);
    }
  }
  const listedSurvivors = survivors.map(({ file, line, text }) => ({ file, line, text }));
  const score = { area, seed, noticed, survivors: listedSurvivors, equivalents, refused };
  mkdirSync(join(ROOT, 'build/mutate'), { recursive: true });
  writeFileSync(join(ROOT, `build/mutate/${area}-${seed}.json`), `${JSON.stringify(score, null, 2)}\n`);
  return score;
}

function verdictOf(mutant: Mutant, testFiles: readonly string[], limitMs: number) {
  return tree.with(mutant, async () => ((await tree.isTyped()) ? await tree.test(testFiles, limitMs) : 'refused'));
}
