#!/usr/bin/env node
// Runs one test file and shows what it says: `make test-one FILE=core/config/config.test.ts NAME=durations`. NAME is
// text or a regular expression; without it all tests of the file run.
import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [given = '', name = ''] = process.argv.slice(2);
const problem = problemOf(given);
if (problem) {
  console.error(problem);
  process.exit(64);
}

const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', resolve(root, given)], {
  cwd: root,
  stdio: ['inherit', 'pipe', 'inherit'],
  // tap's own limit of 30 seconds is for files of which many run; nobody waits for this one but who asked.
  env: { ...process.env, TAP: '1', TAP_TIMEOUT: '0', ...(name && { TAP_GREP: name }) },
});
let ran = 0;
createInterface({ input: child.stdout }).on('line', (line) => {
  if (line.includes('# SKIP filter:')) return;
  if (/^(not )?ok /.test(line)) ran++;
  console.log(line);
});
child.on('close', (status, signal) => {
  if (name && ran === 0 && status === 0) {
    console.error(`no test of ${given} is named "${name}"`);
    process.exit(1);
  }
  process.exit(signal ? 1 : status);
});

/** Why a file cannot be run by itself; undefined: it can. */
function problemOf(file) {
  if (file === '') return 'usage: make test-one FILE=path/to/x.test.ts [NAME=text of a test name]';
  if (!existsSync(resolve(root, file))) {
    const base = file.split('/').at(-1);
    const same = globSync(`**/${base}`, { cwd: root, exclude: (each) => each === 'node_modules' });
    return `there is no file ${file}${same.length > 0 ? `; did you mean ${same.join(' or ')}?` : ''}`;
  }
  if (!file.endsWith('.test.ts'))
    return `${relative(root, resolve(root, file))} is no *.test.ts: a suite runs by "node test/run.mjs NAME"`;
  return undefined;
}
