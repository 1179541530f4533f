import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WeftError } from '../../core/errors/weft-error.ts';

/** Finds the bundles of the programs that a local mesh runs, and the packages that they load at run time. */
export function builtPrograms(): { readonly folder: string; readonly packages: string } {
  const folder = join(root, 'build');
  if (!existsSync(join(folder, 'proxy.js')))
    throw new WeftError('not_built', 'the programs are not bundled', { hint: 'run "make build"' });
  return { folder, packages: join(root, 'node_modules') };
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
