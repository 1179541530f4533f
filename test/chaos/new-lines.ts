import { closeSync, openSync, readSync } from 'node:fs';

/** The lines that are written to a file while it is read. */
export class NewLines {
  readonly #file: string;
  #at = 0;
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** The complete lines since the last time; none while there is no file. */
  read(): string[] {
    let file: number;
    try {
      file = openSync(this.#file, 'r');
    } catch {
      return [];
    }
    const chunk = Buffer.alloc(CHUNK_OCTETS);
    for (;;) {
      const count = readSync(file, chunk, 0, chunk.length, this.#at);
      if (count === 0) break;
      this.#at += count;
      this.#rest += chunk.toString('latin1', 0, count);
    }
    closeSync(file);
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    return lines;
  }
}

const CHUNK_OCTETS = 65_536;
