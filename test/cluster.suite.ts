/** Tests on the cluster of KUBECONFIG, with nothing but kubectl and curl beside this project. */
import t from 'tap';

if (!process.env.KUBECONFIG) t.pass('cluster', { skip: 'KUBECONFIG is not set' });
else {
  const { globSync } = await import('node:fs');
  const { dirname, join } = await import('node:path');
  const { fileURLToPath } = await import('node:url');
  const here = dirname(fileURLToPath(import.meta.url));
  for (const file of globSync('cluster/*.test.ts', { cwd: here }).sort()) await import(join(here, file));
}
