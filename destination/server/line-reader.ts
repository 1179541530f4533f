/** Cuts a stream of text into lines, keeping at most `maxCharacters` of an unfinished one. */
export class LineReader {
  readonly #maxCharacters: number;
  #parts: string[] = [];
  #length = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /**
   * Calls `onLine` for each line that `text` completes, without its end; empty lines are passed over.
   *
   * @param onLine returns false to stop; the rest of `text` is then dropped
   * @returns false when a line is too long; nothing more may be read
   */
  read(text: string, onLine: (line: string) => boolean): boolean {
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      if (this.#length + end - start > this.#maxCharacters) return false;
      const line = this.#parts.join('') + text.slice(start, end);
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
      if (line.trim() !== '' && !onLine(line)) return true;
    }
    this.#length += text.length - start;
    if (this.#length > this.#maxCharacters) return false;
    if (start < text.length) this.#parts.push(text.slice(start));
    return true;
  }
}
