import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { IMAGE_DIRECTORY, IMAGE_NODE } from '../../api/image.ts';
import {
  type Architecture,
  IMAGE_FOLDERS,
  IMAGE_MODULES,
  IMAGE_TEXTS,
  IPTABLES_EXTENSIONS,
  IPTABLES_LINKS,
  IPTABLES_PROGRAMS,
} from './contents.ts';
import { koffiPackage, type Parts } from './parts.ts';
import { readSharedObject } from './shared-object.ts';

/**
 * Lays out the files of an image: Node, the bundles, koffi, iptables and every library that these are linked with. No
 * shell, no package manager.
 *
 * @param target an empty folder
 * @throws Error naming the first file that is missing or for another machine
 */
export function layOutFiles(target: string, root: string, architecture: Architecture, parts: Parts): void {
  const files = new RootFilesystem(target, architecture, parts.debian);
  for (const folder of IMAGE_FOLDERS) mkdirSync(join(target, folder), { recursive: true });
  mkdirSync(join(target, 'tmp'), { mode: 0o1777 });
  for (const [path, text] of Object.entries(IMAGE_TEXTS)) files.write(path, text);
  files.addProgram(join(parts.node, 'bin/node'), IMAGE_NODE);
  for (const program of IPTABLES_PROGRAMS) {
    const source = files.find([`/usr/sbin/${program}`, `/sbin/${program}`]);
    if (!source) throw new Error(`${program} is missing: install the package iptables`);
    files.addProgram(source, `/usr/sbin/${program}`);
  }
  const extensions = `/usr/lib/${architecture.triplet}/xtables`;
  for (const extension of IPTABLES_EXTENSIONS) {
    const source = files.find([`${extensions}/${extension}.so`]);
    if (source) files.addProgram(source, `${extensions}/${extension}.so`);
  }
  for (const { name, target: program } of IPTABLES_LINKS) symlinkSync(program, join(target, 'usr/sbin', name));
  symlinkSync('usr/sbin', join(target, 'sbin'));
  const bundles = readdirSync(join(root, 'build')).filter((each) => each.endsWith('.js'));
  if (bundles.length === 0) throw new Error('build/ holds no bundle: run make build');
  for (const bundle of bundles) cpSync(join(root, 'build', bundle), join(target, IMAGE_DIRECTORY, bundle));
  addKoffi(files, target, root, architecture, parts);
}

function addKoffi(files: RootFilesystem, target: string, root: string, architecture: Architecture, parts: Parts): void {
  const koffi = join(root, 'node_modules/koffi');
  cpSync(koffi, join(target, IMAGE_MODULES, 'koffi'), {
    recursive: true,
    filter: (path) => !/^\/(vendor|doc)(\/|$)/.test(path.slice(koffi.length)),
  });
  cpSync(parts.koffi, join(target, IMAGE_MODULES, koffiPackage(architecture)), {
    recursive: true,
    filter: (path) => !path.includes('/musl_'),
  });
  for (const folder of readdirSync(parts.koffi).filter((each) => each.startsWith('linux_')))
    files.addLibrariesOf(join(parts.koffi, folder, 'koffi.node'));
}

/** The files of an image, filled from a Debian of its architecture. */
class RootFilesystem {
  readonly #target: string;
  readonly #architecture: Architecture;
  readonly #debian: string;

  constructor(target: string, architecture: Architecture, debian: string) {
    this.#target = target;
    this.#architecture = architecture;
    this.#debian = debian;
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.#target, path)), { recursive: true });
    writeFileSync(join(this.#target, path), text);
  }

  /** The file that the first of these paths leads to within the Debian, or null. */
  find(paths: readonly string[]): string | null {
    for (const path of paths) {
      const file = resolveIn(this.#debian, path);
      if (file) return file;
    }
    return null;
  }

  /** Copies a file and every library that it needs. */
  addProgram(source: string, path: string): void {
    if (!existsSync(source)) throw new Error(`${source} is missing`);
    mkdirSync(dirname(join(this.#target, path)), { recursive: true });
    cpSync(source, join(this.#target, path), { dereference: true });
    this.addLibrariesOf(source);
  }

  /** Copies every library that a file needs, and the loader that starts it. */
  addLibrariesOf(source: string): void {
    const { machine, triplet, name } = this.#architecture;
    const object = readSharedObject(source);
    if (object?.machine !== machine) throw new Error(`${source} is no program for ${name}`);
    if (object.interpreter) this.#addLibrary([object.interpreter], object.interpreter);
    for (const library of object.needed) {
      const paths = [`/lib/${triplet}`, `/usr/lib/${triplet}`].map((folder) => `${folder}/${library}`);
      this.#addLibrary(paths, paths[0]!);
    }
  }

  #addLibrary(sources: readonly string[], path: string): void {
    if (existsSync(join(this.#target, path))) return;
    const source = this.find(sources);
    if (!source) throw new Error(`the library ${sources[0]} is missing`);
    this.addProgram(source, path);
  }
}

/** Follows links as a program would whose `/` is `root`. Returns the file's path on this machine, or null. */
function resolveIn(root: string, path: string): string | null {
  let at = '/';
  const rest = path.split('/');
  for (let links = 0; rest.length > 0; ) {
    const next = join(at, rest.shift()!);
    const file = join(root, next);
    const kind = lstatSync(file, { throwIfNoEntry: false });
    if (!kind || links > MAX_LINKS) return null;
    if (!kind.isSymbolicLink()) at = next;
    else {
      const link = readlinkSync(file);
      links++;
      rest.unshift(...link.split('/'));
      if (link.startsWith('/')) at = '/';
    }
  }
  return join(root, at);
}

/** As Linux has it (path_resolution(7)). */
const MAX_LINKS = 40;
