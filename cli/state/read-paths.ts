import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import {
  type OtherManifest,
  type ParsedFile,
  parseManifestFile,
  refOfOther,
} from '../../destination/objects/manifest-file.ts';
import { formatRef } from '../../destination/objects/object-ref.ts';
import { overlay, repetition } from '../../destination/objects/overlay.ts';
import type { Report } from '../../destination/objects/reports.ts';
import { UsageError } from '../command.ts';
import { fileError } from '../file-error.ts';
import { DEFAULT_DOMAIN } from './default-domain.ts';
import type { FoundObjects } from './mesh-state.ts';

/**
 * Reads manifest files and folders as one set: an object stands once, of two that differ the first is used. What cannot
 * be read is reported and stops nothing else.
 *
 * @param paths `-` is standard input
 * @throws UsageError for a path that is not there
 */
export function readPaths(paths: readonly string[]): FoundObjects {
  return together(parsePaths(paths));
}

/** Each file of `paths`, once. @throws UsageError as {@link readPaths} */
export function parsePaths(paths: readonly string[]): readonly ParsedFile[] {
  return [...new Set(paths.flatMap(filesOf))].map(readFile);
}

/** What parsed files hold as one set. */
export function together(parsed: readonly ParsedFile[]): FoundObjects {
  const { puts, faults } = overlay([parsed.flatMap(({ manifests }) => manifests)]);
  const others = parsed.flatMap((file) => file.others);
  return {
    puts,
    others,
    faults: [...parsed.flatMap((file) => file.faults), ...faults, ...repetitions(others)],
    domain: DEFAULT_DOMAIN,
    injectors: null,
  };
}

/** What is said of objects that stand twice, of kinds that decide nothing here. */
function repetitions(others: readonly OtherManifest[]): Report[] {
  const named = others.filter(({ raw }) => refOfOther({ kind: '', raw }).name !== '');
  const byName = Map.groupBy(named, (other) => `${other.group}/${formatRef(refOfOther(other))}`);
  return [...byName.values()].flatMap(([first, ...rest]) =>
    rest.map((other) => ({ object: refOfOther(other), place: other.place, ...repetition(first!, other) })),
  );
}

/**
 * The `.yaml`, `.yml` and `.json` files of a folder and the folders below it, in order, as destination finds them; a
 * file stands for itself, whatever its name.
 */
function filesOf(path: string): string[] {
  if (path === '-') return [path];
  if (!statSync(path, { throwIfNoEntry: false }))
    throw new UsageError(`${path}: there is no such file or folder`, 'name files, folders, or - for standard input');
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const below = join(path, entry.name);
      if (entry.isDirectory()) return filesOf(below);
      return /\.(ya?ml|json)$/.test(entry.name) ? [below] : [];
    });
}

function readFile(path: string): ParsedFile {
  const called = path === '-' ? 'stdin' : path;
  try {
    return parseManifestFile(called, readFileSync(path === '-' ? 0 : path, 'utf8'));
  } catch (error) {
    const { message } = fileError(error, 'cannot be read');
    return { manifests: [], others: [], faults: [{ object: null, place: called, path: '', message }] };
  }
}
