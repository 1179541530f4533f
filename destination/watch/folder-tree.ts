import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A manifest file that is there at the moment. */
export interface FoundFile {
  readonly path: string;
  /** Changes with every write: inode, size and time of modification. */
  readonly signature: string;
  /** Octets. */
  readonly size: number;
}

/**
 * Finds the `.yaml`, `.yml` and `.json` files of a folder and the folders below it, in order of their paths. Names
 * that begin with a dot and `node_modules` are passed over, links to folders not followed.
 *
 * @throws NodeJS.ErrnoException when the folder itself cannot be listed
 */
export async function findManifestFiles(folder: string): Promise<FoundFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<FoundFile[]> => {
      const path = join(folder, entry.name);
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
      if (entry.isDirectory()) return await findManifestFiles(path).catch(() => []);
      if (!/\.(ya?ml|json)$/.test(entry.name)) return [];
      const file = await fileAt(path);
      return file ? [file] : [];
    }),
  );
  return found.flat().sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The file at `path`, or null when there is none (any more). */
export async function fileAt(path: string): Promise<FoundFile | null> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return { path, signature: `${ino}:${size}:${mtimeNs}:${ctimeNs}`, size: Number(size) };
  } catch {
    return null;
  }
}

/**
 * Calls `onEvent` whenever something below a folder changes. Where the system offers no watching, or stops it, nothing
 * is called: whoever needs certainty looks again from time to time.
 */
export function watchFolder(folder: string, onEvent: () => void): { close(): void } {
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(folder, { recursive: true, persistent: false }, onEvent);
    watcher.on('error', () => watcher?.close());
  } catch {
    // Out of inotify watches, or a file system without them.
  }
  return { close: () => watcher?.close() };
}
