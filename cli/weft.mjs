#!/usr/bin/env node
// Starts the CLI with the Node that the package pins, whatever Node is on the PATH.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const pinned = join(here, '../node_modules/.bin/node');
if (!existsSync(pinned) || realpathSync(pinned) === realpathSync(process.execPath)) await import('./main.ts');
else {
  const child = spawn(pinned, [join(here, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends its Ctrl-C to both; what is sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => void (signal !== 'SIGINT' && child.kill(signal)));
  child.on('close', (status, signal) => process.exit(signal ? 1 : (status ?? 1)));
}
