import { patternProblem } from '../../core/regex/pattern.ts';

/** What is wrong with a regular expression of a manifest, with the text itself; null: nothing. */
export function patternFault(regex: string): string | null {
  const problem = patternProblem(regex);
  return problem === null ? null : `"${regex.slice(0, 100)}" ${problem}`;
}
