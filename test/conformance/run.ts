/**
 * Runs the conformance tests (all, or those named on the command line) and ends with `N passed, N failed`
 * (`, N skipped`). WEFT_TEST_REPORT=FILE also gets the figures and what was skipped as JSON.
 */
import { writeFileSync } from 'node:fs';

import { runAccess } from './access/differential.ts';
import { runHeads } from './detection/heads.ts';
import { runH2spec } from './h2spec.ts';
import { runHpack } from './hpack/interoperation.ts';
import { runHttp1 } from './http1/differential.ts';
import { runInterop } from './interop/interoperation.ts';
import { type Outcome, sum } from './outcome.ts';
import { runRouting } from './routing/differential.ts';
import { runYaml } from './yaml/differential.ts';

const PARTS: Readonly<Record<string, () => Promise<Outcome>>> = {
  access: runAccess,
  detection: runHeads,
  h2spec: runH2spec,
  hpack: runHpack,
  http1: runHttp1,
  interop: runInterop,
  routing: runRouting,
  yaml: runYaml,
};

const outcomes: Outcome[] = [];
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (!part) throw new Error(`there is no conformance test ${name}; there are ${Object.keys(PARTS).join(', ')}`);
  outcomes.push(await part());
}
const { passed, failed, skipped } = sum(outcomes);
for (const each of skipped) console.log(`skipped: ${each}`);
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
const report = process.env.WEFT_TEST_REPORT;
if (report) writeFileSync(report, JSON.stringify({ passed, failed, skipped }));
process.exit(failed > 0 ? 1 : 0);
