#!/usr/bin/env node
// Starts the CLI with the Node that the package pins, whatever Node is on the PATH.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const pinned = join(here, '../node_modules/.bin/node');
if (!existsSync(pinned) || realpathSync(pinned) === realpathSync(process.execPath)) await import('./main.ts');
else {
  // What is sent to this process alone is passed on. The terminal sends its Ctrl-C to both, and once more does no harm.
  // Before the start: a signal in the midst of it would end this process alone.
  let child;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child = spawn(pinned, [join(here, 'main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
  // As shells count: 128 and the number of the signal.
  child.on('close', (status, signal) => process.exit(signal ? 128 + constants.signals[signal] : (status ?? 1)));
}
