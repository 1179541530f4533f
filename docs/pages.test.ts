import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { analyze } from '../cli/analyze/analyze.ts';
import { COMMANDS } from '../cli/command-list.ts';
import { MeshState } from '../cli/state/mesh-state.ts';
import { readPaths } from '../cli/state/read-paths.ts';

const root = join(import.meta.dirname, '..');
const pages = ['README.md', ...globSync(['docs/*.md', 'docs/reference/*.md'], { cwd: root })].sort();
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

for (const page of pages) {
  t.test(`${page} names commands and options that there are`, async (t) => {
    for (const [written, name, rest = ''] of textOf(page).matchAll(/(?:^ {4,}|`|\| )weft ([a-z-]+)([^`|\n#]*)/gm)) {
      const command = COMMANDS.find((each) => each.name === name);
      if (!command) {
        t.fail(`${written}: there is no such command`);
        continue;
      }
      for (const [option] of rest.matchAll(/(?<= \[?)--?[a-z][a-z-]*/g))
        t.match(command.help, new RegExp(`(^|[^a-z-])${option}([^a-z-]|$)`, 'm'), `${written.trim()}: ${option}`);
    }
  });

  t.test(`${page} names files that there are`, async (t) => {
    for (const [path] of textOf(page).matchAll(/\b(docs|manifests|cli|bench|test)\/[\w./-]*\w/g)) {
      const isThere = existsSync(join(root, path)) || globSync(`${path}*`, { cwd: root }).length > 0;
      t.ok(isThere, `${path}`);
    }
  });
}

t.test('nothing is wrong with the examples', async (t) => {
  t.same(analyze(new MeshState(readPaths([join(root, 'docs/examples')]))), []);
});
