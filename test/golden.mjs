#!/usr/bin/env node
// Writes every golden file anew and shows what differs from what git has, files that git does not know among them:
// `make golden`. A test of golden files is one that reads the variable WEFT_UPDATE_GOLDEN.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const FOLDERS = '{api,core,webhook,identity,destination,proxy,cli,manifests,docs,test}';
const GOLDEN = ['*.golden.yaml', '*.golden.json'];

const tests = globSync(`${FOLDERS}/**/*.test.ts`, { cwd: root }).filter((file) =>
  /\bprocess\.env\.WEFT_UPDATE_GOLDEN\b/.test(readFileSync(join(root, file), 'utf8')),
);
let failed = false;
for (const file of tests.sort()) {
  const { status, stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: '0', WEFT_UPDATE_GOLDEN: '1' },
  });
  console.log(`${status === 0 ? 'wrote the golden files of' : 'failed:'} ${file}`);
  if (status === 0) continue;
  failed = true;
  console.log(stdout);
}
const written = globSync(`${FOLDERS}/**/*.golden.json`, { cwd: root });
execFileSync(join(root, 'node_modules/.bin/biome'), ['format', '--write', ...written], { cwd: root, stdio: 'ignore' });
showDifference();
process.exit(failed ? 1 : 0);

/** Shows new files as differences too, by means of an index of our own: the user's stays as it is. */
function showDifference() {
  const folder = mkdtempSync(join(tmpdir(), 'weft-golden-'));
  try {
    const index = join(folder, 'index');
    copyFileSync(resolve(root, git({}, 'rev-parse', '--git-path', 'index').trim()), index);
    const environment = { GIT_INDEX_FILE: index };
    git(environment, 'add', '--intent-to-add', '--', '.');
    const stat = git(environment, 'diff', '--stat', '--', ...GOLDEN);
    console.log(stat === '' ? 'no golden file differs' : git(environment, 'diff', '--', ...GOLDEN) + stat);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function git(environment, ...args) {
  return execFileSync('git', ['--no-pager', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...environment },
  });
}
