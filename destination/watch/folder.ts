import { readFile } from 'node:fs/promises';

import { errorMessage } from '../../core/errors/weft-error.ts';
import { type Clock, systemClock, type Timer } from '../../core/time/clock.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import { type Manifest, parseManifestFile } from '../objects/manifest-file.ts';
import { formatRef } from '../objects/object-ref.ts';
import { ObjectStore } from '../objects/object-store.ts';
import { overlay } from '../objects/overlay.ts';
import type { Report, Reports } from '../objects/reports.ts';
import { type FolderTree, FolderWatch, type FoundFile, fileAt, readFolderTree } from './folder-tree.ts';
import type { Source } from './source.ts';

/**
 * Folders of manifests, watched live; a later folder is laid over an earlier one.
 *
 * A file is read once it has lain still for {@link SETTLE_MS}. What a broken document held stays as it was, and so
 * does what vanishes from a file that may be half written, until the file has lain still for {@link CERTAIN_MS}.
 * A folder that cannot be listed keeps what it held.
 */
export class FolderSource implements Source {
  readonly objects: ObjectStore;
  readonly #folders: readonly Folder[];
  readonly #reports: Reports;
  readonly #clock: Clock;
  readonly #onRead: (files: readonly string[]) => void;
  readonly #watch = new FolderWatch(() => this.#scan());
  /** Files that were read to their end, or have gone for good, since `onRead` was last called. */
  #settled: string[] = [];
  #timer: Timer | null = null;
  #timerAt = 0;
  #scanning: Promise<void> | null = null;
  #scanAgain = false;
  #isStopped = false;

  /**
   * @param onRead called with the paths of all files at the start, then of those that have changed or gone, once what
   *   they say is in {@link objects} and in the reports
   */
  constructor(
    folders: readonly string[],
    reports: Reports,
    clock: Clock = systemClock,
    onRead: (files: readonly string[]) => void = () => {},
  ) {
    this.objects = new ObjectStore(reports);
    this.#reports = reports;
    this.#clock = clock;
    this.#onRead = onRead;
    this.#folders = folders.map((path) => ({
      path,
      files: new Map(),
      directories: new Map(),
      scannedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  /** @throws Error when a folder cannot be listed */
  async start(): Promise<void> {
    for (const { path } of this.#folders) await readFolderTree(path);
    await this.#run(true);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#scanning;
    this.#watch.close();
  }

  staleness(): ReadonlyMap<string, number> {
    return new Map(this.#folders.map(({ path, scannedAt }) => [path, this.#clock.monotonic() - scannedAt]));
  }

  /** Looks at every file now, or once more after the look that is under way. */
  #scan(): void {
    if (this.#isStopped) return;
    if (this.#scanning) {
      this.#scanAgain = true;
      return;
    }
    void this.#run(false);
  }

  #run(isFirst: boolean): Promise<void> {
    this.#scanning = this.#scanOnce(isFirst).finally(() => {
      this.#scanning = null;
      if (this.#isStopped) return;
      this.#wakeAfter(RESCAN_MS);
      if (this.#scanAgain) {
        this.#scanAgain = false;
        this.#scan();
      }
    });
    return this.#scanning;
  }

  /** @param isFirst what lies there at the start is taken as finished */
  async #scanOnce(isFirst: boolean): Promise<void> {
    const outcomes: boolean[] = [];
    for (const folder of this.#folders) outcomes.push(await this.#scanFolder(folder, isFirst));
    const directories = new Map(this.#folders.flatMap((folder) => [...folder.directories]));
    if (this.#watch.follow(directories)) this.#scanAgain = true;
    if (isFirst || outcomes.includes(true)) {
      const { puts, faults } = overlay(this.#folders.map(manifestsOf));
      this.#reports.set('folder/duplicates', faults);
      this.objects.replace(Object.keys(KINDS) as Kind[], puts);
    }
    const settled = this.#settled;
    this.#settled = [];
    if (settled.length > 0) this.#onRead(settled);
  }

  /** Returns whether what the folder holds may have changed. */
  async #scanFolder(folder: Folder, isFirst: boolean): Promise<boolean> {
    let found: FolderTree;
    try {
      found = await readFolderTree(folder.path);
    } catch (error) {
      this.#reports.set(`folder/${folder.path}`, [faultOf(folder.path, `cannot be listed: ${errorMessage(error)}`)]);
      return false;
    }
    this.#reports.set(`folder/${folder.path}`, []);
    folder.scannedAt = this.#clock.monotonic();
    folder.directories = found.directories;
    let hasChanged = false;
    for (const file of found.files) if (await this.#look(folder, file, isFirst)) hasChanged = true;
    const present = new Set(found.files.map(({ path }) => path));
    for (const [path, state] of folder.files) {
      if (!present.has(path) && this.#forget(folder, path, state)) hasChanged = true;
    }
    return hasChanged;
  }

  /** Reads a file if it has changed and lies still. Returns whether what it holds may have changed. */
  async #look(folder: Folder, file: FoundFile, isFirst: boolean): Promise<boolean> {
    const now = this.#clock.monotonic();
    const state = folder.files.get(file.path) ?? { seen: '', seenAt: now, read: '', isUncertain: false, manifests: [] };
    folder.files.set(file.path, state);
    if (state.seen !== file.signature) {
      state.seen = file.signature;
      state.seenAt = now;
    }
    const stillMs = isFirst ? CERTAIN_MS : now - state.seenAt;
    if (state.read === file.signature && !state.isUncertain) return false;
    const dueMs = state.read === file.signature ? CERTAIN_MS : SETTLE_MS;
    if (stillMs < dueMs) {
      this.#wakeAfter(dueMs - stillMs);
      return false;
    }
    return await this.#read(file, state, stillMs >= CERTAIN_MS);
  }

  async #read(file: FoundFile, state: FileState, isCertain: boolean): Promise<boolean> {
    const finder = `file/${file.path}`;
    if (file.size > MAX_FILE_BYTES) {
      this.#reports.set(finder, [faultOf(file.path, `is larger than ${MAX_FILE_BYTES} octets and is not read`)]);
      state.read = file.signature;
      state.isUncertain = false;
      this.#settled.push(file.path);
      return false;
    }
    const text = await readFile(file.path, 'utf8').catch(() => null);
    const after = await fileAt(file.path);
    if (text === null || after?.signature !== file.signature) {
      this.#wakeAfter(SETTLE_MS);
      return false;
    }
    const parsed = parseManifestFile(file.path, text);
    const names = new Set(parsed.manifests.map(formatRef));
    const lost = state.manifests.filter((manifest) => !names.has(formatRef(manifest)));
    const mayBeHalf = !isCertain && (lost.length > 0 || parsed.faults.length > 0 || !/\n\s*$/.test(text));
    state.read = file.signature;
    state.isUncertain = mayBeHalf;
    if (mayBeHalf) this.#wakeAfter(CERTAIN_MS);
    else this.#settled.push(file.path);
    if (isCertain || parsed.faults.length === 0) this.#reports.set(finder, parsed.faults);
    // A file without its last line end may break off within a document: nothing of it is used before it is certain.
    if (mayBeHalf && !text.endsWith('\n')) return false;
    state.manifests = mayBeHalf || parsed.faults.length > 0 ? [...parsed.manifests, ...lost] : parsed.manifests;
    return true;
  }

  /** Drops a file that has been away for a while: editors remove a file before they write it anew. */
  #forget(folder: Folder, path: string, state: FileState): boolean {
    const now = this.#clock.monotonic();
    if (state.seen !== '') {
      state.seen = '';
      state.seenAt = now;
    }
    if (now - state.seenAt < CERTAIN_MS) {
      this.#wakeAfter(CERTAIN_MS - (now - state.seenAt));
      return false;
    }
    folder.files.delete(path);
    this.#reports.set(`file/${path}`, []);
    this.#settled.push(path);
    return true;
  }

  /** Looks again in `ms` or earlier. */
  #wakeAfter(ms: number): void {
    const at = this.#clock.monotonic() + Math.max(ms, 1);
    if (this.#isStopped || (this.#timer && this.#timerAt <= at)) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(ms, 1), () => {
      this.#timer = null;
      this.#scan();
    });
  }
}

interface Folder {
  readonly path: string;
  readonly files: Map<string, FileState>;
  directories: FolderTree['directories'];
  /** Monotonic milliseconds. */
  scannedAt: number;
}

interface FileState {
  /** Signature at the last look; empty while the file is away. */
  seen: string;
  /** When that signature was first seen, monotonic milliseconds. */
  seenAt: number;
  /** Signature of what was read last. */
  read: string;
  /** Whether that may have been half a file, to be read again. */
  isUncertain: boolean;
  /** The last good version of everything that the file holds. */
  manifests: readonly Manifest[];
}

function manifestsOf(folder: Folder): readonly Manifest[] {
  return [...folder.files].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { manifests }]) => manifests);
}

function faultOf(path: string, message: string): Report {
  return { object: null, place: path, path: '', message };
}

/** A file that lies still this long is read, milliseconds: programs write a manifest in one go. */
const SETTLE_MS = 25;
/** A file that lies still this long is finished, whatever it looks like, milliseconds. */
const CERTAIN_MS = 500;
/** Every file is looked at this often in case a change went unnoticed, milliseconds. */
const RESCAN_MS = 2000;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
