/** What the product offers to others says what it is: every export has a docstring right before it. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PRODUCT = '{api,core,webhook,identity,destination,proxy,cli,manifests}/**/*.ts';

/** What of the syntax tree is looked at here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly declaration?: Node | null;
  readonly id?: { readonly name: string } | null;
  readonly body?: readonly Node[];
}

/**
 * Names of the exported classes, functions, interfaces and types of a file that have no docstring right before them.
 * Constants need none: their names and values often say it all.
 */
function undocumented(file: string, source: string): string[] {
  const { program, comments } = parseSync(file, source);
  const ends = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*')).map(({ end }) => end);
  // A linter's directive may stand between; after an empty line it would be the comment of the file.
  const isDocumented = ({ start }: Node) =>
    ends.some((end) => end <= start && /^\n(?:\/\/.*\n)*$/.test(source.slice(end, start)));
  // A function that is overloaded says it once, before its first form.
  const named = new Set<string>();
  return (program as unknown as Node).body!.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || !DECLARATIONS.has(node.declaration?.type ?? '')) return [];
    const name = node.declaration!.id!.name;
    const isFirst = !named.has(name);
    named.add(name);
    return isFirst && !isDocumented(node) ? [name] : [];
  });
}

const DECLARATIONS = new Set([
  'ClassDeclaration',
  'FunctionDeclaration',
  'TSDeclareFunction',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
]);

t.test('every exported class, function, interface and type has a docstring', async (t) => {
  const files = globSync(PRODUCT, { cwd: root, exclude: ['**/*.{test,integration}.ts', '**/*.d.ts', '**/testing/**'] });
  t.ok(files.length > 300, `${files.length} files were found`);
  const missing = files
    .sort()
    .flatMap((file) => undocumented(file, readFileSync(join(root, file), 'utf8')).map((name) => `${file}: ${name}`));
  t.same(missing, []);
});

t.test('sees a docstring of any length, and no other comment', async (t) => {
  const missing = (source: string) => undocumented('example.ts', source);
  t.same(missing('export interface A { b: string }'), ['A']);
  t.same(missing('/** Of what. */\nexport interface A { b: string }'), []);
  t.same(missing('/**\n * Of what.\n */\nexport abstract class A {}'), []);
  t.same(missing('/** Of what. */\n// biome-ignore lint: why\nexport type A = any'), []);
  t.same(missing('// Of what.\nexport class A {}\n/* Of what. */\nexport type B = 1'), ['A', 'B']);
  t.same(missing('/** Of what. */\nconst a = 1;\nexport function b() {}'), ['b'], 'somebody else’s');
  t.same(
    missing('/** One form. */\nexport function a(b: 1): 1;\nexport function a(b: 2): 2;\nexport function a() {}'),
    [],
  );
  t.same(missing('export const a = 1;\nconst b = 1;\nfunction c() {}\nexport { c }'), []);
});
