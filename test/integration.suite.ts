/** Every integration test with real sockets; those of the API server run where KUBECONFIG is set. */
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
for (const file of globSync('integration/*.test.ts', { cwd: here }).sort()) await import(join(here, file));

/** Each part's own integration tests: `<subject>.integration.ts` exports one function that registers them. */
for (const file of globSync('{core,identity,destination,webhook}/**/*.integration.ts', { cwd: root }).sort()) {
  const tests = Object.values((await import(join(root, file))) as Record<string, (t: Test) => void>);
  for (const register of tests) register(t as unknown as Test);
}
