import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/internals/threat-model.md'), 'utf8');
const rows = page.split('\n').filter((line) => /^\|(?! attack |---)/.test(line));

t.test('every attack that is defended against has a test, by its file and title', async (t) => {
  t.ok(rows.length > 20);
  for (const row of rows) {
    const [attack = '', , shown = ''] = row.slice(2, -2).split(' | ');
    const tests = [...shown.matchAll(/`([^`]+\.test\.ts)`: (.*?)(?=; `|$)/g)];
    t.ok(tests.length > 0, attack);
    for (const [, file = '', titles = ''] of tests) {
      const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
      for (const title of titlesOf(titles, text)) t.ok(text.includes(`'${title}'`), `${file}: ${title}`);
    }
  }
});

/** Titles are separated by semicolons, and some have one of their own. */
function titlesOf(titles: string, text: string): string[] {
  return text.includes(`'${titles}'`) ? [titles] : titles.split('; ');
}
