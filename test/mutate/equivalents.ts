import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Mutant } from './place.ts';

/** A mutant that no test can notice, and why. */
export interface Equivalent {
  readonly file: string;
  readonly text: string;
  readonly reason: string;
}

const FOLDER = join(fileURLToPath(import.meta.url), '../equivalents');

/** Reads what is listed for an area: nothing where it has no list. */
export function readEquivalents(area: string): Equivalent[] {
  const path = join(FOLDER, `${area}.txt`);
  return existsSync(path) ? parseEquivalents(readFileSync(path, 'utf8')) : [];
}

/**
 * Parses a list: a line with a file, below it, by two spaces, the text of a mutant, and below that, by four, its reason.
 * A file holds for the texts that follow. Empty lines and those that begin with `#` say nothing.
 */
export function parseEquivalents(list: string): Equivalent[] {
  const found: { file: string; text: string; reason: string }[] = [];
  let file = '';
  for (const line of list.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (line.startsWith('    ')) found.at(-1)!.reason += `${found.at(-1)!.reason && ' '}${line.trim()}`;
    else if (line.startsWith('  ')) found.push({ file, text: line.trim(), reason: '' });
    else file = line.trim();
  }
  return found;
}

/** True where the mutant is listed. */
export function isListed(mutant: Mutant, equivalents: readonly Equivalent[]): boolean {
  return equivalents.some(({ file, text }) => file === mutant.file && text === mutant.text);
}
