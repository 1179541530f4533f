#!/usr/bin/env node
// Builds the container image of all programs as one OCI archive, without a container daemon:
//   node manifests/image/build.mjs [--arch amd64,arm64] [NAME:TAG] [FILE.tar]
// Without --arch: this machine's architecture, and the other one where its parts can be had.
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ARCHITECTURES, IMAGE_NAME } from './contents.ts';
import { OciArchive } from './oci-archive.ts';
import { fetchParts, installedParts } from './parts.ts';
import { layOutFiles } from './root-filesystem.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { arch: { type: 'string' } } });
const [name = IMAGE_NAME, file = join(root, 'build/weft-image.tar')] = positionals;
const asked = values.arch?.split(',');
for (const arch of asked ?? []) {
  if (ARCHITECTURES.some((each) => each.name === arch)) continue;
  console.error(`--arch ${arch}: images are made for ${ARCHITECTURES.map((each) => each.name).join(' and ')}`);
  process.exit(64);
}

const isOwn = ({ node }) => node === process.arch;
const wanted = ARCHITECTURES.filter((each) => asked?.includes(each.name) ?? true).sort((a, b) => isOwn(b) - isOwn(a));
const work = mkdtempSync(join(tmpdir(), 'weft-image-'));
const made = [];
let failed = false;
let ownFailed = false;
try {
  const archive = new OciArchive(join(work, 'layout'));
  for (const architecture of wanted) {
    try {
      const parts = isOwn(architecture)
        ? installedParts(root, architecture)
        : fetchParts(root, architecture, join(root, 'build/image-parts'));
      const rootfs = join(work, architecture.name);
      mkdirSync(rootfs);
      layOutFiles(rootfs, root, architecture, parts);
      const bytes = archive.add(rootfs, architecture);
      made.push(architecture.name);
      console.log(`${architecture.name}: ${(bytes / 1e6).toFixed(1)} MB compressed${remark(architecture)}`);
    } catch (error) {
      // The other architecture is a service to whoever can have it, unless it was asked for.
      ownFailed ||= isOwn(architecture);
      failed ||= asked !== undefined || ownFailed;
      console.error(`${architecture.name} IS NOT IN THE ARCHIVE: ${error.message}`);
    }
  }
  if (made.length > 0 && !ownFailed) {
    mkdirSync(dirname(file), { recursive: true });
    archive.write(`${file}.partial`, name);
    renameSync(`${file}.partial`, file);
    console.log(`${name} (${made.join(', ')}): ${file}, ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  } else console.error('no archive was written');
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function remark(architecture) {
  return isOwn(architecture) ? '' : `; assembled, not run: this machine is ${process.arch}`;
}
