#!/usr/bin/env node
// Adds the reports of several test runs up, checks their skips against test/allowed-skips.txt and prints
// `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const allowed = readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'allowed-skips.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
let passed = 0;
let failed = 0;
const skipped = [];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    passed += report.passed;
    failed += report.failed;
    skipped.push(...report.skipped);
  } catch (error) {
    console.error(`no report: ${error.message}`);
    failed++;
  }
}
for (const skip of skipped) {
  if (allowed.some((start) => skip.startsWith(start))) continue;
  console.error(`not allowed to be skipped: ${skip}`);
  failed++;
}
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);
