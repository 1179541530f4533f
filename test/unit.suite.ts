/** Every unit test of the tree in one process: a tap file of its own costs most of a second. */
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders = '{api,core,webhook,identity,destination,proxy,cli,manifests,dashboard,docs}';
for (const file of globSync([`${folders}/**/*.test.ts`, 'test/*.test.ts', 'test/{chaos,mutate}/*.test.ts'], {
  cwd: root,
}).sort())
  await import(join(root, file));
