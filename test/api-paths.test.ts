import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Paths of the API server that are put together of names without {@link apiPath}, where a name could lead elsewhere. */
const handMade = (source: string) => source.match(/(?<!apiPath)`\/apis?\/[^`]*\$\{[^`]*`/g) ?? [];

t.test('paths of the API server are put together by apiPath alone', async (t) => {
  const files = globSync('{core,webhook,identity,destination,cli}/**/*.ts', { cwd: root });
  const sources = files.filter((file) => !/\.(test|integration)\.ts$|\/testing\//.test(file));
  t.ok(sources.length > 0, 'sources were found');
  for (const file of sources)
    for (const path of handMade(readFileSync(join(root, file), 'utf8'))) t.fail(`${file}: ${path}`);
});

t.test('finds a path that is put together by hand', async (t) => {
  const path = `\`/api/v1/namespaces/$${'{name}'}\``;
  t.same(handMade(`get(${path}), get(apiPath${path})`), [path]);
});
