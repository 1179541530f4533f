/** What takes minutes: the same as in shorter tests, with figures that leave no doubt. */
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
for (const file of globSync('long/*.test.ts', { cwd: here }).sort()) await import(join(here, file));
