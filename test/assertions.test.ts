/** Assertions that are true of anything read as if they said something. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Fields of a pattern that any list matches (`[]`); `{ length: 0 }` is the pattern of none. */
function emptyPatterns(source: string): string[] {
  return [...source.matchAll(/\bt\.match\([\s\S]*?\);\n/g)].flatMap(([call]) =>
    [...call.matchAll(/\w+: \[\](?=\s*[,}])/g)].map(([field]) => field),
  );
}

t.test('no pattern is an empty list, which matches every list', async (t) => {
  const files = globSync(
    '{api,core,webhook,identity,destination,proxy,cli,manifests,docs,test}/**/*.{test,integration}.ts',
    {
      cwd: root,
    },
  );
  t.ok(files.length > 100);
  for (const file of files) {
    const found = emptyPatterns(readFileSync(join(root, file), 'utf8'));
    if (found.length > 0 && file !== 'test/assertions.test.ts') t.fail(`${file}: ${found.join('; ')}`);
  }
  t.same(emptyPatterns('t.match(x, { a: [], b: 1 });\nt.same(y, { c: [] });\n'), ['a: []']);
});
