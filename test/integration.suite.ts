/** Every integration test: real sockets and processes, network namespaces where root is there. */
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
for (const file of globSync('integration/*.test.ts', { cwd: here }).sort()) await import(join(here, file));
