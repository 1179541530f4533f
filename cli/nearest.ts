import { nearestName } from '../core/text/nearest-name.ts';

/**
 * The one of `words` that somebody may have meant: it differs in two letters at most (one of a short word), or begins with
 * what was written; empty: none does. Neighbours that are swapped count as one.
 */
export function nearest(written: string, words: readonly string[]): string {
  const begun = words.find((word) => written.length > 1 && word.startsWith(written));
  return begun ?? nearestName(written, words, { most: written.length > 4 ? 2 : 1, swap: 1 }) ?? '';
}
