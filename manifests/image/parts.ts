import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Architecture, DEBIAN_PACKAGES } from './contents.ts';

/** Where the programs of an image are taken from. */
export interface Parts {
  /** Folder that stands for `/` of a Debian that has iptables and the libraries of Node. */
  readonly debian: string;
  /** Folder of the npm package that holds Node, with `bin/node`. */
  readonly node: string;
  /** Folder of the npm package that holds koffi's native library. */
  readonly koffi: string;
}

/** The parts of this machine's own architecture: its files, and the packages that npm installed. */
export function installedParts(root: string, architecture: Architecture): Parts {
  return {
    debian: '/',
    node: join(root, 'node_modules', nodePackage(architecture)),
    koffi: join(root, 'node_modules', koffiPackage(architecture)),
  };
}

/**
 * The parts of another architecture, fetched with npm and apt into `cache` and kept there. npm's packages are checked
 * against package-lock.json, Debian's by apt against its keyring. The machine's own apt keeps its state: apt works in a
 * folder of its own, with the machine's sources.
 *
 * @throws Error saying what could not be had
 */
export function fetchParts(root: string, architecture: Architecture, cache: string): Parts {
  mkdirSync(cache, { recursive: true });
  return {
    debian: fetchDebian(architecture, join(cache, `debian-${architecture.name}`)),
    node: fetchPackage(root, nodePackage(architecture), cache),
    koffi: fetchPackage(root, koffiPackage(architecture), cache),
  };
}

/** The package that koffi asks for by name. */
export function koffiPackage({ node }: Architecture): string {
  return `@koromix/koffi-linux-${node}`;
}

function nodePackage({ node }: Architecture): string {
  return `node-linux-${node}`;
}

function fetchPackage(root: string, name: string, cache: string): string {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (!locked) throw new Error(`package-lock.json does not name ${name}`);
  const id = `${name.replace(/^@/, '').replace('/', '-')}-${locked.version}`;
  const folder = join(cache, id);
  if (existsSync(folder)) return folder;
  const archive = `${folder}.tgz`;
  if (!existsSync(archive)) {
    run(
      'npm',
      ['pack', `${name}@${locked.version}`, '--pack-destination', cache, '--fetch-retries=1', '--loglevel=error'],
      `fetch ${name}`,
    );
  }
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (locked.integrity !== `sha512-${digest}`) {
    rmSync(archive);
    throw new Error(`${name}@${locked.version} is not what package-lock.json names: its integrity is sha512-${digest}`);
  }
  unpackInto(folder, (into) => run('tar', ['-xzf', archive, '-C', into, '--strip-components=1'], `unpack ${name}`));
  return folder;
}

function fetchDebian({ name }: Architecture, cache: string): string {
  const folder = join(cache, 'root');
  if (existsSync(folder)) return folder;
  const state = join(cache, 'state');
  const archives = join(cache, 'archives');
  for (const each of [join(state, 'lists/partial'), join(archives, 'partial')]) mkdirSync(each, { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const options = {
    'APT::Architecture': name,
    'APT::Architectures': name,
    'APT::Sandbox::User': 'root',
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': cache,
    'Dir::Cache::archives': archives,
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Languages': 'none',
  };
  const settings = Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
  run('apt-get', [...settings, '--quiet=2', 'update'], `list the Debian packages of ${name}`);
  run(
    'apt-get',
    [...settings, '--quiet=2', '--yes', '--download-only', '--no-install-recommends', 'install', ...DEBIAN_PACKAGES],
    `fetch the Debian packages ${DEBIAN_PACKAGES.join(' and ')} for ${name}`,
  );
  unpackInto(folder, (into) => {
    for (const archive of readdirSync(archives).filter((each) => each.endsWith('.deb')))
      run('dpkg-deb', ['--extract', join(archives, archive), into], `unpack ${archive}`);
  });
  return folder;
}

/** A folder that is there is complete: it gets its name last. */
function unpackInto(folder: string, unpack: (into: string) => void): void {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  unpack(partial);
  renameSync(partial, folder);
}

function run(program: string, args: readonly string[], what: string): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`cannot ${what}: ${stderr?.trim().split('\n').at(-1) || message}`);
  }
}
