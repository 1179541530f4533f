/** How long things have been as they are, as far as looking at them now and then can tell. */
export class Stillness {
  readonly #seen = new Map<object, Seen>();
  #nowMs = 0;
  #look = 0;

  /** Begins a look, which {@link end} ends. @param nowMs monotonic milliseconds */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#look++;
  }

  /** Milliseconds for which `subject` has been in `phase` and showed the same `mark`, at every look; 0 at first. */
  of(subject: object, phase: string, mark: number): number {
    const seen = this.#seen.get(subject);
    if (!seen) {
      this.#seen.set(subject, { phase, mark, sinceMs: this.#nowMs, look: this.#look });
      return 0;
    }
    if (seen.phase !== phase || seen.mark !== mark) {
      seen.phase = phase;
      seen.mark = mark;
      seen.sinceMs = this.#nowMs;
    }
    seen.look = this.#look;
    return this.#nowMs - seen.sinceMs;
  }

  /** Forgets what was not asked for in this look: it moves, or is gone. */
  end(): void {
    for (const [subject, { look }] of this.#seen) if (look !== this.#look) this.#seen.delete(subject);
  }
}

interface Seen {
  phase: string;
  mark: number;
  sinceMs: number;
  look: number;
}
