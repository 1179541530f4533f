/** A place of a source that can be changed, and what can be written there instead. */
export interface Place {
  readonly file: string;
  /** What is replaced: `source[start, end)`, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Texts that may stand there, each a mutant of its own. */
  readonly alternatives: readonly string[];
}

/** One change of one file. */
export interface Mutant {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** What it reads like, without the number of the line: with the file it names the mutant, whatever moves above it. */
  readonly text: string;
  /** The whole file, changed. */
  readonly source: string;
}

/** Makes the mutant of one alternative; `source` is what the place was found in. */
export function mutantOf(place: Place, alternative: string, source: string): Mutant {
  const { file, start, end } = place;
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = (source.indexOf('\n', end) + source.length + 1) % (source.length + 1);
  const [head, tail] = [shown(source.slice(lineStart, start)), shown(source.slice(end, lineEnd))];
  const before = head.slice(-MAX_CONTEXT);
  const after = tail.slice(0, MAX_CONTEXT);
  const [was, is] = [source.slice(start, end), alternative].map((text) =>
    (before + clipped(shown(text)) + after).trim(),
  );
  return {
    file,
    line: source.slice(0, start).split('\n').length,
    text: `${was} → ${is}`,
    source: source.slice(0, start) + alternative + source.slice(end),
  };
}

function shown(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function clipped(text: string): string {
  return text.length <= MAX_CHANGE ? text : `${text.slice(0, MAX_CHANGE)}…`;
}

/** Characters of a line that are shown on either side of a change, and of the change itself. */
const MAX_CONTEXT = 48;
const MAX_CHANGE = 80;
