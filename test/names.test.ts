import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Names that users, manifests and programs share: `api/` spells them, once. */
const SHARED = /\bWEFT_(?:PROXY|IDENTITY|DESTINATION|WEBHOOK)_[A-Z]|\bweft\.dev\/[a-z]|\bconfig\.linkerd\.io\/[a-z]/;

function spelledIn(source: string): string[] {
  return source.split('\n').filter((line) => SHARED.test(line) && !/^\s*(\/\/|\/?\*)/.test(line));
}

t.test('names that programs share are spelled in api/ alone', async (t) => {
  const files = globSync('{core,webhook,identity,destination,proxy,cli,manifests}/**/*.ts', { cwd: root });
  const sources = files.filter((file) => !/\.(test|integration)\.ts$|\/testing\//.test(file));
  t.ok(sources.length > 0, 'sources were found');
  for (const file of sources)
    for (const line of spelledIn(readFileSync(join(root, file), 'utf8'))) t.fail(`${file} spells ${line.trim()}`);
});

t.test('finds a name in code and passes over comments', async (t) => {
  t.same(spelledIn(" * WEFT_PROXY_LOG_LEVEL\n// weft.dev/inject\nconst a = 'weft.dev/inject';"), [
    "const a = 'weft.dev/inject';",
  ]);
});
