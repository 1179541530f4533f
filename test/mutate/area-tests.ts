/** Runs the test files named on the command line in this process. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(fileURLToPath(import.meta.url), '../../..');
for (const file of process.argv.slice(2)) await import(join(root, file));
