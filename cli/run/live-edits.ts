import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

import { FOLDER_READ, type FolderRead } from '../../api/folder-read.ts';
import { type OtherManifest, type ParsedFile, parseManifestFile } from '../../destination/objects/manifest-file.ts';
import type { Put } from '../../destination/objects/object-store.ts';
import type { Addressing } from './addressing.ts';
import { linesOfEdit, refOfPut, type Written } from './edits.ts';
import { sentencesOfNotRun } from './not-run.ts';
import { type ReadFolder, readFolder } from './objects.ts';
import { planRun } from './plan.ts';

/** What {@link LiveEdits} starts from. */
export interface LiveEditsOptions {
  /** Absolute path. */
  readonly folder: string;
  /** What the mesh is started from. */
  readonly found: ReadFolder;
  readonly addressing: Addressing;
  /** Prints a line. */
  readonly say: (line: string) => void;
}

/**
 * Says what becomes of edits in the folder of a mesh that runs, and what destination finds wrong in it. It hears of both
 * in destination's log, so that what is said to be applied is in force there.
 */
export class LiveEdits {
  readonly #options: LiveEditsOptions;
  readonly #running: Written;
  /** What each file held when it was last read, by absolute path. */
  readonly #files = new Map<string, HeldFile>();
  /** Sentences of the plan and of what is passed over, each of which is said once. */
  readonly #known: Set<string>;
  /** Faults that were said since destination has last read a file. */
  readonly #faultsSaid: Set<string>;
  #hasStarted = false;

  constructor(options: LiveEditsOptions) {
    const { found, addressing } = options;
    this.#options = options;
    this.#running = new Map(found.puts.map((put) => [refOfPut(put), put]));
    for (const put of found.puts) this.#held(fileOf(put.place)).puts.set(refOfPut(put), put);
    for (const other of found.others) this.#held(fileOf(other.place)).others.push(other);
    this.#known = new Set(planRun(found.objects, addressing).problems);
    this.#faultsSaid = new Set(found.problems);
    for (const sentence of [...found.problems, ...sentencesOfNotRun(found.puts, found.others)]) this.#warn(sentence);
  }

  /** Takes a line of destination's log. */
  onLogLine(line: string): void {
    const entry = parse(line);
    if (entry?.msg === FOLDER_READ) this.#onRead(entry as unknown as FolderRead);
    // What destination says of manifests has a place; the rest is about itself.
    else if (typeof entry?.place === 'string') this.#sayFault(String(entry.msg));
  }

  #onRead({ files, changed, faults }: FolderRead): void {
    const said = this.#faultsSaid.size;
    // The first is what the mesh was started from.
    if (this.#hasStarted)
      this.#onEdit(
        files.filter((file) => this.#isMine(file)),
        changed,
        faults,
        said > 0,
      );
    this.#hasStarted = true;
    this.#faultsSaid.clear();
  }

  #onEdit(files: readonly string[], changed: readonly string[], faults: readonly string[], hasSaid: boolean): void {
    if (files.length === 0) return;
    const before = this.#together(files);
    const othersBefore = new Set(
      files.flatMap((file) => this.#held(file).others.map(({ raw }) => JSON.stringify(raw))),
    );
    for (const file of files) this.#read(file);
    const after = this.#together(files);
    for (const fault of faults) this.#sayFault(fault);
    const fresh = files
      .flatMap((file) => this.#held(file).others)
      .filter(({ raw }) => !othersBefore.has(JSON.stringify(raw)));
    const freshPuts = [...after].filter(([ref]) => !before.has(ref)).map(([, put]) => put);
    const passedOver = [...sentencesOfNotRun(freshPuts, fresh), ...this.#planProblems()];
    for (const sentence of passedOver) this.#warn(sentence);
    const lines = linesOfEdit({ running: this.#running, before, after, changed: new Set(changed) });
    for (const line of lines) this.#say(line);
    if (lines.length + passedOver.length + faults.length === 0 && !hasSaid)
      this.#say(`nothing to apply: ${files.join(', ')}`);
  }

  /** What the plan of the folder as it is now would say that was not said yet. */
  #planProblems(): string[] {
    const { folder, addressing } = this.#options;
    const problems = planRun(readFolder(folder).objects, addressing).problems;
    const fresh = problems.filter((problem) => !this.#known.has(problem));
    for (const problem of fresh) this.#known.add(problem);
    return fresh;
  }

  #isMine(file: string): boolean {
    return file.startsWith(`${this.#options.folder}/`);
  }

  #held(file: string): HeldFile {
    const held = this.#files.get(file) ?? { puts: new Map(), others: [] };
    this.#files.set(file, held);
    return held;
  }

  /** Reads a file again. Of one that is broken what it held before stays, as destination has it. */
  #read(file: string): void {
    const { manifests, others, faults } = readFile(file);
    const puts = new Map(faults.length > 0 ? this.#held(file).puts : []);
    for (const { kind, raw, place } of manifests) puts.set(refOfPut({ kind, raw, place }), { kind, raw, place });
    this.#files.set(file, { puts, others: [...others] });
  }

  #together(files: readonly string[]): Written {
    return new Map(files.flatMap((file) => [...this.#held(file).puts]));
  }

  #sayFault(text: string): void {
    if (this.#faultsSaid.has(text)) return;
    this.#faultsSaid.add(text);
    this.#warn(text);
  }

  #warn(text: string): void {
    this.#say(`! ${text}`);
  }

  /** Prints; what lies below the working folder by its path from there. */
  #say(text: string): void {
    const { folder, say } = this.#options;
    const fromHere = relative(process.cwd(), folder);
    say(fromHere.startsWith('..') ? text : text.replaceAll(`${folder}/`, fromHere === '' ? '' : `${fromHere}/`));
  }
}

interface HeldFile {
  readonly puts: Map<string, Put>;
  readonly others: OtherManifest[];
}

function readFile(file: string): ParsedFile {
  try {
    return parseManifestFile(file, readFileSync(file, 'utf8'));
  } catch {
    return { manifests: [], others: [], faults: [] }; // it has gone, or cannot be read, which destination says
  }
}

/** An entry of a log that is JSON; null: the line is something else. */
function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** The path of `path:line`. */
function fileOf(place: string): string {
  return place.replace(/:\d+$/, '');
}
