import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import type { Revocations } from '../../api/revocations.ts';
import type { InboundConfig } from '../../api/routing.ts';
import type { Log } from '../log.ts';

/** What destination has said of who may come in. */
export interface Words {
  readonly inbound: InboundConfig;
  readonly revocations: Revocations;
}

/**
 * The last words of destination, in a file of the pod's own, so that a proxy whose container starts again while destination is
 * away goes by them and not by less. The volume lives as long as the pod, which nobody else is told of.
 */
export class KeptWords {
  readonly #file: string;
  readonly #log: Log;
  #next: Words | null = null;
  #isWriting = false;

  /** @param file empty: nothing is kept */
  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  /** What an earlier container was told; null: nothing that could be read. */
  async read(): Promise<Words | null> {
    if (this.#file === '') return null;
    try {
      const { version, words } = JSON.parse(String(await promisify(gunzip)(await readFile(this.#file)))) as Kept;
      return version === VERSION ? words : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn('cannot be read', error);
      return null;
    }
  }

  /** Keeps `words`; of several that come while one is written the last is. */
  keep(words: Words): void {
    this.#next = words;
    if (this.#file !== '' && !this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#next) {
      const kept: Kept = { version: VERSION, words: this.#next };
      this.#next = null;
      try {
        await writeFile(`${this.#file}.new`, await promisify(gzip)(JSON.stringify(kept)));
        await rename(`${this.#file}.new`, this.#file);
      } catch (error) {
        this.#warn('cannot be kept for a restart', error);
        // Better none than what holds no longer.
        await rm(this.#file, { force: true }).catch(() => {});
      }
    }
    this.#isWriting = false;
  }

  #warn(what: string, error: unknown): void {
    this.#log.warn({ file: this.#file, error: (error as Error).message }, `what destination has said ${what}`);
  }
}

interface Kept {
  readonly version: number;
  readonly words: Words;
}

/** Of the form of what is kept: a newer proxy makes nothing of an older one's. */
const VERSION = 1;
