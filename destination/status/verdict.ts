import type { Complaint } from '../objects/object-ref.ts';
import { formatProblem, type Problem } from '../objects/problem.ts';

/** What Weft makes of an object, as a condition of its status says it. */
export interface Verdict {
  /** Whether the object, as it stands now, is in effect. */
  readonly isAccepted: boolean;
  /**
   * `Invalid`: it has an error, and the last good version stays in effect; `Conflicted`: another object decides in its
   * stead, somewhere at least; `PartiallyHonoured`: something in it is without effect.
   */
  readonly reason: 'Accepted' | 'Invalid' | 'Conflicted' | 'PartiallyHonoured';
  readonly message: string;
}

/**
 * @param problems found in the object itself
 * @param complaints found where objects are read together
 */
export function verdictOf(problems: readonly Problem[], complaints: readonly Complaint[]): Verdict {
  const errors = problems.filter(({ severity }) => severity !== 'warning');
  if (errors.length > 0) return { isAccepted: false, reason: 'Invalid', message: messageOf(errors) };
  // A complaint of no field is about the object as a whole: it lost.
  const lost = complaints.filter(({ path }) => path === '');
  if (lost.length > 0) return { isAccepted: false, reason: 'Conflicted', message: messageOf(lost) };
  const partial = [...problems, ...complaints];
  if (partial.length > 0) return { isAccepted: true, reason: 'PartiallyHonoured', message: messageOf(partial) };
  return { isAccepted: true, reason: 'Accepted', message: 'everything in it is honoured' };
}

/** Sorted, so that every replica says the same. */
function messageOf(problems: readonly Problem[]): string {
  const sentences = [...new Set(problems.map(formatProblem))].sort();
  const said = sentences.slice(0, MAX_SENTENCES).join('; ');
  const more = sentences.length - MAX_SENTENCES;
  return more > 0 ? `${said}; and ${more} more (weft analyze lists all)` : said;
}

const MAX_SENTENCES = 4;
