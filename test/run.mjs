#!/usr/bin/env node
// Runs the suites named on the command line through tap and ends with `N passed, N failed` (`, N skipped`).
// A suite is test/<name>.suite.ts; `node test/run.mjs unit integration`. WEFT_TEST_REPORT=FILE also gets the line and
// the skipped tests as JSON.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules/.bin/node');
const suites = process.argv.slice(2);
if (suites.length === 0 || suites.includes('-h') || suites.includes('--help')) {
  console.log('usage: node test/run.mjs SUITE...   (a suite is test/SUITE.suite.ts)');
  process.exit(suites.length === 0 ? 64 : 0);
}

let diagnostics = false;
const depths = [];
const totals = { passed: 0, failed: 0, skipped: [] };
for (const suite of suites) await run(suite);

const line =
  `${totals.passed} passed, ${totals.failed} failed` +
  (totals.skipped.length ? `, ${totals.skipped.length} skipped` : '');
for (const skip of totals.skipped) console.log(`skipped: ${skip}`);
if (process.env.WEFT_TEST_REPORT) writeFileSync(process.env.WEFT_TEST_REPORT, JSON.stringify({ line, ...totals }));
console.log(line);
process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0);

/** Runs one suite in a process of its own, printing failures and the name of each passed top-level test. */
async function run(suite) {
  const file = join(root, 'test', `${suite}.suite.ts`);
  if (!existsSync(file)) {
    console.error(`there is no suite ${file}`);
    totals.failed++;
    return;
  }
  console.log(`# ${suite}`);
  const program = [existsSync(node) ? node : process.execPath, '--disable-warning=ExperimentalWarning', file];
  if (suite.startsWith('namespaces')) {
    // In namespaces of its own, so that nothing that it makes is seen outside or outlives it.
    if (process.getuid() !== 0) return totals.skipped.push('namespaces (root is missing)');
    program.unshift('unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', '--');
  }
  const child = spawn(program[0], program.slice(1), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: '1200',
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    },
  });
  let rest = '';
  const failedBefore = totals.failed;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const each of lines) readLine(each);
  });
  const code = await new Promise((resolve) => child.on('close', (status, signal) => resolve(signal ?? status)));
  if (code !== 0 && totals.failed === failedBefore) {
    console.error(`suite ${suite} ended with ${code}`);
    totals.failed++;
  }
}

/** Reads one line of TAP (version 14): leaves are counted, a parent point repeats its children and is not. */
function readLine(line) {
  const indent = line.length - line.trimStart().length;
  const text = line.trim();
  if (text.startsWith('# Subtest')) {
    depths[indent] = 0;
    return;
  }
  const point = /^(not )?ok \d+(?: - (.*?))?(?:\s+#\s*(SKIP|TODO|time=\S+)\s*(.*))?(?:\s*\{)?$/.exec(text);
  if (point) {
    diagnostics = Boolean(point[1]);
    const children = depths[indent + 4] ?? 0;
    depths.length = indent + 1;
    depths[indent] = (depths[indent] ?? 0) + 1;
    const name = (point[2] ?? '').replace(/\s*#.*$/, '');
    if (point[3] === 'SKIP') totals.skipped.push(`${name} (${point[4] || 'no reason given'})`);
    else if (point[1]) {
      if (children === 0) totals.failed++;
      console.log(line);
    } else if (children === 0) totals.passed++;
    if (indent === 0 && !point[1]) console.log(`ok ${name}`);
    return;
  }
  if (/^Bail out!/.test(text)) {
    totals.failed++;
    console.log(line);
  } else if (diagnostics && indent >= 2) console.log(line);
}
