import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { INJECT } from '../../../api/names.ts';
import { injectText } from '../../../cli/inject/inject-text.ts';
import { Random } from '../../../core/testing/random.ts';
import { readYaml } from '../../../core/yaml/documents.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../../webhook/inject/settings.ts';
import { LineProcess } from '../line-process.ts';
import { type Outcome, skip } from '../outcome.ts';
import { goProgram, ROOT } from '../program.ts';
import { writeManifest } from './manifest-generator.ts';

const settings = { ...DEFAULT_INJECT_SETTINGS, image: 'localhost/weft/weft:0.1.0' };

/**
 * Compares what our reader makes of manifests with what kubectl's library does, and what it makes of what `weft inject` prints with
 * what was read: the same but for the label.
 */
export async function runYaml(): Promise<Outcome> {
  const program = await goProgram(join(ROOT, 'test/conformance/yaml/go'));
  if (typeof program !== 'string') return skip('YAML against sigs.k8s.io/yaml', program.missing);
  const oracle = new LineProcess(program, []);
  const count = Number(process.env.COUNT ?? 5000);
  const seed = Number(process.env.SEED ?? 1);
  let [failed, malformed] = [0, 0];
  for (let i = 0; i < count; i++) {
    const text = writeManifest(new Random(seed * 1_000_003 + i));
    const fault = await faultOf(text, oracle);
    if (fault === MALFORMED) malformed++;
    else if (fault !== null && failed++ < 5) console.log(`  manifest ${i} of seed ${seed}: ${fault}\n${text}`);
  }
  oracle.end();
  console.log(
    `yaml: ${count} manifests, ${count - failed} read and printed alike, ${malformed} of them malformed to both`,
  );
  return { passed: count - failed, failed, skipped: [] };
}

const MALFORMED = 'malformed';

async function faultOf(text: string, oracle: LineProcess): Promise<string | null> {
  const theirs = await ask(oracle, text);
  const ours = read(text);
  if ('error' in theirs) return ours === undefined ? MALFORMED : `is malformed to kubectl (${theirs.error}), not to us`;
  if (ours === undefined) return 'is malformed to us alone';
  if (!isDeepStrictEqual(ours, theirs.json))
    return `is ${JSON.stringify(ours)}\nto kubectl ${JSON.stringify(theirs.json)}`;
  const { text: printed, isRefused } = injectText(text, settings, false);
  if (isRefused) return null;
  const after = await ask(oracle, printed);
  if ('error' in after) return `is printed as what is malformed (${after.error}):\n${printed}`;
  const wanted = withoutLabel(theirs.json);
  return isDeepStrictEqual(withoutLabel(after.json), wanted)
    ? null
    : `is printed as ${JSON.stringify(after.json)}\nnot ${JSON.stringify(wanted)}:\n${printed}`;
}

function read(text: string): unknown {
  const documents = readYaml(text);
  if (documents.some(({ fault }) => fault)) return undefined;
  try {
    return documents[0]?.toJson() ?? null;
  } catch {
    return undefined;
  }
}

async function ask(
  oracle: LineProcess,
  text: string,
): Promise<{ readonly json: unknown } | { readonly error: string }> {
  const [line] = await oracle.ask(`${JSON.stringify(text)}\n`, 1);
  return JSON.parse(Buffer.from(line!, 'latin1').toString());
}

/** A value without the label that injection adds, and without the objects that it then leaves empty. */
function withoutLabel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLabel);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .filter(([name]) => name !== INJECT)
    .map(([name, each]) => [name, withoutLabel(each)] as const)
    .filter(([name, each]) => !((name === 'labels' || name === 'metadata') && isDeepStrictEqual(each, {})));
  return Object.fromEntries(kept);
}
