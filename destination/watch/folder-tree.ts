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

/** What a folder holds at the moment. */
export interface FolderTree {
  /** Manifest files, in order of their paths. */
  readonly files: readonly FoundFile[];
  /** The folder and those below it, each with its inode: another inode at the same path is another folder. */
  readonly directories: ReadonlyMap<string, bigint>;
}

/**
 * Finds the `.yaml`, `.yml` and `.json` files of a folder and the folders below it. Names that begin with a dot and
 * `node_modules` are passed over, links to folders not followed.
 *
 * @throws NodeJS.ErrnoException when the folder itself cannot be listed
 */
export async function readFolderTree(folder: string): Promise<FolderTree> {
  const { ino } = await stat(folder, { bigint: true });
  const files: FoundFile[] = [];
  const directories = new Map([[folder, ino]]);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    if (entry.isDirectory()) {
      // One that went away in between holds nothing.
      const below = await readFolderTree(path).catch(() => null);
      files.push(...(below?.files ?? []));
      for (const [name, inode] of below?.directories ?? []) directories.set(name, inode);
    } else if (/\.(ya?ml|json)$/.test(entry.name)) {
      const file = await fileAt(path);
      if (file) files.push(file);
    }
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), directories };
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
 * Watches folders for changes of what lies in them. Where the system offers no watching, or stops it, nothing is called:
 * whoever needs certainty looks again from time to time.
 *
 * One watcher a folder: Node's own recursive watching (24.21, Linux) watches each file's inode, and so loses a file that
 * another is renamed over.
 */
export class FolderWatch {
  readonly #onEvent: () => void;
  readonly #watchers = new Map<string, { readonly inode: bigint; readonly watcher: FSWatcher }>();

  /** @param onEvent called for every event, several of which may belong to one change */
  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Watches these folders and no others. Returns whether there is a new one: what came to it before went unnoticed. */
  follow(directories: ReadonlyMap<string, bigint>): boolean {
    let hasNew = false;
    for (const [path, { inode, watcher }] of this.#watchers) {
      if (directories.get(path) === inode) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const [path, inode] of directories) {
      if (this.#watchers.has(path)) continue;
      const watcher = this.#open(path);
      if (!watcher) continue;
      this.#watchers.set(path, { inode, watcher });
      hasNew = true;
    }
    return hasNew;
  }

  close(): void {
    this.follow(new Map());
  }

  #open(path: string): FSWatcher | null {
    try {
      const watcher = watch(path, { persistent: false }, this.#onEvent);
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      // Out of inotify watches, or a file system without them.
      return null;
    }
  }
}
